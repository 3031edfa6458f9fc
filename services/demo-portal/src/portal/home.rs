//! What customers come for. Here it is little: who they are, and how strongly that is proven.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::{Assurance, GetMfaRequest, Mfa, MfaState, Session};
use maud::{Markup, html};

use super::refused::{self, Refused};
use super::visitor::{self, SignedIn};
use super::{Portal, inside};
use crate::page::facts;
use crate::time;
use crate::web::{Device, see_other};

/// The home page.
pub async fn show(State(portal): State<Portal>, customer: SignedIn) -> Result<Response, Refused> {
    let request = GetMfaRequest { session_token: customer.token };
    let mfa = portal.auth().get_mfa(request).await?.into_inner().mfa.unwrap_or_default();
    let who = customer.who;
    let name = if who.display_name.is_empty() { &who.email } else { &who.display_name };
    let session = who.session.unwrap_or_default();
    let mut about = vec![
        ("Signed in as", html! { (who.email) }),
        ("Proven by", html! { (proven_by(&session)) }),
    ];
    if mfa.state() == MfaState::Enabled {
        about.push(("Backup codes", html! { (mfa.backup_codes_remaining) " left" }));
    }
    let body = html! {
        (reminders(&mfa))
        (facts(&about))
        section class="card" {
            h2 { "Your invoices" }
            p { "There are none. A real portal would have asked gatehouse, as this page has, who you are and how strongly proven." }
        }
        a href="/account" { "My Account" }
    };
    Ok(inside("/", &format!("Welcome, {name}"), &body).into_response())
}

/// How strongly, in words.
pub fn proven_by(session: &Session) -> &'static str {
    match session.assurance() {
        Assurance::MultiFactor => "password and second factor",
        _ => "password",
    }
}

/// What is good to know before it is too late.
fn reminders(mfa: &Mfa) -> Markup {
    html! {
        @if let Some(from) = time::read(mfa.enroll_by_time) {
            p class="warning" role="status" {
                "From " (time::moment(from)) " you will need multi-factor authentication. "
                a href="/account/mfa" { "Set up Now" }
            }
        }
        @if mfa.state() == MfaState::Enabled && mfa.backup_codes_remaining < 2 {
            p class="warning" role="status" {
                @match mfa.backup_codes_remaining {
                    0 => "You have no backup code left. ",
                    _ => "You have 1 backup code left. ",
                }
                a href="/account/backup-codes" { "Make new ones" }
            }
        }
    }
}

/// Ends the session, at gatehouse and here, and forgets a sign-in that the next person at this browser
/// would find.
pub async fn sign_out(
    State(portal): State<Portal>,
    Device(client): Device,
    headers: HeaderMap,
) -> Response {
    match visitor::leave(&portal, &headers, client).await {
        Ok(()) => {
            let left = visitor::forget_session(see_other("/sign-in?why=signed-out"));
            visitor::forget_sign_in(left)
        }
        Err(refused) => refused::not_signed_out(&refused),
    }
}
