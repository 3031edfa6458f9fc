//! Errors as the contract describes them.

use std::collections::BTreeMap;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;
use gatehouse_domain::time::Timestamp;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Answer, timestamp};

/// All that a client is told of why a call failed. Compared whole, so that
/// nothing is there that should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    reason: &'static str,
    metadata: BTreeMap<String, String>,
    /// The fields of BadRequest, in its order.
    fields: Vec<String>,
    retry_after: Option<Duration>,
    /// The type and subject of each violation of PreconditionFailure.
    preconditions: Vec<(String, String)>,
    /// The type and name of ResourceInfo.
    resource: Option<(String, String)>,
}

/// The refusal that `answer` is.
pub fn refused<T>(answer: Answer<T>) -> Refusal {
    match answer {
        Ok(_) => panic!("the call succeeded"),
        Err(status) => Refusal::read(&status),
    }
}

impl Refusal {
    /// What `status` tells. Holds it to what is the same for every error.
    pub fn read(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
        assert_eq!(info.domain, "gatehouse.v1");
        let trailer = status.metadata().get("gatehouse-reason").map(MetadataValue::as_bytes);
        assert_eq!(trailer, Some(info.reason.as_bytes()), "{status:?}");
        assert!(!status.message().is_empty());
        let reason = ErrorReason::from_str_name(&info.reason)
            .unwrap_or_else(|| panic!("{} is not in the contract", info.reason));
        let fields = details.bad_request().map(|bad| &bad.field_violations);
        let preconditions = details.precondition_failure().map(|failure| &failure.violations);
        Self {
            code: status.code(),
            reason: reason.as_str_name(),
            metadata: info.metadata.clone().into_iter().collect(),
            fields: fields.into_iter().flatten().map(|bad| bad.field.clone()).collect(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            preconditions: preconditions
                .into_iter()
                .flatten()
                .map(|violation| (violation.r#type.clone(), violation.subject.clone()))
                .collect(),
            resource: details
                .resource_info()
                .map(|info| (info.resource_type.clone(), info.resource_name.clone())),
        }
    }

    /// This reason with its code, and nothing else.
    pub fn of(reason: ErrorReason) -> Self {
        Self {
            code: code(reason),
            reason: reason.as_str_name(),
            metadata: BTreeMap::new(),
            fields: Vec::new(),
            retry_after: None,
            preconditions: Vec::new(),
            resource: None,
        }
    }

    /// A request of which these fields are wrong.
    pub fn invalid(fields: &[&str]) -> Self {
        Self::of(ErrorReason::RequestInvalid).fields(fields)
    }

    /// A step that is not the one the sign-in is at.
    pub fn step(expected: &str) -> Self {
        Self::of(ErrorReason::SignInStep).with("expected_step", expected)
    }

    /// A wrong code of which so many more are allowed.
    pub fn wrong_code(attempts_remaining: u32) -> Self {
        Self::of(ErrorReason::CredentialsRejected)
            .with("attempts_remaining", &attempts_remaining.to_string())
    }

    /// A session that has ended.
    pub fn session_ended(how: &str) -> Self {
        Self::of(ErrorReason::SessionInvalid).with("session_end", how)
    }

    /// A method that is not built, or not there.
    pub fn unimplemented() -> Self {
        Self { code: Code::Unimplemented, ..Self::of(ErrorReason::RequestInvalid) }
    }

    /// A call whose time was over.
    pub fn deadline_exceeded() -> Self {
        Self { code: Code::DeadlineExceeded, ..Self::of(ErrorReason::Overloaded) }
    }

    /// With one more entry in the metadata of ErrorInfo.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a BadRequest that names `fields`.
    pub fn fields(mut self, fields: &[&str]) -> Self {
        self.fields = fields.iter().map(|&field| field.to_owned()).collect();
        self
    }

    /// With how long to wait from `now` on, said twice.
    pub fn wait(self, now: Timestamp, wait: Duration) -> Self {
        let retry_at = timestamp(now + wait).to_string();
        Self { retry_after: Some(wait), ..self }.with("retry_at", &retry_at)
    }

    /// With a PreconditionFailure about `subject`, of the reason's type.
    pub fn precondition(mut self, subject: &str) -> Self {
        self.preconditions = vec![(self.reason.to_owned(), subject.to_owned())];
        self
    }

    /// With the ResourceInfo of `name`, a message of the contract.
    pub fn resource(mut self, kind: &str, name: &str) -> Self {
        self.resource = Some((format!("gatehouse.v1.{kind}"), name.to_owned()));
        self
    }

    /// Its reason, with the code that the contract has for it.
    pub fn reason(&self) -> ErrorReason {
        let reason = ErrorReason::from_str_name(self.reason).unwrap();
        assert_eq!(self.code, code(reason), "{self:?}");
        reason
    }

    /// How long to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether it is this reason with its code, whatever else there is.
    pub fn is(&self, reason: ErrorReason) -> bool {
        self.reason == reason.as_str_name() && self.code == code(reason)
    }
}

/// The contract's table of codes.
fn code(reason: ErrorReason) -> Code {
    use ErrorReason as R;

    match reason {
        R::Unspecified => panic!("never sent"),
        R::ApiKeyInvalid
        | R::CredentialsRejected
        | R::SignInInvalid
        | R::SessionInvalid
        | R::InvitationInvalid => Code::Unauthenticated,
        R::ApiKeyScope | R::CustomerSuspended => Code::PermissionDenied,
        R::Throttled | R::SignInLocked | R::Overloaded => Code::ResourceExhausted,
        R::SignInStep
        | R::MfaEnforcementSamlConflict
        | R::MfaEnforced
        | R::MfaNotEnabled
        | R::EnrollmentNotStarted
        | R::EnrollmentNotVerified
        | R::PortalNotEmpty
        | R::ReauthenticationRequired
        | R::PortalUsesSaml => Code::FailedPrecondition,
        R::RequestInvalid | R::PasswordPolicy => Code::InvalidArgument,
        R::ResourceNotFound => Code::NotFound,
        R::ResourceExists => Code::AlreadyExists,
        R::EtagMismatch => Code::Aborted,
        R::ResumeTokenExpired => Code::OutOfRange,
        R::StoreUnavailable => Code::Unavailable,
        R::Internal => Code::Internal,
    }
}
