//! Pages of lists. A page token is sealed and bound to the request that made
//! it: it shows nothing, and works for the same list alone.

use std::fmt;

use super::fields::Fields;
use crate::app::App;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 1000;

/// A list as it was asked for: the method, and everything that its pages share.
pub struct List(String);

impl List {
    /// The list that `method` gives for `request`, which leaves out page size
    /// and token.
    #[must_use]
    pub fn new(method: &str, request: &impl fmt::Debug) -> Self {
        Self(format!("{method} {request:?}"))
    }

    /// The token of the page that comes after the item `last`.
    #[must_use]
    pub fn token_after(&self, app: &App, last: &str) -> String {
        app.vault.seal_page_token(&mut app.entropy.rng(), &self.0, last)
    }

    /// The item after which the page begins; `None` for the first page.
    pub fn last_seen(&self, app: &App, fields: &mut Fields, token: &str) -> Option<String> {
        if token.is_empty() {
            return None;
        }
        let last = app.vault.open_page_token(&self.0, token);
        if last.is_none() {
            fields.note("page_token", "must come from an answer to the same request");
        }
        last
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
