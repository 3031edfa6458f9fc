//! What a client is answered whose request may not pass: a call's error, in HTTP.

use std::time::Duration;

use gatehouse_api::envoy::service::auth::v3::check_response::HttpResponse;
use gatehouse_api::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse};
use gatehouse_api::envoy::r#type::v3::{HttpStatus, StatusCode};
use gatehouse_api::google::rpc;
use gatehouse_api::v1::ErrorReason;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Map, Value};
use tonic::Status;
use tonic_types::StatusExt;

use super::set;
use crate::metrics::reason_word;

/// When to come back to a gatehouse that is away. The examples say the same.
const AWAY: Duration = Duration::from_secs(5);

/// The answer to a client about whose request a check failed with `status`, whose metadata may
/// hold a challenge; the question may have been too large to be read. A status that has no
/// reason of ours is a defect.
///
/// The body has the words of the contract, as what the examples answer to a script has.
#[must_use]
pub fn denial(status: &Status, is_too_large: bool) -> CheckResponse {
    let details = status.get_error_details();
    let info = details.error_info();
    let reason = info.and_then(|info| ErrorReason::from_str_name(&info.reason));
    let reason = reason.unwrap_or(ErrorReason::Internal);
    let challenge = status.metadata().get(WWW_AUTHENTICATE.as_str());
    let challenge = challenge.and_then(|value| value.to_str().ok());
    let code = if is_too_large {
        // RFC 6585, section 5. It is the headers that make a question large.
        StatusCode::RequestHeaderFieldsTooLarge
    } else {
        status_code(reason, challenge.is_some())
    };

    let mut headers = vec![
        set(CONTENT_TYPE.as_str(), "application/json"),
        set(CACHE_CONTROL.as_str(), "no-store"),
    ];
    headers.extend(challenge.map(|challenge| set(WWW_AUTHENTICATE.as_str(), challenge)));
    let wait = details.retry_info().and_then(|info| info.retry_delay);
    let wait = wait.or((code == StatusCode::ServiceUnavailable).then_some(AWAY));
    headers.extend(wait.map(|wait| set(RETRY_AFTER.as_str(), whole_seconds(wait).to_string())));

    let said = info.into_iter().flat_map(|info| &info.metadata);
    let said = said.map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    let mut body: Map<_, _> = said.collect();
    body.insert("reason".to_owned(), reason_word(reason.as_str_name()).into());
    CheckResponse {
        status: Some(rpc::Status { code: status.code().into(), message: String::new() }),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: code.into() }),
            headers,
            body: Value::from(body).to_string(),
        })),
    }
}

/// Whatever is no verdict about the request is the deployment's, and says nothing about
/// anybody's token.
fn status_code(reason: ErrorReason, is_challenged: bool) -> StatusCode {
    match reason {
        ErrorReason::SessionInvalid | ErrorReason::ReauthenticationRequired => {
            StatusCode::Unauthorized
        }
        // RFC 6750, section 3.1: the client's tokens. Otherwise it is what Envoy asks that
        // cannot be understood.
        ErrorReason::RequestInvalid if is_challenged => StatusCode::BadRequest,
        // No other token would do: there is no factor to prove.
        ErrorReason::MfaNotEnabled => StatusCode::Forbidden,
        ErrorReason::Throttled => StatusCode::TooManyRequests,
        ErrorReason::RequestInvalid | ErrorReason::Internal => StatusCode::InternalServerError,
        _ => StatusCode::ServiceUnavailable,
    }
}

/// As many that all of it has passed.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
