//! The administrator's console: what holds an admin key, and nothing else.
//!
//! | module | what |
//! |---|---|
//! | [`administrator`], [`sign_in`] | who may use it, and how they get in |
//! | [`customers`], [`new_customer`], [`customer`], [`reset`] | customers, and what can be done for one |
//! | [`sessions`] | who is signed in |
//! | [`settings`] | the portal's policies, with a preview of what they mean |
//! | [`audit`] | what happened |
//! | [`refused`], [`errors`] | what gatehouse refuses: as a page, or beside a form's fields |
//! | [`resource`], [`notice`], [`parts`] | names and paths, what was done, parts of pages |

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_extractor_with_state;
use axum::routing::{get, post};
use maud::html;

use crate::gatehouse::Admin;
use crate::outbox::{Letterhead, Outbox};
use crate::page::Frame;
use crate::web;

mod administrator;
mod audit;
mod customer;
mod customers;
mod errors;
mod new_customer;
mod notice;
mod parts;
mod refused;
mod reset;
mod resource;
mod sessions;
mod settings;
mod sign_in;

pub use administrator::Administrator;

use administrator::SignedIn;

/// What every page of the console stands on.
#[derive(Clone)]
pub struct Console {
    /// The resource name of the portal that it administers.
    portal: &'static str,
    admin: Admin,
    administrator: Arc<Administrator>,
    outbox: Outbox,
    letters: Letterhead,
}

impl Console {
    /// Of one portal.
    pub fn new(
        portal: &'static str,
        admin: Admin,
        administrator: Administrator,
        outbox: Outbox,
        letters: Letterhead,
    ) -> Self {
        Self { portal, admin, administrator: Arc::new(administrator), outbox, letters }
    }
}

/// The site. What changes something is a POST and answers with the way to a page; what shows something
/// is a GET and changes nothing.
pub fn site(console: Console) -> Router {
    let of_signed_in = Router::new()
        .route("/", get(async || web::see_other("/customers")))
        .route("/customers", get(customers::page))
        // Not below /customers: there stand ids, and one may be `new`.
        .route("/new-customer", get(new_customer::page).post(new_customer::add))
        .route("/customers/{id}", get(customer::page))
        .route("/customers/{id}/unlock", post(customer::unlock))
        .route("/customers/{id}/suspend", post(customer::suspend))
        .route("/customers/{id}/reinstate", post(customer::reinstate))
        .route("/customers/{id}/invite", post(customer::invite))
        .route("/customers/{id}/reset", get(reset::page).post(reset::reset))
        .route("/customers/{id}/sessions/end", post(sessions::end_all_of_customer))
        .route("/customers/{id}/sessions/{session}/end", post(sessions::end_from_customer))
        .route("/sessions", get(sessions::page))
        .route("/sessions/{id}/{session}/end", post(sessions::end_from_list))
        .route("/settings", get(settings::page).post(settings::check))
        .route("/settings/back", post(settings::back))
        .route("/settings/save", post(settings::save))
        .route("/audit", get(audit::page))
        .route("/sign-out", post(sign_in::sign_out))
        // Here and not in each handler, so that none is without it.
        .route_layer(from_extractor_with_state::<SignedIn, _>(console.clone()));
    let pages = of_signed_in
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .fallback(async || refused::not_found())
        // The address of a form that was sent, typed or taken along.
        .method_not_allowed_fallback(async || web::see_other("/"));
    web::site(pages, |title, body| outer_frame().page(title, body)).with_state(console)
}

const SITE: &str = "Acme Console";

const PLACES: [(&str, &str); 4] = [
    ("/customers", "Customers"),
    ("/sessions", "Sessions"),
    ("/audit", "Audit trail"),
    ("/settings", "Settings"),
];

/// Around the pages of who is signed in. `here` is one of the places.
fn frame(here: &'static str) -> Frame<'static> {
    Frame { here, places: &PLACES, ..outer_frame() }
}

/// Around the others.
fn outer_frame() -> Frame<'static> {
    Frame {
        site: SITE,
        places: &[],
        here: "",
        foot: html! { "Administration of the customer portal" },
    }
}
