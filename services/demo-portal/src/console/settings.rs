//! The portal's settings: a form, where it matters a preview of what a change means, and the change.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::{ErrorReason, GetPortalRequest, Portal, UpdatePortalResponse};
use maud::{Markup, html};
use serde::Deserialize;
use tonic::Status;

use super::errors::Errors;
use super::notice::{self, Done};
use super::refused::Refused;
use super::{Console, customers, frame};
use crate::gatehouse::Refusal;
use crate::page::alert;
use crate::web::see_other;

mod change;
mod form;
mod preview;
mod typed;

use change::Change;
use typed::{FIELDS, Typed};

const PATH: &str = "/settings";

/// What the preview sends along with the settings.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Confirmed {
    #[serde(flatten)]
    typed: Typed,
    /// Sent only where it is ticked.
    end_weaker_sessions: Option<String>,
}

/// The settings as they are.
pub async fn page(
    State(console): State<Console>,
    Query(query): Query<notice::Query>,
) -> Result<Response, Refused> {
    let portal = portal(&console).await?;
    slider(&console, &portal, &Typed::of(&portal), &query.show(&console), &Errors::default()).await
}

/// Checks what was typed. Where customers will notice it the administrator sees a preview first;
/// anything else is saved at once.
pub async fn check(
    State(console): State<Console>,
    Form(typed): Form<Typed>,
) -> Result<Response, Refused> {
    let portal = portal(&console).await?;
    let change = match Change::new(&portal, &typed) {
        Ok(change) => change,
        Err(errors) => return slider(&console, &portal, &typed, &html! {}, &errors).await,
    };
    if change.is_empty() {
        return Ok(see_other(&Done::Unchanged.told_at(PATH)));
    }
    if !change.needs_preview() {
        return apply(&console, &portal, &typed, &change, false).await;
    }
    match console.admin.clone().update_portal(change.preview()).await {
        Ok(response) => {
            let UpdatePortalResponse { portal: after, impact } = response.into_inner();
            let after = after.unwrap_or_default();
            let page = preview::page(&portal, &after, impact.unwrap_or_default(), &typed);
            Ok(page.into_response())
        }
        Err(status) => refused(&console, &portal, &typed, status).await,
    }
}

/// The form again, as it was before the preview.
pub async fn back(
    State(console): State<Console>,
    Form(typed): Form<Typed>,
) -> Result<Response, Refused> {
    let portal = portal(&console).await?;
    slider(&console, &portal, &typed, &html! {}, &Errors::default()).await
}

/// Saves what the preview showed.
pub async fn save(
    State(console): State<Console>,
    Form(confirmed): Form<Confirmed>,
) -> Result<Response, Refused> {
    let Confirmed { typed, end_weaker_sessions } = confirmed;
    let portal = portal(&console).await?;
    match Change::new(&portal, &typed) {
        Ok(change) if change.is_empty() => Ok(see_other(&Done::Unchanged.told_at(PATH))),
        Ok(change) => {
            apply(&console, &portal, &typed, &change, end_weaker_sessions.is_some()).await
        }
        Err(errors) => slider(&console, &portal, &typed, &html! {}, &errors).await,
    }
}

async fn portal(console: &Console) -> Result<Portal, Refused> {
    let request = GetPortalRequest { name: console.portal.to_owned() };
    Ok(console.admin.clone().get_portal(request).await?.into_inner().portal.unwrap_or_default())
}

async fn apply(
    console: &Console,
    portal: &Portal,
    typed: &Typed,
    change: &Change,
    end_weaker_sessions: bool,
) -> Result<Response, Refused> {
    match console.admin.clone().update_portal(change.update(end_weaker_sessions)).await {
        Ok(_) => Ok(see_other(&Done::Saved.told_at(PATH))),
        Err(status) => refused(console, portal, typed, status).await,
    }
}

/// The form again, with what gatehouse says about it.
async fn refused(
    console: &Console,
    portal: &Portal,
    typed: &Typed,
    status: Status,
) -> Result<Response, Refused> {
    match Refusal::from(status.clone()).reason {
        // The form was made for other settings than there are now: what was typed may mean something
        // else by now.
        ErrorReason::EtagMismatch => {
            let told = alert(&html! {
                "Somebody else changed the settings meanwhile. Here they are as they stand now."
            });
            let portal = self::portal(console).await?;
            let typed = Typed::of(&portal);
            let page = slider(console, &portal, &typed, &told, &Errors::default()).await?;
            Ok((StatusCode::CONFLICT, page).into_response())
        }
        ErrorReason::MfaEnforcementSamlConflict => {
            let errors =
                Errors::one("enforced", "MFA cannot be enforced while SAML is configured.");
            slider(console, portal, typed, &html! {}, &errors).await
        }
        _ => slider(console, portal, typed, &html! {}, &Errors::of_form(status, &FIELDS)?).await,
    }
}

async fn slider(
    console: &Console,
    portal: &Portal,
    typed: &Typed,
    told: &Markup,
    errors: &Errors,
) -> Result<Response, Refused> {
    let behind = customers::first_body(console).await?;
    let title = "Customer Portal Settings";
    let body = html! {
        // To look at: no key and no screen reader gets there.
        div class="behind" inert aria-hidden="true" { (behind) }
        section class="slider" aria-labelledby="settings" {
            div class="head" {
                h1 id="settings" { (title) }
                a class="button quiet" href="/customers" { "Close" }
            }
            (told)
            (form::form(portal, typed, errors))
        }
    };
    Ok(errors.answer(frame(PATH).bare_page(title, &body)))
}
