//! The one place where an error of gatehouse becomes a page, but for what a form says itself: a wrong
//! code, a password too short, a wait.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::ErrorReason;
use maud::{Markup, html};
use tonic::Status;

use super::account::Then;
use super::{outside, visitor};
use crate::gatehouse::Refusal;
use crate::page::{alert, button, post};
use crate::time;
use crate::web::see_other;

/// When to come back to a gatehouse that is away.
const AWAY: Duration = Duration::from_secs(10);

/// What gatehouse did not do, and what the customer was about.
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    then: Option<Then>,
}

impl Refused {
    /// What the customer was about in My Account, to go on there once they have proven themselves anew.
    #[must_use]
    pub fn then(self, then: Option<Then>) -> Self {
        Self { then, ..self }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, then: None }
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Refusal::from(status).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { refusal, then } = self;
        // A cookie that does not even look like a token is worth as much as one of a token that has ended.
        let malformed =
            |token| refusal.reason == ErrorReason::RequestInvalid && refusal.field(token).is_some();
        let reason = match refusal.reason {
            _ if malformed("session_token") => ErrorReason::SessionInvalid,
            _ if malformed("sign_in_token") => ErrorReason::SignInInvalid,
            reason => reason,
        };
        match reason {
            ErrorReason::SessionInvalid => {
                let why = refusal.session_end().unwrap_or("unknown").replace('_', "-");
                visitor::forget_session(see_other(&format!("/sign-in?why={why}")))
            }
            ErrorReason::SignInInvalid => {
                visitor::forget_sign_in(see_other("/sign-in?why=sign-in-over"))
            }
            // Another tab has gone on, or policy has changed: what is shown there is where it stands.
            ErrorReason::SignInStep | ErrorReason::PortalUsesSaml => see_other("/sign-in"),
            ErrorReason::EnrollmentNotStarted | ErrorReason::EnrollmentNotVerified => {
                see_other(then.map_or("/sign-in", Then::page))
            }
            // The page that says how things are, and not the one that asks whether to.
            ErrorReason::MfaEnforced | ErrorReason::MfaNotEnabled => see_other("/account/mfa"),
            ErrorReason::ReauthenticationRequired => {
                see_other(&then.unwrap_or(Then::Account).confirm_page())
            }
            ErrorReason::CustomerSuspended => visitor::forget_sign_in((
                StatusCode::FORBIDDEN,
                outside(
                    "This account is suspended",
                    &html! {
                        p { "Please ask whoever invited you to the portal." }
                        a href="/sign-in" { "Sign in with another account" }
                    },
                ),
            )),
            ErrorReason::Throttled | ErrorReason::SignInLocked => {
                let wait = refusal.retry_after;
                try_later(StatusCode::TOO_MANY_REQUESTS, "Too many tries", wait)
            }
            ErrorReason::Overloaded => {
                let wait = refusal.retry_after;
                try_later(StatusCode::SERVICE_UNAVAILABLE, "Too many people are signing in", wait)
            }
            // The portal's own fault, or gatehouse's: nobody is signed out for it.
            ErrorReason::Unspecified
            | ErrorReason::StoreUnavailable
            | ErrorReason::ApiKeyInvalid
            | ErrorReason::ApiKeyScope => {
                tracing::error!("gatehouse: {}", refusal.status());
                let title = "This does not work right now";
                try_later(StatusCode::SERVICE_UNAVAILABLE, title, Some(AWAY))
            }
            _ => {
                tracing::error!("gatehouse refused what was not expected: {}", refusal.status());
                let body = html! { p { "Please try again later." } };
                let page = outside("Something went wrong", &body);
                (StatusCode::INTERNAL_SERVER_ERROR, page).into_response()
            }
        }
    }
}

fn try_later(status: StatusCode, title: &str, wait: Option<Duration>) -> Response {
    let body = html! {
        (alert(&html! {
            @match wait {
                Some(wait) => { "Please try again at " (time::countdown_of(wait)) "." }
                None => { "Please ask your administrator." }
            }
        }))
        p { "You are not signed out, and what you were about is not lost: load this page again then." }
        a href="/" { "Go to the home page" }
    };
    with_retry_after(wait, (status, outside(title, &body)))
}

/// An answer that tells machines when to come back.
pub fn with_retry_after(wait: Option<Duration>, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if let Some(wait) = wait {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Whoever signs in through a company has no password here to be set.
pub fn uses_saml() -> Response {
    let body = html! {
        p { "You sign in to this portal through your company, and have no password here." }
        a href="/" { "Go to the home page" }
    };
    (StatusCode::CONFLICT, outside("There is no password to set", &body)).into_response()
}

/// More is asked of this portal than it does at once.
pub fn busy() -> Response {
    try_later(StatusCode::SERVICE_UNAVAILABLE, "Too many people are asking", Some(AWAY))
}

/// gatehouse did not end the session, and the browser keeps it to try again: whoever leaves a shared
/// computer has to know.
pub fn not_signed_out(refused: &Refused) -> Response {
    tracing::error!("gatehouse: {}", refused.refusal.status());
    let body = html! {
        (alert(&html! { "Your session goes on. Please try again, or close the browser." }))
        (post("/sign-out", &button("Sign Out")))
        a href="/" { "Go to the home page" }
    };
    let page = outside("You are not signed out", &body);
    with_retry_after(Some(AWAY), (StatusCode::SERVICE_UNAVAILABLE, page))
}

/// No such page.
pub async fn not_found() -> (StatusCode, Markup) {
    let body = html! { a href="/" { "Go to the home page" } };
    (StatusCode::NOT_FOUND, outside("Page not found", &body))
}
