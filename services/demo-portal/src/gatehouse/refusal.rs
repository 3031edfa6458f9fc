//! Why a call did not succeed.

use std::collections::HashMap;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;
use tonic::Status;
use tonic_types::StatusExt;

/// A call that gatehouse refused, or that did not reach it.
pub struct Refusal {
    /// Unspecified where no gatehouse answered, or one that is newer than this program's generated code
    /// gave a reason that it does not know.
    pub reason: ErrorReason,
    /// How long to wait, where time helps.
    pub retry_after: Option<Duration>,
    /// What is wrong with which field of the request.
    pub fields: Vec<(String, String)>,
    metadata: HashMap<String, String>,
    status: Status,
}

impl Refusal {
    /// How many more wrong codes there may be.
    pub fn attempts_remaining(&self) -> Option<u32> {
        self.metadata.get("attempts_remaining")?.parse().ok()
    }

    /// Why a session ended, such as `idle`. None of a token that gatehouse does not know.
    pub fn session_end(&self) -> Option<&str> {
        self.metadata.get("session_end").map(String::as_str)
    }

    /// What is wrong with a field whose path ends with `name`, as a sentence to stand beside it.
    pub fn field(&self, name: &str) -> Option<String> {
        let found = self.fields.iter().find(|(path, _)| path.rsplit('.').next() == Some(name));
        found.map(|(_, description)| sentence(description))
    }

    /// For the log: never for a page.
    pub const fn status(&self) -> &Status {
        &self.status
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let fields = details.bad_request().map(|bad| bad.field_violations.as_slice());
        Self {
            reason: info
                .and_then(|info| ErrorReason::from_str_name(&info.reason))
                .unwrap_or(ErrorReason::Unspecified),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            fields: fields
                .unwrap_or_default()
                .iter()
                .map(|violation| (violation.field.clone(), violation.description.clone()))
                .collect(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            status,
        }
    }
}

/// gatehouse says `must be 3 to 20`; beside a field stands `Must be 3 to 20.`
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str().trim_end_matches('.'))
    })
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn every_detail_of_an_error_is_read() {
        let mut details = ErrorDetails::new();
        details
            .set_error_info(
                "ERROR_REASON_REAUTHENTICATION_REQUIRED",
                "gatehouse.v1",
                [
                    ("attempts_remaining".to_owned(), "3".to_owned()),
                    ("session_end".to_owned(), "idle".to_owned()),
                ],
            )
            .set_retry_info(Some(Duration::from_secs(3)))
            .add_bad_request_violation("portal.mfa.issuer", "no colon");
        let refusal =
            Refusal::from(Status::with_error_details(Code::FailedPrecondition, "later", details));
        assert!(refusal.reason == ErrorReason::ReauthenticationRequired);
        assert_eq!(refusal.attempts_remaining(), Some(3));
        assert_eq!(refusal.session_end(), Some("idle"));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(refusal.field("issuer"), Some("No colon.".to_owned()));
        assert_eq!(refusal.field("mfa"), None);
    }

    #[test]
    fn what_no_gatehouse_answered_has_no_reason() {
        let refusal = Refusal::from(Status::unavailable("connection refused"));
        assert!(refusal.reason == ErrorReason::Unspecified);
        assert_eq!(refusal.session_end(), None);
    }
}
