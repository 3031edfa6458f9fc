//! Pages of lists. A page token is sealed and bound to the request that made
//! it: it shows nothing, and works for the same list alone.

use std::fmt;

use gatehouse_domain::field::Malformed;

use super::fields::Fields;
use crate::app::App;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 1000;

/// A list as it was asked for: the method, and everything that its pages share.
pub struct List(String);

/// One page of a list, whose items are found by keys of type `K`.
pub struct Page<K> {
    list: List,
    size: u32,
    /// The item after which it begins; `None` for the first page.
    pub after: Option<K>,
}

impl List {
    /// The list that `method` gives for `request`, which leaves out page size
    /// and token.
    #[must_use]
    pub fn new(method: &str, request: &impl fmt::Debug) -> Self {
        Self(format!("{method} {request:?}"))
    }

    /// What stands in a token of this very list; none for any other.
    pub(super) fn open(&self, app: &App, token: &str) -> Option<String> {
        app.vault().open_page_token(&self.0, token)
    }

    /// A token of this list after `item`.
    pub(super) fn seal(&self, app: &App, item: &str) -> String {
        app.vault().seal_page_token(&mut app.entropy.rng(), &self.0, item)
    }

    /// The page that these two fields ask for: of 50 items if nothing is asked
    /// for, of at most 1000. `parse` reads the names of [`Page::cut`].
    pub fn page<K>(
        self,
        app: &App,
        fields: &mut Fields,
        page_size: i32,
        page_token: &str,
        parse: impl FnOnce(&str) -> Result<K, Malformed>,
    ) -> Page<K> {
        let size = match u32::try_from(page_size) {
            Ok(0) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
            Err(_) => {
                fields.note("page_size", "must not be negative");
                DEFAULT_SIZE
            }
        };
        let mut after = None;
        if !page_token.is_empty() {
            let last = self.open(app, page_token);
            after = last.and_then(|last| parse(&last).ok());
            if after.is_none() {
                fields.note("page_token", "must come from an answer to the same request");
            }
        }
        Page { list: self, size, after }
    }
}

impl<K> Page<K> {
    /// The same page of at most `size` items, where these are large: clients take
    /// answers of 4 MiB.
    #[must_use]
    pub fn of_at_most(self, size: u32) -> Self {
        Self { size: self.size.min(size), ..self }
    }

    /// How many items to look for: one more than the page holds, which tells
    /// whether another page follows.
    #[must_use]
    pub fn limit(&self) -> u64 {
        u64::from(self.size) + 1
    }

    /// Cuts what was found to the page's size. Gives the token of the next page
    /// too, empty where none follows; `name` says how an item is found again.
    #[must_use]
    pub fn cut<T>(
        &self,
        app: &App,
        mut found: Vec<T>,
        name: impl FnOnce(&T) -> String,
    ) -> (Vec<T>, String) {
        let more = found.len() as u64 >= self.limit();
        found.truncate(self.size as usize);
        let last = found.last().filter(|_| more);
        let token = last.map(|last| self.list.seal(app, &name(last)));
        (found, token.unwrap_or_default())
    }
}
