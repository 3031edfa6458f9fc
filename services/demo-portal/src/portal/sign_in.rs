//! The pages of a sign-in. gatehouse picks each next one; here is a page for each.

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gatehouse_api::v1::verify_second_factor_request::Proof;
use gatehouse_api::v1::{
    ClientContext, ErrorReason, FinishSignInRequest, GetSignInRequest, SignIn, StartSignInRequest,
    VerifyPasswordRequest, VerifySecondFactorRequest,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::refused::{Refused, with_retry_after};
use super::visitor::{self, InSignIn};
use super::{Portal, backup_codes};
use crate::gatehouse::Refusal;
use crate::page::alert;
use crate::time;
use crate::web::{Device, see_other};

mod pages;
mod why;

pub use pages::{backup_code_field, code_field, digits};

/// Paths below `/sign-in`.
pub fn routes() -> Router<Portal> {
    Router::new()
        .route("/", get(show).post(start))
        .route("/password", post(password))
        .route("/code", post(code))
        .route("/backup-code", post(backup_code))
        .route("/backup-codes", post(backup_codes::of_sign_in))
        .route("/finish", post(finish))
        .route("/cancel", post(cancel))
}

/// What is wrong with what was just sent.
pub struct Trouble {
    status: StatusCode,
    /// In words.
    pub text: Markup,
    wait: Option<std::time::Duration>,
}

impl Trouble {
    /// Of a proof that was refused, in the words of a form. Whatever else it was is an error of the page.
    ///
    /// # Errors
    /// A refusal for any other reason.
    pub fn of(refused: Refused, wrong: &str) -> Result<Self, Refused> {
        let refusal = &refused.refusal;
        let text = match refusal.reason {
            ErrorReason::CredentialsRejected => html! { (wrong) (tries_left(refusal)) },
            ErrorReason::RequestInvalid => html! { (wrong) },
            ErrorReason::Throttled => html! { "Too many tries." (again(refusal)) },
            ErrorReason::SignInLocked => html! { "Too many wrong codes." (again(refusal)) },
            _ => return Err(refused),
        };
        let status = match refusal.reason {
            ErrorReason::Throttled | ErrorReason::SignInLocked => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Ok(Self { status, text, wait: refusal.retry_after })
    }

    /// The page on which it stands.
    pub fn respond(self, page: Markup) -> Response {
        with_retry_after(self.wait, (self.status, page))
    }

    /// As an alert. None where there is no trouble.
    pub fn alert(trouble: Option<&Self>) -> Markup {
        trouble.map(|trouble| alert(&trouble.text)).unwrap_or_default()
    }
}

fn tries_left(refusal: &Refusal) -> Markup {
    match refusal.attempts_remaining() {
        None => html! {},
        Some(0) => html! { " That was the last try." },
        Some(1) => html! { " 1 try left." },
        Some(left) => html! { " " (left) " tries left." },
    }
}

fn again(refusal: &Refusal) -> Markup {
    html! {
        @match refusal.retry_after {
            Some(wait) => { " You can try again at " (time::countdown_of(wait)) "." }
            None => { " Only an administrator can unlock your account." }
        }
    }
}

/// What a link on a page may ask for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    why: Option<String>,
    with: Option<String>,
    step: Option<String>,
}

impl Shown {
    fn backup_code(&self) -> bool {
        self.with.as_deref() == Some("backup-code")
    }

    /// Past the QR code.
    pub fn code(&self) -> bool {
        self.step.as_deref() == Some("code")
    }
}

async fn show(
    State(portal): State<Portal>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if visitor::session_token(&headers).is_some() {
        // Signed in already, perhaps in another tab. If it is over, the home page says why.
        return Ok(see_other("/"));
    }
    let Some(token) = visitor::sign_in_token(&headers) else {
        return Ok(pages::email("", "", &why::words(shown.why.as_deref())).into_response());
    };
    Ok(pages::of(&stand(&portal, token).await?, &shown, None).into_response())
}

/// Where a sign-in stands.
async fn stand(portal: &Portal, sign_in_token: String) -> Result<SignIn, Refused> {
    let response = portal.auth().get_sign_in(GetSignInRequest { sign_in_token }).await?;
    Ok(response.into_inner().sign_in.unwrap_or_default())
}

#[derive(Deserialize)]
struct Email {
    email: String,
}

async fn start(
    State(portal): State<Portal>,
    Device(client): Device,
    headers: HeaderMap,
    Form(Email { email }): Form<Email>,
) -> Result<Response, Refused> {
    if visitor::session_token(&headers).is_some() {
        // One browser is one customer: signing out comes first.
        return Ok(see_other("/"));
    }
    let request = StartSignInRequest { email: email.clone(), client: Some(client) };
    match portal.auth().start_sign_in(request).await.map_err(Refusal::from) {
        Ok(response) => Ok(visitor::proceed(response.into_inner().sign_in.unwrap_or_default())),
        Err(refusal) => match refusal.field("email") {
            Some(_) => {
                let page = pages::email(&email, "That is not an email address.", &html! {});
                Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
            }
            None => Err(refusal.into()),
        },
    }
}

#[derive(Deserialize)]
struct Password {
    password: String,
}

async fn password(
    State(portal): State<Portal>,
    InSignIn(token): InSignIn,
    Device(client): Device,
    Form(Password { password }): Form<Password>,
) -> Result<Response, Refused> {
    let request =
        VerifyPasswordRequest { sign_in_token: token.clone(), password, client: Some(client) };
    match portal.auth().verify_password(request).await {
        Ok(response) => Ok(visitor::proceed(response.into_inner().sign_in.unwrap_or_default())),
        Err(status) => {
            let wrong = "The email address or the password is not right.";
            again_with(&portal, token, &Shown::default(), Trouble::of(status.into(), wrong)?).await
        }
    }
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

async fn code(
    State(portal): State<Portal>,
    InSignIn(token): InSignIn,
    Device(client): Device,
    Form(Code { code }): Form<Code>,
) -> Result<Response, Refused> {
    second_factor(&portal, token, Proof::TotpCode(code), client, &Shown::default()).await
}

async fn backup_code(
    State(portal): State<Portal>,
    InSignIn(token): InSignIn,
    Device(client): Device,
    Form(Code { code }): Form<Code>,
) -> Result<Response, Refused> {
    let shown = Shown { with: Some("backup-code".to_owned()), ..Shown::default() };
    second_factor(&portal, token, Proof::BackupCode(code), client, &shown).await
}

async fn second_factor(
    portal: &Portal,
    token: String,
    proof: Proof,
    client: ClientContext,
    shown: &Shown,
) -> Result<Response, Refused> {
    let request = VerifySecondFactorRequest {
        sign_in_token: token.clone(),
        proof: Some(proof),
        client: Some(client),
    };
    match portal.auth().verify_second_factor(request).await {
        Ok(response) => Ok(visitor::proceed(response.into_inner().sign_in.unwrap_or_default())),
        Err(status) => {
            let trouble = Trouble::of(status.into(), "That code is not right.")?;
            again_with(portal, token, shown, trouble).await
        }
    }
}

/// The page where the sign-in stands, with what was wrong.
async fn again_with(
    portal: &Portal,
    token: String,
    shown: &Shown,
    trouble: Trouble,
) -> Result<Response, Refused> {
    let page = pages::of(&stand(portal, token).await?, shown, Some(&trouble));
    Ok(trouble.respond(page))
}

/// The page of an enrollment's code again, or, where there is no enrollment any more, of what comes next.
///
/// # Errors
/// As GetSignIn.
pub async fn code_again(
    portal: &Portal,
    token: String,
    trouble: Trouble,
) -> Result<Response, Refused> {
    again_with(portal, token, &Shown::default(), trouble).await
}

async fn finish(
    State(portal): State<Portal>,
    InSignIn(sign_in_token): InSignIn,
    Device(client): Device,
) -> Result<Response, Refused> {
    let request = FinishSignInRequest { sign_in_token, client: Some(client) };
    let response = portal.auth().finish_sign_in(request).await?;
    Ok(visitor::proceed(response.into_inner().sign_in.unwrap_or_default()))
}

/// Begins anew. gatehouse need not be told: what is given up ends by itself.
async fn cancel() -> Response {
    visitor::forget_sign_in(see_other("/sign-in"))
}
