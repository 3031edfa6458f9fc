//! [`AppError`] as `google.rpc` details and trailers.

use std::collections::HashMap;

use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use super::AppError;

const DOMAIN: &str = "gatehouse.v1";

/// More would not fit the headers that clients accept.
const MAX_VIOLATIONS: usize = 20;

/// The trailer that repeats the reason, for clients that cannot decode details.
pub(crate) const REASON_HEADER: &str = "gatehouse-reason";

impl From<AppError> for Status {
    fn from(error: AppError) -> Self {
        match &error {
            AppError::Internal(source) => tracing::error!(error = source.as_ref(), "call failed"),
            AppError::StoreUnavailable(source) | AppError::Collided(source) => {
                tracing::warn!(error = source.as_ref(), "store unavailable");
            }
            _ => {}
        }
        let reason = error.reason().as_str_name();
        let mut trailers = MetadataMap::new();
        trailers.insert(REASON_HEADER, MetadataValue::from_static(reason));
        Self::with_error_details_and_metadata(
            error.code(),
            error.to_string(),
            details(&error),
            trailers,
        )
    }
}

/// `status` with the id under which the log tells more.
pub(crate) fn with_request_id(status: &Status, request_id: &str) -> Status {
    let mut details = status.get_error_details();
    details.set_request_info(request_id, "");
    Status::with_error_details_and_metadata(
        status.code(),
        status.message(),
        details,
        status.metadata().clone(),
    )
}

fn details(error: &AppError) -> ErrorDetails {
    let mut details =
        ErrorDetails::with_error_info(error.reason().as_str_name(), DOMAIN, metadata(error));
    match error {
        AppError::RequestInvalid(fields) | AppError::PasswordPolicy(fields) => {
            details.set_bad_request(violations(fields));
        }
        AppError::Throttled(wait) | AppError::SignInLocked(Some(wait)) => {
            details.set_retry_info(Some(wait.delay));
        }
        AppError::Overloaded { retry_after } => {
            details.set_retry_info(Some(*retry_after));
        }
        AppError::MfaEnforcementSamlConflict { portal } => {
            details.add_precondition_failure_violation(
                error.reason().as_str_name(),
                portal,
                "remove saml, or clear mfa.enforced",
            );
        }
        AppError::ResourceNotFound { name } => {
            details.set_resource_info(resource_type(name), name, "", "");
        }
        AppError::ResourceExists { name, fields } => {
            details.set_resource_info(resource_type(name), name, "", "");
            if !fields.is_empty() {
                details.set_bad_request(violations(fields));
            }
        }
        _ => {}
    }
    details
}

fn metadata(error: &AppError) -> HashMap<String, String> {
    let entry = match error {
        AppError::CredentialsRejected { attempts_remaining: Some(attempts) } => {
            Some(("attempts_remaining", attempts.to_string()))
        }
        AppError::SessionInvalid { end: Some(end) } => Some(("session_end", (*end).to_owned())),
        AppError::SignInStep { expected } => Some(("expected_step", (*expected).to_owned())),
        AppError::ReauthenticationRequired { accepted } => Some(("accepted", accepted.join(","))),
        AppError::Throttled(wait) | AppError::SignInLocked(Some(wait)) => {
            Some(("retry_at", wait.until.to_string()))
        }
        _ => None,
    };
    entry.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn violations(fields: &[gatehouse_domain::field::FieldViolation]) -> Vec<FieldViolation> {
    let first = fields.iter().take(MAX_VIOLATIONS);
    first.map(|violation| FieldViolation::new(&violation.field, &violation.description)).collect()
}

/// The message of the contract that a resource name stands for.
fn resource_type(name: &str) -> &'static str {
    match name.rsplit('/').nth(1) {
        Some("portals") => "gatehouse.v1.Portal",
        Some("customers") => "gatehouse.v1.Customer",
        Some("sessions") => "gatehouse.v1.Session",
        Some("apiKeys") => "gatehouse.v1.ApiKey",
        _ => "",
    }
}
