//! Multi-Factor Authentication: what can be set up, and what is in force.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::{DisableMfaRequest, Factor, FactorType, Mfa};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Then, read_mfa, state};
use crate::page::{actions, counted, facts, link_button, notice, post, quiet_button};
use crate::portal::enrollment::{self, Place};
use crate::portal::refused::Refused;
use crate::portal::sign_in::{Shown, Trouble};
use crate::portal::visitor::SignedIn;
use crate::portal::{Portal, inside};
use crate::time;
use crate::web::see_other;

/// What a redirect to the page says.
#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// The modes as cards.
pub async fn show(
    State(portal): State<Portal>,
    Query(Done { done }): Query<Done>,
    customer: SignedIn,
) -> Result<Markup, Refused> {
    let said = match done.as_deref() {
        Some("changed") => notice(&html! {
            "Your new authenticator is in force. Your backup codes are the same."
        }),
        Some("enabled") => notice(&html! {
            "Multi-factor authentication is on. If you have not kept your backup codes, make new ones."
        }),
        Some("deleted") => notice(&html! { "Multi-factor authentication is off." }),
        _ => html! {},
    };
    Ok(page(&read_mfa(&portal, &customer).await?, &said))
}

fn page(mfa: &Mfa, said: &Markup) -> Markup {
    let body = html! {
        (said)
        @if let Some(from) = time::read(mfa.enroll_by_time) {
            p class="warning" { "From " (time::moment(from)) " you will need it to sign in." }
        }
        @if mfa.pending.is_some() {
            p class="notice" role="status" {
                "You have begun to set up an authenticator. "
                a href=(Place::Account.page()) { "Go on" }
            }
        }
        @match mfa.factors.first() {
            Some(factor) => (in_force(mfa, factor)),
            None if mfa.pending.is_some() => {},
            None => (enrollment::cards(Place::Account, &mfa.available)),
        }
    };
    inside("/account", "Multi-Factor Authentication", &body)
}

fn in_force(mfa: &Mfa, factor: &Factor) -> Markup {
    let at = |time| time::read(time).map(time::moment);
    html! {
        section class="card" {
            h2 { "OTP Authenticator" }
            p { (state(mfa)) }
            (facts(&[
                ("Since", html! { (at(factor.create_time).unwrap_or_default()) }),
                ("Last used", at(factor.last_used_time).unwrap_or_else(|| html! { "never" })),
                ("Backup codes", html! { (counted(mfa.backup_codes_remaining, "code", "codes")) " left" }),
            ]))
            a href="/account/backup-codes" { "New backup codes" }
            // What can be set up can be set up anew.
            @if mfa.available.contains(&FactorType::Totp.into()) {
                (post(Place::Account.path(), &quiet_button("Change Configuration")))
            }
            @if mfa.enforced {
                button type="button" class="quiet" disabled aria-describedby="why-not" { "Delete Configuration" }
                p class="hint" id="why-not" { "Your portal requires multi-factor authentication, so it cannot be deleted." }
            } @else {
                (actions(&link_button("/account/mfa/delete", "Delete Configuration")))
            }
        }
    }
}

/// What is being set up.
///
/// # Errors
/// As GetMfa.
pub async fn enrollment(
    portal: &Portal,
    customer: &SignedIn,
    shown: &Shown,
) -> Result<Response, Refused> {
    match read_mfa(portal, customer).await?.pending {
        Some(pending) => {
            Ok(enrollment::pending(Place::Account, &pending, shown.code(), None).into_response())
        }
        None => Ok(see_other("/account/mfa")),
    }
}

/// The page of an enrollment's code again, or of what there is where there is no enrollment any more.
///
/// # Errors
/// As GetMfa.
pub async fn code_again(
    portal: &Portal,
    customer: &SignedIn,
    trouble: Trouble,
) -> Result<Response, Refused> {
    let mfa = read_mfa(portal, customer).await?;
    let page = match &mfa.pending {
        Some(pending) => enrollment::pending(Place::Account, pending, true, Some(&trouble)),
        None => page(&mfa, &Trouble::alert(Some(&trouble))),
    };
    Ok(trouble.respond(page))
}

/// Before the factor goes.
pub async fn ask_delete(_: SignedIn) -> Markup {
    let body = html! {
        p { "The authenticator and the backup codes will not work any more, and your password alone will let you in." }
        (post("/account/mfa/delete", &html! {
            button type="submit" class="danger" { "Delete" }
        }))
        (actions(&link_button("/account/mfa", "Cancel")))
    };
    inside("/account", "Delete configuration?", &body)
}

/// Takes the factor out of force.
pub async fn delete(State(portal): State<Portal>, customer: SignedIn) -> Result<Response, Refused> {
    let request = DisableMfaRequest {
        session_token: customer.token.clone(),
        client: Some(customer.device.0),
    };
    let deleted = portal.auth().disable_mfa(request).await;
    deleted.map_err(|status| Refused::from(status).then(Some(Then::Delete)))?;
    portal.outbox.send(portal.letters.mfa_off(&customer.who.email));
    Ok(see_other("/account/mfa?done=deleted"))
}
