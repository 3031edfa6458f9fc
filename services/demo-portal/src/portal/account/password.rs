//! Changing the password.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::{ChangePasswordRequest, ErrorReason};
use maud::{Markup, html};
use serde::Deserialize;

use super::Then;
use crate::page::{Field, button, counted, notice, post, username};
use crate::portal::invitation::password_hint;
use crate::portal::refused::{self, Refused};
use crate::portal::sign_in::Trouble;
use crate::portal::visitor::SignedIn;
use crate::portal::{Portal, inside};

/// The form.
pub async fn show(State(portal): State<Portal>, customer: SignedIn) -> Result<Markup, Refused> {
    Ok(page(&customer.who.email, &password_hint(&portal).await?, "", None))
}

fn page(email: &str, hint: &str, error: &str, trouble: Option<&Trouble>) -> Markup {
    let current =
        Field { name: "current_password", label: "Current password", ..Field::current_password() };
    let new = Field::new_password(hint, error);
    let fields =
        html! { (username(email)) (current.render()) (new.render()) (button("Change password")) };
    let body = html! {
        (Trouble::alert(trouble))
        (post("/account/password", &fields))
        p class="muted" { "Every other session of yours ends with it." }
    };
    inside("/account", "Change password", &body)
}

/// Both passwords.
#[derive(Deserialize)]
pub struct Change {
    current_password: String,
    new_password: String,
}

/// Changes it.
pub async fn change(
    State(portal): State<Portal>,
    customer: SignedIn,
    Form(form): Form<Change>,
) -> Result<Response, Refused> {
    let email = &customer.who.email;
    let request = ChangePasswordRequest {
        session_token: customer.token,
        current_password: form.current_password,
        new_password: form.new_password,
        client: Some(customer.device.0),
    };
    let refused = match portal.auth().change_password(request).await {
        Ok(response) => {
            portal.outbox.send(portal.letters.password_changed(email));
            return Ok(done(response.into_inner().sessions_ended).into_response());
        }
        Err(status) => Refused::from(status).then(Some(Then::Password)),
    };
    if refused.refusal.reason == ErrorReason::PortalUsesSaml {
        return Ok(refused::uses_saml());
    }
    let error = refused.refusal.field("new_password").unwrap_or_default();
    if refused.refusal.reason == ErrorReason::PasswordPolicy || !error.is_empty() {
        let hint = password_hint(&portal).await?;
        let page = page(email, &hint, &error, None);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let trouble = Trouble::of(refused, "The current password is not right.")?;
    let hint = password_hint(&portal).await?;
    let page = page(email, &hint, "", Some(&trouble));
    Ok(trouble.respond(page))
}

fn done(sessions_ended: i32) -> Markup {
    let ended = counted(sessions_ended, "other session", "other sessions");
    let body = html! {
        (notice(&html! { "Your password is changed; " (ended) " ended." }))
        a href="/account" { "My Account" }
    };
    inside("/account", "Password changed", &body)
}
