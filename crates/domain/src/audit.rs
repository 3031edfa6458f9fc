//! What the audit trail tells. An event is written in the transaction it tells
//! of and never holds a secret.

use std::net::SocketAddr;

use crate::client::ClientContext;
use crate::id::{ApiKeyId, AuditEventId, CustomerId, PortalId, SessionId};
use crate::time::Timestamp;

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// The types of events. Their words are stable; more may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventType {
            $($(#[$doc])* $name,)*
        }

        impl EventType {
            /// Every type.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The dotted word that the API and the database use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

event_types! {
    /// A portal was made.
    PortalCreated = "portal.created",
    /// Settings of a portal were changed; attribute `paths`.
    PortalUpdated = "portal.updated",
    /// A customer was made.
    CustomerCreated = "customer.created",
    /// An API key was made; attribute `key`.
    ApiKeyCreated = "api_key.created",
    /// An API key was ended; attribute `key`.
    ApiKeyRevoked = "api_key.revoked",
    /// A sign-in ended in a session; attribute `factor`.
    SignInSucceeded = "sign_in.succeeded",
    /// A password or code was refused; attribute `step`.
    SignInFailed = "sign_in.failed",
    /// A password was proven and a sign-in goes on; attribute `next`.
    PasswordVerified = "sign_in.password_verified",
    /// Setting up a factor began.
    EnrollmentStarted = "mfa.enrollment_started",
    /// The code of a factor being set up was right.
    EnrollmentVerified = "mfa.enrollment_verified",
    /// The code of a factor being set up was wrong; attribute `attempts_remaining`.
    EnrollmentFailed = "mfa.enrollment_failed",
    /// Setting up a factor was given up.
    EnrollmentDeleted = "mfa.enrollment_deleted",
    /// A factor came into force.
    MfaEnabled = "mfa.enabled",
    /// An administrator took the factor away; attributes `reason`, `end_password`, `sessions_ended`.
    MfaReset = "mfa.reset",
    /// Backup codes were made in place of all earlier ones.
    BackupCodesGenerated = "backup_codes.generated",
    /// Sessions were ended by their customer; attribute `sessions_ended`.
    SignedOut = "session.signed_out",
}

/// Who called, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The key and its display name at the time. Unset: the server itself.
    pub api_key: Option<(ApiKeyId, String)>,
    /// The person the caller said it acts for (`x-gatehouse-actor`): a claim.
    pub claimed_actor: String,
    /// Where the call came from: the portal's backend, not the customer.
    pub address: Option<SocketAddr>,
    /// Names the call in logs and answers.
    pub request_id: String,
}

/// What an event happened to, from the outside in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Unset: the server as a whole.
    pub portal: Option<PortalId>,
    /// Unset: the portal as a whole.
    pub customer: Option<CustomerId>,
    /// Unset: the customer as a whole.
    pub session: Option<SessionId>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Sorts by time.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventType,
    /// To what.
    pub resource: Resource,
    /// By whom.
    pub caller: Caller,
    /// The customer's device, where one was involved.
    pub client: ClientContext,
    /// The full name of the error reason. Unset: it was not refused.
    pub reason: Option<&'static str>,
    /// More, under fixed keys of each type.
    pub attributes: Vec<(&'static str, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_dotted_and_of_one_type_each() {
        for kind in EventType::ALL {
            let word = kind.as_str();
            let well_formed = word.split('.').count() == 2
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_');
            assert!(well_formed, "{word}");
            let same = EventType::ALL.iter().filter(|other| other.as_str() == word).count();
            assert_eq!(same, 1, "{word}");
        }
    }
}
