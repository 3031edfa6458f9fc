//! What gatehouse refuses and no form can tell, as a page: the one place that makes one of an error.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_api::v1::ErrorReason;
use maud::html;
use tonic::{Code, Status};

use super::frame;
use crate::gatehouse::Refusal;
use crate::page::link_button;

/// When to try again where gatehouse does not say.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why there is no page but this.
pub struct Refused(pub Refusal);

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self(status.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        let kind = Kind::of(&refusal);
        if kind != Kind::NotFound {
            // What it says is for operators alone: no page shows it.
            tracing::warn!(status = %refusal.status(), reason = refusal.reason.as_str_name(), "refused");
        }
        match kind {
            Kind::NotFound => not_found(),
            Kind::NotAllowed => page(
                StatusCode::FORBIDDEN,
                "The console may not do this",
                "Its key for gatehouse does not allow it. Ask who runs the console.",
            ),
            Kind::Away => wait(
                &refusal,
                "gatehouse cannot be reached",
                "Please try again soon, and look then whether your last change was made.",
            ),
            Kind::Busy => wait(
                &refusal,
                "gatehouse is busy",
                "It had no time for this. Please try again soon, and look then whether your last change was \
                 made.",
            ),
            Kind::Unexpected => page(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                "The console's log says more.",
            ),
        }
    }
}

/// The page for what is not there.
pub fn not_found() -> Response {
    page(StatusCode::NOT_FOUND, "Page not found", "It is not here, or not any more.")
}

/// What a page can say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NotFound,
    NotAllowed,
    Away,
    Busy,
    Unexpected,
}

impl Kind {
    fn of(refusal: &Refusal) -> Self {
        match refusal.reason {
            // Forms tell of bad fields themselves: these came with the address.
            ErrorReason::ResourceNotFound | ErrorReason::RequestInvalid => Self::NotFound,
            ErrorReason::ApiKeyScope => Self::NotAllowed,
            ErrorReason::StoreUnavailable | ErrorReason::ApiKeyInvalid => Self::Away,
            ErrorReason::Overloaded => Self::Busy,
            ErrorReason::Unspecified => match refusal.status().code() {
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Self::Away,
                _ => Self::Unexpected,
            },
            _ => Self::Unexpected,
        }
    }
}

fn wait(refusal: &Refusal, title: &str, text: &str) -> Response {
    let wait = refusal.retry_after.unwrap_or(RETRY_AFTER).as_secs().max(1);
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, title, text);
    response.headers_mut().insert(header::RETRY_AFTER, wait.into());
    response
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let body = html! {
        p { (text) }
        p { (link_button("/customers", "Customers")) }
    };
    (status, frame("").page(title, &body)).into_response()
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn refused(code: Code, reason: ErrorReason) -> Response {
        let details = ErrorDetails::with_error_info(reason.as_str_name(), "gatehouse.v1", []);
        Refused::from(Status::with_error_details(code, "internals", details)).into_response()
    }

    #[test]
    fn every_reason_has_its_page() {
        for (code, reason, status) in [
            (Code::NotFound, ErrorReason::ResourceNotFound, 404),
            (Code::InvalidArgument, ErrorReason::RequestInvalid, 404),
            (Code::PermissionDenied, ErrorReason::ApiKeyScope, 403),
            (Code::Unauthenticated, ErrorReason::ApiKeyInvalid, 503),
            (Code::Unavailable, ErrorReason::StoreUnavailable, 503),
            (Code::ResourceExhausted, ErrorReason::Overloaded, 503),
            (Code::Internal, ErrorReason::Internal, 500),
            (Code::FailedPrecondition, ErrorReason::PortalNotEmpty, 500),
        ] {
            let response = refused(code, reason);
            assert_eq!(response.status(), status, "{}", reason.as_str_name());
            let says_when = response.headers().contains_key(header::RETRY_AFTER);
            assert_eq!(says_when, status == 503, "{}", reason.as_str_name());
        }
    }

    #[test]
    fn no_answer_is_told_as_such() {
        for status in [Status::unavailable("connection refused"), Status::cancelled("timeout")] {
            assert_eq!(Refused::from(status).into_response().status(), 503);
        }
        assert_eq!(Refused::from(Status::unknown("?")).into_response().status(), 500);
    }
}
