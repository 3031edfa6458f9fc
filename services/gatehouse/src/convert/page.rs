//! Pages of lists. A page token is sealed and bound to the request that made
//! it: it shows nothing, and works for the same list alone.

use data_encoding::BASE64URL_NOPAD;
use gatehouse_domain::vault::Context;

use super::fields::Fields;
use crate::app::App;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 1000;

/// A list as it was asked for: the method, and everything that its pages share.
pub struct List<'a> {
    /// The method.
    pub method: &'static str,
    /// The request without page size and token, in any fixed form.
    pub request: &'a str,
}

impl List<'_> {
    /// The token of the page that comes after the item `last`.
    #[must_use]
    pub fn token_after(&self, app: &App, last: &str) -> String {
        let sealed = app.vault.seal(&mut app.entropy.rng(), &self.context(), last.as_bytes());
        BASE64URL_NOPAD.encode(&sealed)
    }

    /// The item after which the page begins; `None` for the first page.
    pub fn last_seen(&self, app: &App, fields: &mut Fields, token: &str) -> Option<String> {
        if token.is_empty() {
            return None;
        }
        let open = || {
            let sealed = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
            let last = app.vault.open(&self.context(), &sealed).ok()?;
            String::from_utf8(last.to_vec()).ok()
        };
        let last = open();
        if last.is_none() {
            fields.note("page_token", "must come from an answer to the same request");
        }
        last
    }

    fn context(&self) -> Context<'_> {
        Context {
            table: "page_token",
            column: self.method,
            portal: "",
            customer: "",
            row: self.request,
            generation: 0,
        }
    }
}

/// How many items a page holds: 50 if nothing is asked for, at most 1000.
pub fn size(fields: &mut Fields, page_size: i32) -> u32 {
    match u32::try_from(page_size) {
        Ok(0) => DEFAULT_SIZE,
        Ok(size) => size.min(MAX_SIZE),
        Err(_) => {
            fields.note("page_size", "must not be negative");
            DEFAULT_SIZE
        }
    }
}
