//! The customer's portal: what holds a portal key, and nothing else.
//!
//! It keeps no state. What a customer is in the middle of stands in a cookie as the token of a sign-in, who
//! is signed in as the token of a session, and gatehouse says with every request what they are worth.
//!
//! | module | what |
//! |---|---|
//! | [`sign_in`] | the pages of a sign-in: whichever its `next` asks for |
//! | [`enrollment`], [`backup_codes`] | setting up a factor, in a sign-in and in My Account alike |
//! | [`account`] | My Account |
//! | [`invitation`] | the first password, or a new one |
//! | [`visitor`] | who asks, by the cookies |
//! | [`refused`] | the one place where an error of gatehouse becomes a page |

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use tokio::sync::Semaphore;

use crate::gatehouse::PortalAuth;
use crate::outbox::{Letterhead, Outbox};
use crate::page::Frame;
use crate::web;

mod account;
mod backup_codes;
mod enrollment;
mod home;
mod invitation;
mod mail;
mod refused;
mod sign_in;
mod visitor;

use enrollment::Place;

/// The portal's name.
pub const NAME: &str = "Acme Billing";

/// How many links may be asked for at once.
const REQUESTS: usize = 32;

/// What every page of the portal stands on.
#[derive(Clone)]
pub struct Portal {
    auth: PortalAuth,
    outbox: Outbox,
    letters: Letterhead,
    /// Places for requests of links that are carried out after their answer.
    requests: Arc<Semaphore>,
}

impl Portal {
    /// Over one key.
    pub fn new(auth: PortalAuth, outbox: Outbox, letters: Letterhead) -> Self {
        Self { auth, outbox, letters, requests: Arc::new(Semaphore::new(REQUESTS)) }
    }

    /// A client for one request: all share one connection.
    fn auth(&self) -> PortalAuth {
        self.auth.clone()
    }
}

/// The site.
pub fn site(portal: Portal) -> Router {
    let pages = Router::new()
        .route("/", get(home::show))
        .route("/outbox", get(mail::show))
        .nest("/sign-in", sign_in::routes())
        .nest(Place::SignIn.path(), enrollment::routes(Place::SignIn))
        .nest("/account", account::routes())
        .nest(Place::Account.path(), enrollment::routes(Place::Account))
        .merge(invitation::routes())
        .route("/sign-out", axum::routing::post(home::sign_out))
        .fallback(refused::not_found)
        // The address of a form that was sent, typed or taken along: on to where the visitor is.
        .method_not_allowed_fallback(async || web::see_other("/"));
    web::site(pages, outside).with_state(portal)
}

fn foot() -> Markup {
    html! { "A demonstration. The mail that it would send is in the " a href="/outbox" { "outbox" } "." }
}

/// A page for somebody who is not signed in, or of whom it does not matter.
fn outside(title: &str, body: &Markup) -> Markup {
    Frame { site: NAME, places: &[], here: "", foot: foot() }.page(title, body)
}

/// A page for a customer who is signed in, at the place with the path `here`.
fn inside(here: &str, title: &str, body: &Markup) -> Markup {
    let places = &[("/", "Home"), ("/account", "My Account")];
    Frame { site: NAME, places, here, foot: foot() }.page(title, body)
}
