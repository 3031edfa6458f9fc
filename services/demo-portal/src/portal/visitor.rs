//! Who asks, by the cookies of the request. A cookie is only what a browser says: gatehouse judges
//! every token anew, with every request.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use gatehouse_api::v1::{
    ClientContext, ErrorReason, SignIn, SignOutRequest, ValidateSessionRequest,
    ValidateSessionResponse, sign_in,
};

use super::Portal;
use super::refused::Refused;
use crate::gatehouse::Refusal;
use crate::web::{self, Device};

/// Holds the token of a session.
const SESSION: &str = "__Host-session";

/// Holds the token of a sign-in under way. A different one, so that neither can be taken for the other.
const SIGN_IN: &str = "__Host-sign-in";

/// The token of the browser's session, whatever it is worth.
pub fn session_token(headers: &HeaderMap) -> Option<String> {
    token(headers, SESSION)
}

/// The token of the browser's sign-in, whatever it is worth.
pub fn sign_in_token(headers: &HeaderMap) -> Option<String> {
    token(headers, SIGN_IN)
}

fn token(headers: &HeaderMap, name: &str) -> Option<String> {
    CookieJar::from_headers(headers).get(name).map(|cookie| cookie.value().to_owned())
}

/// Goes on with a sign-in where gatehouse says, or home with the session that it has become.
pub fn proceed(step: SignIn) -> Response {
    let jar = CookieJar::new();
    match step.next {
        Some(sign_in::Next::Session(issued)) => {
            let jar = jar.add(web::clear(SIGN_IN)).add(web::secret_cookie(SESSION, issued.token));
            (jar, web::see_other("/")).into_response()
        }
        _ => (jar.add(web::secret_cookie(SIGN_IN, step.token)), web::see_other("/sign-in"))
            .into_response(),
    }
}

/// The same for somebody who may not be the customer of the browser's session, which is forgotten.
pub fn proceed_anew(step: SignIn) -> Response {
    match step.next {
        Some(sign_in::Next::Session(_)) => proceed(step),
        _ => forget_session(proceed(step)),
    }
}

/// Ends the browser's session, if it has one: because it is asked to, or because another customer's
/// takes its place.
///
/// # Errors
/// If gatehouse has not ended it.
pub async fn leave(
    portal: &Portal,
    headers: &HeaderMap,
    client: ClientContext,
) -> Result<(), Refused> {
    let Some(session_token) = session_token(headers) else { return Ok(()) };
    let request = SignOutRequest { session_token, target: None, client: Some(client) };
    match portal.auth().sign_out(request).await.map_err(Refusal::from) {
        Ok(_) => Ok(()),
        // Not a token at all: there is nothing to end.
        Err(refusal) if refusal.reason == ErrorReason::RequestInvalid => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// An answer with which the browser forgets a sign-in.
pub fn forget_sign_in(response: impl IntoResponse) -> Response {
    (CookieJar::new().add(web::clear(SIGN_IN)), response).into_response()
}

/// An answer with which the browser forgets a session.
pub fn forget_session(response: impl IntoResponse) -> Response {
    (CookieJar::new().add(web::clear(SESSION)), response).into_response()
}

/// A customer with a live session. A handler that asks for one is not reached without.
pub struct SignedIn {
    /// The session's token.
    pub token: String,
    /// Who it is, and how strongly proven.
    pub who: ValidateSessionResponse,
    /// On what device.
    pub device: Device,
}

impl FromRequestParts<Portal> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Response> {
        let device =
            Device::from_request_parts(parts, portal).await.map_err(IntoResponse::into_response)?;
        let token = session_token(&parts.headers).ok_or_else(|| web::see_other("/sign-in"))?;
        let request = ValidateSessionRequest {
            session_token: token.clone(),
            client: Some(device.0.clone()),
            ..ValidateSessionRequest::default()
        };
        let who = portal.auth().validate_session(request).await;
        let who = who.map_err(|status| Refused::from(status).into_response())?.into_inner();
        Ok(Self { token, who, device })
    }
}

/// A browser in the middle of a sign-in: its token, whatever it is worth.
pub struct InSignIn(pub String);

impl<S: Sync> FromRequestParts<S> for InSignIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        sign_in_token(&parts.headers).map(Self).ok_or_else(|| web::see_other("/sign-in"))
    }
}
