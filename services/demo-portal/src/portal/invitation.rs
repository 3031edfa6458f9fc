//! Passwords by mail: the first one, and one that was forgotten.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_api::v1::{
    AcceptInvitationRequest, ErrorReason, GetOwnPortalRequest, RequestInvitationRequest,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::refused::{self, Refused};
use super::{Portal, backup_codes, outside, visitor};
use crate::page::{Field, alert, button, post};
use crate::web::Device;

/// Paths of their own.
pub fn routes() -> Router<Portal> {
    Router::new()
        .route("/forgot-password", get(forgot).post(request))
        .route("/invitation", get(show).post(accept))
        .route(backup_codes::DOWNLOAD, axum::routing::post(backup_codes::download))
}

async fn forgot() -> Markup {
    let form =
        post("/forgot-password", &html! { (Field::email().render()) (button("Send me a link")) });
    outside("Forgot password?", &html! { (form) a href="/sign-in" { "Back to sign-in" } })
}

#[derive(Deserialize)]
struct Email {
    email: String,
}

/// Answers everybody alike, and at once: who has an account here is nobody's business. What comes of
/// it, the mail tells.
async fn request(
    State(portal): State<Portal>,
    Device(client): Device,
    Form(Email { email }): Form<Email>,
) -> Result<Response, Refused> {
    // What is so for everybody may be told: gatehouse is away, the portal uses SAML.
    let own = portal.auth().get_own_portal(GetOwnPortalRequest {}).await?.into_inner();
    if own.portal.unwrap_or_default().saml.is_some() {
        return Ok(refused::uses_saml());
    }
    // What goes on after the answer has to be bounded by itself: nobody waits for it.
    let Ok(place) = Arc::clone(&portal.requests).try_acquire_owned() else {
        return Ok(refused::busy());
    };
    tokio::spawn(async move {
        let _place = place;
        let request = RequestInvitationRequest { email, client: Some(client) };
        match portal.auth().request_invitation(request).await {
            Ok(response) => {
                if let Some(invitation) = response.into_inner().invitation {
                    let mail = portal.letters.forgotten(&invitation.email, &invitation.token);
                    portal.outbox.send(mail);
                }
            }
            Err(status) => tracing::warn!("no invitation: {status}"),
        }
    });
    let body = html! {
        p role="status" { "If there is an account with that address, a link is on its way. It works for a day." }
        a href="/sign-in" { "Back to sign-in" }
    };
    Ok(outside("Check your mail", &body).into_response())
}

async fn show(State(portal): State<Portal>) -> Result<Markup, Refused> {
    Ok(page(&password_hint(&portal).await?, "", "", &html! {}))
}

/// What a new password has to be.
pub async fn password_hint(portal: &Portal) -> Result<String, Refused> {
    let own = portal.auth().get_own_portal(GetOwnPortalRequest {}).await?.into_inner();
    let policy = own.portal.unwrap_or_default().password.unwrap_or_default();
    Ok(format!(
        "At least {} characters: a few words that only you would put together.",
        policy.effective_min_length
    ))
}

fn page(hint: &str, token: &str, error: &str, trouble: &Markup) -> Markup {
    let code = Field {
        name: "invitation_token",
        label: "Invitation code",
        hint: "Filled in when you come by the link of your mail.",
        value: token,
        ..Field::default()
    };
    let password = Field::new_password(hint, error);
    let form = html! { (code.render()) (password.render()) (button("Set password")) };
    outside("Set your password", &html! { (trouble) (post("/invitation", &form)) })
}

#[derive(Deserialize)]
struct Acceptance {
    invitation_token: String,
    new_password: String,
}

async fn accept(
    State(portal): State<Portal>,
    Device(client): Device,
    headers: HeaderMap,
    Form(form): Form<Acceptance>,
) -> Result<Response, Refused> {
    let invitation_token = form.invitation_token.trim().to_owned();
    let request = AcceptInvitationRequest {
        invitation_token: invitation_token.clone(),
        new_password: form.new_password,
        client: Some(client.clone()),
    };
    let refused = match portal.auth().accept_invitation(request).await {
        Ok(response) => {
            // Somebody else may have been signed in here.
            if let Err(refused) = visitor::leave(&portal, &headers, client).await {
                tracing::warn!("a session goes on: {}", refused.refusal.status());
            }
            let step = response.into_inner().sign_in.unwrap_or_default();
            portal.outbox.send(portal.letters.password_changed(&step.email));
            return Ok(visitor::proceed_anew(step));
        }
        Err(status) => Refused::from(status),
    };
    let error = refused.refusal.field("new_password").unwrap_or_default();
    let no_more = html! {
        "This invitation does not work any more. "
        a href="/forgot-password" { "Ask for a new link" }
    };
    let trouble = match refused.refusal.reason {
        ErrorReason::PasswordPolicy => None,
        ErrorReason::RequestInvalid if !error.is_empty() => None,
        ErrorReason::InvitationInvalid | ErrorReason::RequestInvalid => Some(alert(&no_more)),
        ErrorReason::PortalUsesSaml => return Ok(refused::uses_saml()),
        _ => return Err(refused),
    };
    let hint = password_hint(&portal).await?;
    let page = page(&hint, &invitation_token, &error, &trouble.unwrap_or_default());
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}
