//! Setting up a second factor: the same pages and calls in a sign-in that has to, and in My Account.

use axum::Router;
use axum::extract::{Extension, Form, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gatehouse_api::v1::{
    ClientContext, DeleteEnrollmentRequest, EnableMfaRequest, StartEnrollmentRequest, StartTotp,
    VerifyEnrollmentRequest, enable_mfa_response, start_enrollment_request,
    verify_enrollment_request,
};
use serde::Deserialize;

use super::account::Then;
use super::refused::Refused;
use super::sign_in::{Shown, Trouble};
use super::{Portal, account, backup_codes, sign_in};
use crate::web::{Device, see_other};

mod holder;
mod pages;

pub use holder::{Holder, Place};
pub use pages::{cards, pending};

/// Paths below the place's own.
pub fn routes(place: Place) -> Router<Portal> {
    Router::new()
        .route("/", get(show).post(set_up))
        .route("/verify", post(verify))
        .route("/change", get(ask_change))
        .route("/delete", get(ask_delete).post(delete))
        .route("/enable", post(enable))
        .layer(Extension(place))
}

async fn set_up(
    State(portal): State<Portal>,
    holder: Holder,
    Device(client): Device,
) -> Result<Response, Refused> {
    start(&portal, &holder, client).await
}

/// Sets up, or sets up anew.
///
/// # Errors
/// As StartEnrollment.
pub async fn start(
    portal: &Portal,
    holder: &Holder,
    client: ClientContext,
) -> Result<Response, Refused> {
    let request = StartEnrollmentRequest {
        credential: Some(holder.into()),
        factor: Some(start_enrollment_request::Factor::Totp(StartTotp {})),
        client: Some(client),
    };
    let started = portal.auth().start_enrollment(request).await;
    started.map_err(|status| holder.refused(status, Then::SetUp))?;
    Ok(see_other(holder.place().page()))
}

async fn show(
    State(portal): State<Portal>,
    Query(shown): Query<Shown>,
    holder: Holder,
) -> Result<Response, Refused> {
    match holder {
        Holder::SignIn(_) => Ok(see_other(Place::SignIn.page())),
        Holder::Session(customer) => account::mfa::enrollment(&portal, &customer, &shown).await,
    }
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

async fn verify(
    State(portal): State<Portal>,
    holder: Holder,
    Device(client): Device,
    Form(Code { code }): Form<Code>,
) -> Result<Response, Refused> {
    let request = VerifyEnrollmentRequest {
        credential: Some((&holder).into()),
        proof: Some(verify_enrollment_request::Proof::TotpCode(code)),
        client: Some(client),
    };
    let Err(status) = portal.auth().verify_enrollment(request).await else {
        return Ok(see_other(holder.place().page()));
    };
    let refused = holder.refused(status, Then::Enrollment);
    let trouble = Trouble::of(refused, "That code is not right.")?;
    // What was set up is as it was, or over after too many tries: gatehouse knows.
    match holder {
        Holder::SignIn(token) => sign_in::code_again(&portal, token, trouble).await,
        Holder::Session(customer) => account::mfa::code_again(&portal, &customer, trouble).await,
    }
}

async fn ask_change(Extension(place): Extension<Place>, _: Holder) -> Response {
    pages::ask_change(place).into_response()
}

async fn ask_delete(Extension(place): Extension<Place>, _: Holder) -> Response {
    pages::ask_delete(place).into_response()
}

async fn delete(
    State(portal): State<Portal>,
    holder: Holder,
    Device(client): Device,
) -> Result<Response, Refused> {
    let credential = Some((&holder).into());
    let request = DeleteEnrollmentRequest { credential, client: Some(client) };
    let deleted = portal.auth().delete_enrollment(request).await;
    deleted.map_err(|status| holder.refused(status, Then::Enrollment))?;
    Ok(see_other(holder.place().page()))
}

async fn enable(
    State(portal): State<Portal>,
    holder: Holder,
    Device(client): Device,
) -> Result<Response, Refused> {
    let before = match &holder {
        Holder::SignIn(_) => None,
        Holder::Session(customer) => Some(account::read_mfa(&portal, customer).await?),
    };
    let credential = Some((&holder).into());
    let request = EnableMfaRequest { credential, client: Some(client.clone()) };
    let enabled = portal.auth().enable_mfa(request).await;
    let enabled = enabled.map_err(|status| holder.refused(status, Then::Enrollment))?.into_inner();
    // Sent twice: the first answer has shown the codes, which cannot be shown again.
    if before.as_ref().is_some_and(|before| before.pending.is_none()) {
        return Ok(see_other("/account/mfa?done=enabled"));
    }
    let email = match (&holder, &enabled.result) {
        (Holder::Session(customer), _) => Some(&customer.who.email),
        (_, Some(enable_mfa_response::Result::SignIn(step))) => Some(&step.email),
        _ => None,
    };
    if let Some(email) = email {
        portal.outbox.send(portal.letters.mfa_on(email));
    }
    // Another authenticator, the same codes.
    if before.is_some_and(|before| !before.factors.is_empty()) {
        return Ok(see_other("/account/mfa?done=changed"));
    }
    backup_codes::generate(&portal, &holder, client).await
}
