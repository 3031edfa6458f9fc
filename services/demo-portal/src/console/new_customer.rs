//! Adding a customer, who is then invited to set a password.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use gatehouse_api::v1::{CreateCustomerRequest, CreateInvitationRequest, Customer};
use maud::{Markup, html};
use serde::Deserialize;

use super::errors::Errors;
use super::notice::Done;
use super::refused::Refused;
use super::resource::{customer_id, customer_path};
use super::{Console, frame};
use crate::page::{Field, actions, button, link_button, post};
use crate::web::see_other;

const PATH: &str = "/new-customer";

/// What is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    email: String,
    display_name: String,
}

/// The form.
pub async fn page() -> Markup {
    form(&Typed::default(), &Errors::default())
}

/// Adds and invites.
pub async fn add(
    State(console): State<Console>,
    Form(typed): Form<Typed>,
) -> Result<Response, Refused> {
    let customer = Customer {
        email: typed.email.clone(),
        display_name: typed.display_name.clone(),
        ..Customer::default()
    };
    let request = CreateCustomerRequest {
        parent: console.portal.to_owned(),
        customer: Some(customer),
        ..CreateCustomerRequest::default()
    };
    let made = match console.admin.clone().create_customer(request).await {
        Ok(made) => made.into_inner().customer.unwrap_or_default(),
        Err(status) => {
            let errors = Errors::of_form(status, &["email", "display_name"])?;
            return Ok(errors.answer(form(&typed, &errors)));
        }
    };
    // Where this fails the customer is there all the same, and can be invited from their page.
    invite(&console, &made.name).await?;
    let path = customer_path(customer_id(&made.name).unwrap_or_default());
    Ok(see_other(&Done::Added.told_at(&path)))
}

/// Mails a customer a link by which to set a password.
///
/// # Errors
/// What gatehouse refuses.
pub async fn invite(console: &Console, customer: &str) -> Result<(), Refused> {
    let request = CreateInvitationRequest { customer: customer.to_owned() };
    let made = console.admin.clone().create_invitation(request).await?.into_inner();
    let invitation = made.invitation.unwrap_or_default();
    console.outbox.send(console.letters.invitation(&invitation.email, &invitation.token));
    Ok(())
}

fn form(typed: &Typed, errors: &Errors) -> Markup {
    let email = Field {
        autocomplete: "off",
        value: &typed.email,
        error: errors.of("email"),
        ..Field::email()
    };
    let name = Field {
        name: "display_name",
        label: "Name",
        value: &typed.display_name,
        hint: "As the portal greets them. May be empty.",
        error: errors.of("display_name"),
        optional: true,
        ..Field::default()
    };
    let body = post(
        PATH,
        &html! {
            (email.render())
            (name.render())
            p class="muted" { "They get a mail with a link by which to set a password." }
            (actions(&html! {
                (button("Add and invite"))
                (link_button("/customers", "Cancel"))
            }))
        },
    );
    frame("/customers").page("Add a customer", &body)
}
