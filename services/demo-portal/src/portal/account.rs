//! My Account: what customers do for themselves.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use gatehouse_api::v1::{GetMfaRequest, Mfa, MfaState};
use maud::{Markup, html};

use super::refused::Refused;
use super::visitor::SignedIn;
use super::{Portal, inside};
use crate::page::{card, counted};

mod codes;
mod confirm;
pub mod mfa;
mod password;
mod sessions;
mod then;

pub use then::Then;

/// Paths below `/account`, but for those of setting up a factor.
pub fn routes() -> Router<Portal> {
    Router::new()
        .route("/", get(show))
        .route("/mfa", get(mfa::show))
        .route("/mfa/delete", get(mfa::ask_delete).post(mfa::delete))
        .route("/backup-codes", get(codes::ask).post(codes::make))
        .route("/password", get(password::show).post(password::change))
        .route("/sessions", get(sessions::show))
        .route("/sessions/sign-out", post(sessions::sign_out))
        .route("/sessions/sign-out-others", post(sessions::sign_out_others))
        .route("/confirm", get(confirm::ask).post(confirm::prove))
}

async fn show(State(portal): State<Portal>, customer: SignedIn) -> Result<Markup, Refused> {
    let mfa = read_mfa(&portal, &customer).await?;
    let codes = mfa.backup_codes_remaining;
    let body = html! {
        div class="cards wide" {
            (card("Multi-Factor Authentication", &html! {
                p { (state(&mfa)) }
                a href="/account/mfa" { "Multi-Factor Authentication" }
            }))
            @if mfa.state() == MfaState::Enabled {
                (card("Backup codes", &html! {
                    p { (counted(codes, "code", "codes")) " left" }
                    a href="/account/backup-codes" { "New backup codes" }
                }))
            }
            (card("Password", &html! {
                p { "For " (customer.who.email) }
                a href="/account/password" { "Change password" }
            }))
            (card("Sessions", &html! {
                p { "Where you are signed in" }
                a href="/account/sessions" { "Sessions" }
            }))
        }
    };
    Ok(inside("/account", "My Account", &body))
}

/// Whether a second factor is asked for, as a badge.
fn state(mfa: &Mfa) -> Markup {
    if mfa.state() == MfaState::Enabled {
        html! { span class="badge good" { "Enabled" } }
    } else {
        html! { span class="badge warn" { "Not set up" } }
    }
}

pub async fn read_mfa(portal: &Portal, customer: &SignedIn) -> Result<Mfa, Refused> {
    let request = GetMfaRequest { session_token: customer.token.clone() };
    Ok(portal.auth().get_mfa(request).await?.into_inner().mfa.unwrap_or_default())
}
