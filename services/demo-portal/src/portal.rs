//! The customer's portal: what holds a portal key, and nothing else.

use axum::Router;
use maud::html;

use crate::gatehouse::PortalAuth;
use crate::outbox::{Letterhead, Outbox};
use crate::page::Frame;
use crate::web;

/// What every page of the portal stands on.
#[derive(Clone)]
pub struct Portal {
    name: &'static str,
    auth: PortalAuth,
    outbox: Outbox,
    letters: Letterhead,
}

impl Portal {
    /// Of one name, over one key.
    pub const fn new(
        name: &'static str,
        auth: PortalAuth,
        outbox: Outbox,
        letters: Letterhead,
    ) -> Self {
        Self { name, auth, outbox, letters }
    }
}

/// The site.
pub fn site(portal: Portal) -> Router {
    let frame = Frame { site: portal.name, places: &[], here: "", foot: html! {} };
    let forged = frame.page("This request came from another site", &html! {});
    web::site(Router::new(), forged).with_state(portal)
}
