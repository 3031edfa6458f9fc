//! Reset Portal MFA: for who has lost the authenticator and the backup codes.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use gatehouse_api::v1::ResetCustomerMfaRequest;
use maud::{Markup, html};
use serde::Deserialize;

use super::errors::Errors;
use super::notice::Done;
use super::refused::Refused;
use super::resource::{self, customer_path};
use super::{Console, customer, frame};
use crate::page::{Check, Field, actions, link_button, post};
use crate::web::see_other;

/// What is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    reason: String,
    /// Sent only where it is ticked.
    end_password: Option<String>,
}

/// Asks.
pub async fn page(
    State(console): State<Console>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    ask(&console, &id, &Typed::default(), &Errors::default()).await
}

/// Resets.
pub async fn reset(
    State(console): State<Console>,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Refused> {
    if typed.reason.trim().is_empty() {
        // gatehouse takes none; this company wants to know.
        let errors = Errors::one("reason", "Say why: the audit trail keeps it.");
        return ask(&console, &id, &typed, &errors).await;
    }
    let end_password = typed.end_password.is_some();
    let request = ResetCustomerMfaRequest {
        name: resource::customer(console.portal, &id),
        reason: typed.reason.trim().to_owned(),
        end_password,
    };
    let customer = match console.admin.clone().reset_customer_mfa(request).await {
        Ok(response) => response.into_inner().customer.unwrap_or_default(),
        Err(status) => {
            let errors = Errors::of_form(status, &["reason"])?;
            return ask(&console, &id, &typed, &errors).await;
        }
    };
    // Who did not ask for it learns of it.
    console.outbox.send(console.letters.mfa_reset(&customer.email));
    let done = if end_password { Done::ResetWithPassword } else { Done::Reset };
    Ok(see_other(&done.told_at(&customer_path(&id))))
}

async fn ask(
    console: &Console,
    id: &str,
    typed: &Typed,
    errors: &Errors,
) -> Result<Response, Refused> {
    let customer = customer::get(console, &resource::customer(console.portal, id)).await?;
    Ok(errors.answer(form(id, &customer.email, typed, errors)))
}

fn form(id: &str, email: &str, typed: &Typed, errors: &Errors) -> Markup {
    let path = customer_path(id);
    let reason = Field {
        name: "reason",
        label: "Reason",
        value: &typed.reason,
        hint: "For the audit trail, in at most 200 characters: how did you make sure who asks for it?",
        error: errors.of("reason"),
        first: true,
        ..Field::default()
    };
    let end_password = Check {
        name: "end_password",
        label: "Also end the password",
        hint: "Where somebody else may know it: they could set up MFA first. The customer then needs \
               an invitation.",
        ticked: typed.end_password.is_some(),
        ..Check::default()
    };
    let body = html! {
        p {
            "The authenticator and the backup codes of " strong { (email) } " will not work any more, \
             and every session ends. Where MFA is enforced, it is set up anew at the next sign-in."
        }
        (post(&format!("{path}/reset"), &html! {
            (reason.render())
            (end_password.render())
            (actions(&html! {
                button type="submit" class="danger" { "Reset" }
                (link_button(&path, "Cancel"))
            }))
        }))
    };
    frame("/customers").page("Reset Portal MFA?", &body)
}
