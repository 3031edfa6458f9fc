//! A fresh proof, before anything that could lock the customer out or somebody else in.

use axum::extract::{Form, Query, State};
use axum::response::Response;
use gatehouse_api::v1::{
    Mfa, MfaState, ReauthenticateSessionRequest, reauthenticate_session_request,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Then, read_mfa};
use crate::page::{Field, button, post, username};
use crate::portal::enrollment::{self, Holder};
use crate::portal::refused::Refused;
use crate::portal::sign_in::{Trouble, backup_code_field, code_field, digits};
use crate::portal::visitor::SignedIn;
use crate::portal::{Portal, inside};
use crate::web::see_other;

/// What for, and by what.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    then: Then,
    #[serde(default)]
    with: With,
}

/// What the customer proves themselves by.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum With {
    /// What is asked for first: a code where a factor is in force, else the password.
    #[default]
    Usual,
    /// A backup code.
    BackupCode,
}

/// Asks for it.
pub async fn ask(
    State(portal): State<Portal>,
    Query(asked): Query<Asked>,
    customer: SignedIn,
) -> Result<Markup, Refused> {
    Ok(page(&asked, &customer.who.email, &read_mfa(&portal, &customer).await?, None))
}

/// Where a factor is in force a password is not enough: whoever is at somebody else's open session may
/// know it.
fn page(asked: &Asked, email: &str, mfa: &Mfa, trouble: Option<&Trouble>) -> Markup {
    let enabled = mfa.state() == MfaState::Enabled;
    let backup_code = enabled && asked.with == With::BackupCode;
    let parameters = mfa.factors.first().and_then(|factor| factor.kind.as_ref());
    let hint = digits(
        parameters.and_then(|gatehouse_api::v1::factor::Kind::Totp(totp)| totp.parameters.as_ref()),
    );
    let password = Field { name: "code", first: true, ..Field::current_password() };
    let (with, field) = match (enabled, backup_code) {
        (true, true) => ("backup-code", backup_code_field()),
        (true, false) => ("code", code_field(&hint)),
        _ => ("password", password),
    };
    let here = asked.then.confirm_page();
    let body = html! {
        (Trouble::alert(trouble))
        p { "You are about to change how you sign in, and have not proven yourself for a while." }
        (post("/account/confirm", &html! {
            input type="hidden" name="then" value=(asked.then.name());
            input type="hidden" name="with" value=(with);
            @if !enabled { (username(email)) }
            (field.render())
            (button("Confirm"))
        }))
        @if backup_code {
            a href=(here) { "Use the authenticator app instead" }
        } @else if enabled && mfa.backup_codes_remaining > 0 {
            a href={ (here) "&with=backup-code" } { "Use a backup code instead" }
        }
    };
    inside("/account", "Confirm it is you", &body)
}

/// The proof.
#[derive(Deserialize)]
pub struct Given {
    then: Then,
    with: Kind,
    code: String,
}

/// Of what kind it is.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Password,
    Code,
    BackupCode,
}

/// Proves it, and goes on with what the customer was about.
pub async fn prove(
    State(portal): State<Portal>,
    customer: SignedIn,
    Form(Given { then, with, code }): Form<Given>,
) -> Result<Response, Refused> {
    let (proof, wrong) = match with {
        Kind::Password => {
            (reauthenticate_session_request::Proof::Password(code), "The password is not right.")
        }
        Kind::Code => {
            (reauthenticate_session_request::Proof::TotpCode(code), "That code is not right.")
        }
        Kind::BackupCode => {
            (reauthenticate_session_request::Proof::BackupCode(code), "That code is not right.")
        }
    };
    let request = ReauthenticateSessionRequest {
        session_token: customer.token.clone(),
        proof: Some(proof),
        client: Some(customer.device.0.clone()),
    };
    if let Err(status) = portal.auth().reauthenticate_session(request).await {
        let trouble = Trouble::of(status.into(), wrong)?;
        let with = if with == Kind::BackupCode { With::BackupCode } else { With::Usual };
        let mfa = read_mfa(&portal, &customer).await?;
        let page = page(&Asked { then, with }, &customer.who.email, &mfa, Some(&trouble));
        return Ok(trouble.respond(page));
    }
    match then {
        // It was a click of "Set up Now": no second one for the same.
        Then::SetUp => {
            let client = customer.device.0.clone();
            enrollment::start(&portal, &Holder::Session(Box::new(customer)), client).await
        }
        _ => Ok(see_other(then.page())),
    }
}
