//! What the audit trail tells. An event is written in the transaction it tells
//! of and never holds a secret.

mod chain;
mod stored;
pub mod tally;
mod verifier;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

pub use chain::{ChainDigest, ChainEnd, ChainedEvent, TrailStart};
pub use stored::StoredEvent;
pub use verifier::{Expected, Finding, Summary, Verifier};

use crate::client::ClientContext;
use crate::id::{ApiKeyId, AuditEventId, CustomerId, PortalId, SessionId};
use crate::time::Timestamp;

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $word:literal [$($attribute:literal),*],)*) => {
        /// The types of events. Their words and attributes are stable; more of
        /// both may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

            /// The keys of the attributes that an event of this type has.
            #[must_use]
            pub const fn attributes(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($attribute),*],)*
                }
            }
        }
    };
}

event_types! {
    /// A portal was made; `mfa_enforced` tells whether it enforces MFA, or will.
    PortalCreated = "portal.created" ["mfa_enforced"],
    /// Settings of a portal were changed; `mfa_enforced` tells of it as it then was.
    PortalUpdated = "portal.updated" ["paths", "mfa_enforced", "sessions_ended"],
    /// A portal was deleted with all its customers.
    PortalDeleted = "portal.deleted" ["customers"],
    /// A customer was made.
    CustomerCreated = "customer.created" [],
    /// A customer was made of a row of an import: `password_hash` is the function of the
    /// hash that they brought, or `none`; `factor` is `totp` or `none`.
    CustomerImported = "customer.imported" ["password_hash", "factor"],
    /// A customer was changed, but not from or to suspended.
    CustomerUpdated = "customer.updated" ["paths"],
    /// A customer was suspended, perhaps with other changes.
    CustomerSuspended = "customer.suspended" ["paths", "sessions_ended"],
    /// A customer's suspension was ended, perhaps with other changes.
    CustomerReinstated = "customer.reinstated" ["paths"],
    /// A customer was deleted.
    CustomerDeleted = "customer.deleted" [],
    /// An administrator forgot a customer's wrong codes and passwords.
    CustomerUnlocked = "customer.unlocked" [],
    /// An API key was made: `access` is its role or, of a portal's key, its access.
    ApiKeyCreated = "api_key.created" ["key", "access", "portals"],
    /// An API key was ended.
    ApiKeyRevoked = "api_key.revoked" ["key"],
    /// An invitation was made: `requested_by` is `administrator` or `customer`.
    InvitationCreated = "invitation.created" ["requested_by"],
    /// An invitation was presented that could not be accepted.
    InvitationFailed = "invitation.failed" [],
    /// A sign-in ended in a session; `factor` is `totp`, `backup_code` or `none`.
    SignInSucceeded = "sign_in.succeeded" ["factor"],
    /// A password or code was refused at `step`: `proof` is `password`, `totp` or
    /// `backup_code`.
    SignInFailed = "sign_in.failed" ["step", "proof"],
    /// Refused proofs that came beyond the rate ([`tally`]) and have no event of their own:
    /// `type` is what each of their events would have been, `proof` as there or empty.
    SignInRefused = "sign_in.refused"
        ["type", "proof", "count", "first_time", "last_time", "customers"],
    /// A password was proven and a sign-in goes on at `next`.
    PasswordVerified = "sign_in.password_verified" ["next"],
    /// A password was set: `by` is `customer` or `invitation`.
    PasswordChanged = "password.changed" ["by", "sessions_ended"],
    /// A change of password was refused for the present one.
    PasswordChangeFailed = "password.change_failed" [],
    /// Setting up a factor began.
    EnrollmentStarted = "mfa.enrollment_started" [],
    /// The code of a factor being set up was right.
    EnrollmentVerified = "mfa.enrollment_verified" [],
    /// The code of a factor being set up was wrong.
    EnrollmentFailed = "mfa.enrollment_failed" ["attempts_remaining"],
    /// Setting up a factor was given up.
    EnrollmentDeleted = "mfa.enrollment_deleted" [],
    /// A factor came into force; `replaced` tells whether there was one before.
    MfaEnabled = "mfa.enabled" ["replaced"],
    /// A customer took the factor and the backup codes out of force.
    MfaDisabled = "mfa.disabled" [],
    /// An administrator took the factor away.
    MfaReset = "mfa.reset" ["reason", "end_password", "sessions_ended"],
    /// Backup codes were made in place of all earlier ones.
    BackupCodesGenerated = "backup_codes.generated" [],
    /// A customer was proven again: `proof` is `password`, `totp` or `backup_code`.
    SessionReauthenticated = "session.reauthenticated" ["proof"],
    /// A proof within a session was refused.
    ReauthenticationFailed = "session.reauthentication_failed" ["proof"],
    /// Sessions were ended by their customer.
    SignedOut = "session.signed_out" ["sessions_ended"],
    /// Sessions were ended by an administrator.
    SessionsRevoked = "session.revoked" ["sessions_ended"],
    /// The database was restored from a backup, and what may have been used up since
    /// then was ended.
    StoreRestored = "store.restored" ["sessions_ended", "backup_codes_ended"],
    /// A call with a live key was refused: beyond the key's grant, or a change
    /// that an administrator could not make. `method` is the RPC's name.
    CallRefused = "call.refused" ["method"],
    /// Refused calls of a key that came beyond the rate ([`tally`]) and have no event of their
    /// own: `method` as there, or empty for several.
    CallsRefused = "call.refused_more" ["method", "count", "first_time", "last_time"],
}

/// Longer than any type will be.
const MAX_TYPE_BYTES: usize = 100;

/// Whether `text` has the form of a type, or of the first words of one: words
/// of `a-z 0-9 _` with dots between them, at most 100 bytes. Which types there are says
/// [`EventType`], and that of a later version has more of them.
#[must_use]
pub fn is_type_form(text: &str) -> bool {
    let in_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    text.len() <= MAX_TYPE_BYTES
        && text.split('.').all(|word| !word.is_empty() && word.bytes().all(in_word))
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

/// One thing that happens, to be recorded.
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
    /// More, under the keys of [`EventType::attributes`].
    pub attributes: Vec<(&'static str, String)>,
}

impl Event {
    /// Whether the attributes are those of the event's type: each of them once
    /// and no others.
    #[must_use]
    pub fn has_its_attributes(&self) -> bool {
        let keys = self.attributes.iter().map(|(key, _)| *key).collect::<BTreeSet<_>>();
        let expected = self.kind.attributes().iter().copied().collect::<BTreeSet<_>>();
        keys == expected && keys.len() == self.attributes.len()
    }
}

/// One thing that happened, as the trail has it. Type, reason and attributes are
/// words: those that a later version recorded are read as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Sorts by time.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What, in the form of [`is_type_form`].
    pub kind: String,
    /// To what.
    pub resource: Resource,
    /// By whom.
    pub caller: Caller,
    /// The customer's device, where one was involved.
    pub client: ClientContext,
    /// The full name of the error reason. Unset: it was not refused.
    pub reason: Option<String>,
    /// More about it.
    pub attributes: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_dotted_and_of_one_type_each() {
        for kind in EventType::ALL {
            let word = kind.as_str();
            assert!(is_type_form(word) && word.split('.').count() == 2, "{word}");
            let same = EventType::ALL.iter().filter(|other| other.as_str() == word).count();
            assert_eq!(same, 1, "{word}");
        }
    }

    #[test]
    fn a_type_is_words_with_dots_between_them() {
        for text in ["mfa", "mfa.enabled", "a_b.c1.d"] {
            assert!(is_type_form(text), "{text:?}");
        }
        assert!(!is_type_form(&"a".repeat(MAX_TYPE_BYTES + 1)));
        for text in ["", ".", "mfa.", ".mfa", "mfa..enabled", "MFA", "mfa.*", "mfa%", "mfa é"] {
            assert!(!is_type_form(text), "{text:?}");
        }
    }

    #[test]
    fn an_event_has_each_attribute_of_its_type_once_and_no_other() {
        let table: [(&[&'static str], bool); 7] = [
            (&["key", "access", "portals"], true),
            (&["portals", "key", "access"], true),
            (&["key", "access"], false),
            (&["key", "access", "paths"], false),
            (&["key", "access", "portals", "paths"], false),
            (&["key", "access", "portals", "key"], false),
            (&[], false),
        ];
        for (keys, good) in table {
            let event = Event {
                id: AuditEventId::from_uuid(uuid::Uuid::nil()),
                at: Timestamp::EPOCH,
                kind: EventType::ApiKeyCreated,
                resource: Resource::default(),
                caller: Caller::default(),
                client: ClientContext::default(),
                reason: None,
                attributes: keys.iter().map(|key| (*key, String::new())).collect(),
            };
            assert_eq!(event.has_its_attributes(), good, "{keys:?}");
        }
    }

    /// The rows of the documented table: a type and its attributes.
    fn documented() -> Vec<(&'static str, Vec<&'static str>)> {
        let text = include_str!("../../../docs/audit-events.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let cells = row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
            // What stands in backquotes before the first colon of each part is a key.
            let keys = cells[2].split(';').filter_map(|part| part.split('`').nth(1));
            (cells[0].trim_matches('`'), keys.collect())
        })
        .collect()
    }

    #[test]
    fn the_documented_types_and_attributes_are_those_there_are() {
        let known = EventType::ALL.iter().map(|kind| (kind.as_str(), kind.attributes().to_vec()));
        assert_eq!(documented(), known.collect::<Vec<_>>());
    }
}
