//! New backup codes.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::page::{actions, button, link_button, post};
use crate::portal::enrollment::Holder;
use crate::portal::refused::Refused;
use crate::portal::visitor::SignedIn;
use crate::portal::{Portal, backup_codes, inside};

/// Before the codes there are stop working.
pub async fn ask(_: SignedIn) -> Markup {
    let body = html! {
        p { "You get five new codes. Any that you have now will not work any more." }
        (post("/account/backup-codes", &button("Make new codes")))
        (actions(&link_button("/account/mfa", "Cancel")))
    };
    inside("/account", "New backup codes?", &body)
}

/// Makes them.
pub async fn make(State(portal): State<Portal>, customer: SignedIn) -> Result<Response, Refused> {
    let client = customer.device.0.clone();
    let email = customer.who.email.clone();
    let page =
        backup_codes::generate(&portal, &Holder::Session(Box::new(customer)), client).await?;
    portal.outbox.send(portal.letters.backup_codes(&email));
    Ok(page)
}
