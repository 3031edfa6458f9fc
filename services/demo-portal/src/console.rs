//! The administrator's console: what holds an admin key, and nothing else.

use axum::Router;
use maud::html;

use crate::gatehouse::Admin;
use crate::outbox::{Letterhead, Outbox};
use crate::page::Frame;
use crate::secret::Secret;
use crate::web;

/// Who may use the console. A company would sign its staff in by what it has for that; here there is
/// one person with one password.
pub struct Administrator {
    email: String,
    password: Secret,
    /// What the cookie of a signed-in administrator holds.
    session: Secret,
}

impl Administrator {
    /// With a password, and a session of this run alone.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn new(email: &str, password: Secret) -> Result<Self, rand::rngs::SysError> {
        Ok(Self { email: email.to_owned(), password, session: Secret::generate()? })
    }
}

/// What every page of the console stands on.
#[derive(Clone)]
pub struct Console {
    /// The resource name of the portal that it administers.
    portal: &'static str,
    admin: Admin,
    outbox: Outbox,
    letters: Letterhead,
}

impl Console {
    /// Of one portal.
    pub fn new(
        portal: &'static str,
        admin: Admin,
        _administrator: Administrator,
        outbox: Outbox,
        letters: Letterhead,
    ) -> Self {
        Self { portal, admin, outbox, letters }
    }
}

/// The site.
pub fn site(console: Console) -> Router {
    let frame = Frame { site: "Acme Console", places: &[], here: "", foot: html! {} };
    let forged = frame.page("This request came from another site", &html! {});
    web::site(Router::new(), forged).with_state(console)
}
