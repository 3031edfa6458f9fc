//! What a call can fail with, and the only conversion to [`tonic::Status`].

mod wire;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::StoreError;
use tonic::Code;

use crate::hasher::{HashError, Overloaded};

pub(crate) use wire::{REASON_HEADER, with_request_id};

type Source = Box<dyn Error + Send + Sync>;

/// Until when a caller has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    delay: Duration,
    until: Timestamp,
}

impl Wait {
    /// Until `until`, as seen at `now`; no time at all where that has passed.
    #[must_use]
    pub fn until(until: Timestamp, now: Timestamp) -> Self {
        Self { delay: until.since(now), until }
    }
}

/// Why a call failed: one variant for every reason of the contract, with what
/// the client is told. The display text is the status message; it is fixed, so
/// it holds no secret. What a variant carries reaches the client, except for
/// the sources, which go to the log.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No API key, or not a live one.
    #[error("the API key is missing or not valid")]
    ApiKeyInvalid,
    /// A wrong password or code, or one that has been used.
    #[error("the credentials were rejected")]
    CredentialsRejected {
        /// How many wrong codes are left before a lock or the enrollment's end.
        /// Only to a caller that has proven the password.
        attempts_remaining: Option<u32>,
    },
    /// No such sign-in, or it has ended.
    #[error("the sign-in is unknown or has ended; start again")]
    SignInInvalid,
    /// No such session, or it has ended.
    #[error("the session is unknown or has ended")]
    SessionInvalid {
        /// How a known one ended: a value of `session_end` in the contract.
        end: Option<&'static str>,
    },
    /// No such invitation, or it has ended.
    #[error("the invitation is unknown or has ended")]
    InvitationInvalid,
    /// The key's grant does not reach this far.
    #[error("the API key does not allow this call")]
    ApiKeyScope,
    /// Only after a right password.
    #[error("the customer is suspended")]
    CustomerSuspended,
    /// Too many tries.
    #[error("too many tries; wait")]
    Throttled(Wait),
    /// So many codes were judged wrong that no more are looked at. Without a
    /// wait only an administrator ends it.
    #[error("too many wrong codes; second factors are locked")]
    SignInLocked(Option<Wait>),
    /// There is more work than can be done now.
    #[error("too much work at the moment; try again")]
    Overloaded {
        /// When there may be room.
        retry_after: Duration,
    },
    /// The call took longer than the caller or the server allows. Whether it
    /// took effect is not known.
    #[error("the call took too long")]
    DeadlineExceeded,
    /// The sign-in is at another step.
    #[error("the sign-in is at another step")]
    SignInStep {
        /// The arm of `SignIn.next` that the sign-in is at.
        expected: &'static str,
    },
    /// MFA enforcement and SAML exclude each other.
    #[error("a portal with SAML cannot enforce MFA")]
    MfaEnforcementSamlConflict {
        /// The portal's resource name.
        portal: String,
    },
    /// The portal asks for a second factor.
    #[error("the portal enforces MFA")]
    MfaEnforced,
    /// No factor is in force.
    #[error("no second factor is enabled")]
    MfaNotEnabled,
    /// There is nothing to verify or enable.
    #[error("no enrollment has been started")]
    EnrollmentNotStarted,
    /// Its code has not been seen yet.
    #[error("the enrollment has not been verified")]
    EnrollmentNotVerified,
    /// A portal with customers goes only by force.
    #[error("the portal has customers")]
    PortalNotEmpty,
    /// The session lives on, but its last proof is too old for this.
    #[error("a fresh proof is required")]
    ReauthenticationRequired {
        /// Which proofs count: of `password`, `totp_code` and `backup_code`.
        accepted: &'static [&'static str],
    },
    /// Customers of this portal have no password here.
    #[error("the portal signs in by SAML")]
    PortalUsesSaml,
    /// What is wrong with the request; the client sees the first 20.
    #[error("the request is not valid")]
    RequestInvalid(Vec<FieldViolation>),
    /// What is wrong with the new password.
    #[error("the password does not meet the policy")]
    PasswordPolicy(Vec<FieldViolation>),
    /// Nothing has that name.
    #[error("there is no such resource")]
    ResourceNotFound {
        /// The resource name.
        name: String,
    },
    /// Something has that name, or another unique property.
    #[error("the resource exists already")]
    ResourceExists {
        /// The name of the resource that has it.
        name: String,
        /// Which fields of the request are taken.
        fields: Vec<FieldViolation>,
    },
    /// The resource has changed since it was read.
    #[error("the resource has changed since it was read")]
    EtagMismatch,
    /// Events after that token are no longer kept.
    #[error("the resume token is too old")]
    ResumeTokenExpired,
    /// A stream whose reader did not keep up. It goes on from the last resume token.
    #[error("the reader of the stream is too slow; go on from the last resume token")]
    ReaderTooSlow,
    /// A stream of a server that ends. It goes on, on another one, from the last resume token.
    #[error("the server is shutting down; go on from the last resume token")]
    ShuttingDown,
    /// The database is away. Says nothing about any credential.
    #[error("the store is unavailable; try again")]
    StoreUnavailable(#[source] Source),
    /// A transaction that collided with another and did nothing. A few more tries
    /// are made before a client sees it.
    #[error("the store is unavailable; try again")]
    Collided(#[source] Source),
    /// A defect, here or in what gatehouse stands on.
    #[error("internal error")]
    Internal(#[source] Source),
    /// The method is unknown, or the message is compressed.
    #[error("this method or message encoding is not implemented")]
    Unimplemented,
}

impl AppError {
    /// The reason in the contract.
    #[must_use]
    pub const fn reason(&self) -> ErrorReason {
        match self {
            Self::ApiKeyInvalid => ErrorReason::ApiKeyInvalid,
            Self::CredentialsRejected { .. } => ErrorReason::CredentialsRejected,
            Self::SignInInvalid => ErrorReason::SignInInvalid,
            Self::SessionInvalid { .. } => ErrorReason::SessionInvalid,
            Self::InvitationInvalid => ErrorReason::InvitationInvalid,
            Self::ApiKeyScope => ErrorReason::ApiKeyScope,
            Self::CustomerSuspended => ErrorReason::CustomerSuspended,
            Self::Throttled(_) => ErrorReason::Throttled,
            Self::SignInLocked(_) => ErrorReason::SignInLocked,
            Self::Overloaded { .. } | Self::DeadlineExceeded => ErrorReason::Overloaded,
            Self::SignInStep { .. } => ErrorReason::SignInStep,
            Self::MfaEnforcementSamlConflict { .. } => ErrorReason::MfaEnforcementSamlConflict,
            Self::MfaEnforced => ErrorReason::MfaEnforced,
            Self::MfaNotEnabled => ErrorReason::MfaNotEnabled,
            Self::EnrollmentNotStarted => ErrorReason::EnrollmentNotStarted,
            Self::EnrollmentNotVerified => ErrorReason::EnrollmentNotVerified,
            Self::PortalNotEmpty => ErrorReason::PortalNotEmpty,
            Self::ReauthenticationRequired { .. } => ErrorReason::ReauthenticationRequired,
            Self::PortalUsesSaml => ErrorReason::PortalUsesSaml,
            Self::RequestInvalid(_) | Self::Unimplemented => ErrorReason::RequestInvalid,
            Self::PasswordPolicy(_) => ErrorReason::PasswordPolicy,
            Self::ResourceNotFound { .. } => ErrorReason::ResourceNotFound,
            Self::ResourceExists { .. } => ErrorReason::ResourceExists,
            Self::EtagMismatch => ErrorReason::EtagMismatch,
            Self::ResumeTokenExpired => ErrorReason::ResumeTokenExpired,
            // The contract's only reason for what is unavailable.
            Self::StoreUnavailable(_)
            | Self::Collided(_)
            | Self::ReaderTooSlow
            | Self::ShuttingDown => ErrorReason::StoreUnavailable,
            Self::Internal(_) => ErrorReason::Internal,
        }
    }

    /// The gRPC code, as the contract's table has it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::ApiKeyInvalid
            | Self::CredentialsRejected { .. }
            | Self::SignInInvalid
            | Self::SessionInvalid { .. }
            | Self::InvitationInvalid => Code::Unauthenticated,
            Self::ApiKeyScope | Self::CustomerSuspended => Code::PermissionDenied,
            Self::Throttled(_) | Self::SignInLocked(_) | Self::Overloaded { .. } => {
                Code::ResourceExhausted
            }
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::SignInStep { .. }
            | Self::MfaEnforcementSamlConflict { .. }
            | Self::MfaEnforced
            | Self::MfaNotEnabled
            | Self::EnrollmentNotStarted
            | Self::EnrollmentNotVerified
            | Self::PortalNotEmpty
            | Self::ReauthenticationRequired { .. }
            | Self::PortalUsesSaml => Code::FailedPrecondition,
            Self::RequestInvalid(_) | Self::PasswordPolicy(_) => Code::InvalidArgument,
            Self::ResourceNotFound { .. } => Code::NotFound,
            Self::ResourceExists { .. } => Code::AlreadyExists,
            Self::EtagMismatch => Code::Aborted,
            Self::ResumeTokenExpired => Code::OutOfRange,
            Self::StoreUnavailable(_)
            | Self::Collided(_)
            | Self::ReaderTooSlow
            | Self::ShuttingDown => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
            Self::Unimplemented => Code::Unimplemented,
        }
    }
}

impl AppError {
    /// Whether it says something about what was presented. The others are trouble
    /// of the server's own, after which nothing is known.
    #[must_use]
    pub const fn is_verdict(&self) -> bool {
        !matches!(
            self,
            Self::Overloaded { .. }
                | Self::DeadlineExceeded
                | Self::ReaderTooSlow
                | Self::ShuttingDown
                | Self::StoreUnavailable(_)
                | Self::Collided(_)
                | Self::Internal(_)
        )
    }
}

impl From<FieldViolation> for AppError {
    fn from(violation: FieldViolation) -> Self {
        Self::RequestInvalid(vec![violation])
    }
}

impl From<Overloaded> for AppError {
    fn from(overloaded: Overloaded) -> Self {
        Self::Overloaded { retry_after: overloaded.retry_after }
    }
}

impl From<HashError> for AppError {
    /// No verdict about the password.
    fn from(error: HashError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Arc::new(error).into()
    }
}

impl From<Arc<StoreError>> for AppError {
    /// A use case that expects a duplicate handles it before: here it is a defect.
    fn from(error: Arc<StoreError>) -> Self {
        match *error {
            StoreError::Unavailable(_) => Self::StoreUnavailable(error.into()),
            StoreError::Conflict(_) => Self::Collided(error.into()),
            StoreError::Duplicate
            | StoreError::Corrupt { .. }
            | StoreError::SchemaTooNew
            | StoreError::Internal(_) => Self::Internal(error.into()),
        }
    }
}
