//! `envoy.service.auth.v3`: Envoy asks whether a request may pass, and its own
//! configuration says what the route of the request asks of a session.

mod denial;
mod identity;
mod presented;
mod route;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use gatehouse_api::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use gatehouse_api::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use gatehouse_api::envoy::service::auth::v3::CheckRequest;
use gatehouse_domain::vault::Token;

pub use denial::denial;
pub use identity::allowed;
pub use presented::{Presented, without};
pub use route::Route;

use super::fields::Fields;
use crate::error::AppError;

/// What a request carries and what its route asks for.
pub struct Check {
    /// The request's headers, by names in lower case.
    pub headers: HashMap<String, String>,
    /// What the route asks for.
    pub route: Route,
}

/// Takes a question apart.
///
/// # Errors
/// [`AppError::RequestInvalid`]: Envoy is set up for something that is not understood here.
/// Whoever let the request pass then would let it pass without what was asked for.
pub fn parse(request: CheckRequest) -> Result<Check, AppError> {
    let attributes = request.attributes.unwrap_or_default();
    let mut fields = Fields::default();
    let route = Route::parse(&mut fields, attributes.context_extensions);
    let http = attributes.request.and_then(|request| request.http);
    let http = fields.require("attributes.request.http", http);
    if http.as_ref().is_some_and(|http| http.header_map.is_some()) {
        fields.note("attributes.request.http.header_map", "encode_raw_headers is not supported");
    }
    let http = fields.finish_with(http)?;
    Ok(Check { headers: http.headers, route })
}

/// The session token that a question is about, where it is about one: for a look at it
/// before the question is taken apart.
#[must_use]
pub fn session_token(request: CheckRequest) -> Option<Token> {
    let check = parse(request).ok()?;
    match Presented::of(&check.headers, &check.route.cookie) {
        Presented::One(token) => Some(token),
        _ => None,
    }
}

/// A header in place of all others of its name.
fn set(name: &str, value: impl Into<String>) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.to_owned(), value: value.into() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}
