//! Sessions: how strongly the customer was proven, and until when that holds.

use std::time::Duration;

use crate::client::ClientContext;
use crate::id::{CustomerKey, SessionId};
use crate::portal::SessionPolicy;
use crate::time::Timestamp;

/// Live sessions of one customer; a further one ends the oldest.
pub const MAX_SESSIONS_PER_CUSTOMER: u64 = 20;
/// Activity is written at most this often for each session.
const ACTIVITY_RESOLUTION: Duration = Duration::from_mins(1);

/// How strongly the customer proved who they are: NIST 800-63B's AAL1 and AAL2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// A password.
    Password,
    /// A password and a second factor.
    MultiFactor,
}

/// A signed-in customer on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id. The token is not kept, only a digest of it.
    pub id: SessionId,
    /// Whose it is.
    pub customer: CustomerKey,
    /// When the sign-in was completed.
    pub created_at: Timestamp,
    /// When it was last used, up to a minute late.
    pub last_used_at: Timestamp,
    /// When the customer last proved anything in it.
    pub authenticated_at: Timestamp,
    /// When the customer last proved a second factor in it.
    pub second_factor_at: Option<Timestamp>,
    /// The portal's limits when the session was made.
    pub limits: Limits,
    /// The device, as the portal saw it at sign-in.
    pub client: ClientContext,
    /// When and why it was ended, if it was.
    pub ended: Option<(Timestamp, SessionEnd)>,
}

/// How long a session lasts. A change of the portal's policy can shorten a live
/// session and never lengthen one, so that none comes back to life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// It ends when it has not been used for this long.
    pub idle: Duration,
    /// It ends when it is this old, however much it is used.
    pub absolute: Duration,
}

impl From<&SessionPolicy> for Limits {
    fn from(policy: &SessionPolicy) -> Self {
        Self { idle: policy.idle_timeout(), absolute: policy.max_lifetime() }
    }
}

/// Why a session is not live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Not used for the portal's idle timeout.
    Idle,
    /// As old as the portal allows.
    Expired,
    /// The customer signed out.
    SignedOut,
    /// An administrator ended it.
    Revoked,
    /// An administrator suspended the customer.
    Suspended,
    /// The customer's password was changed.
    PasswordChanged,
    /// An administrator reset the customer's MFA.
    MfaReset,
    /// A newer session took its place among the twenty.
    Replaced,
}

impl SessionEnd {
    const ALL: [Self; 8] = [
        Self::Idle,
        Self::Expired,
        Self::SignedOut,
        Self::Revoked,
        Self::Suspended,
        Self::PasswordChanged,
        Self::MfaReset,
        Self::Replaced,
    ];

    /// The word that the API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Expired => "expired",
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::PasswordChanged => "password_changed",
            Self::MfaReset => "mfa_reset",
            Self::Replaced => "replaced",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }
}

impl Session {
    /// How strongly the customer was proven in this session.
    #[must_use]
    pub const fn assurance(&self) -> Assurance {
        match self.second_factor_at {
            Some(_) => Assurance::MultiFactor,
            None => Assurance::Password,
        }
    }

    /// When it ends if it is not used again: the earlier of the two limits
    /// (NIST 800-63B-4, section 2.2.3).
    #[must_use]
    pub fn expires_at(&self, policy: &SessionPolicy) -> Timestamp {
        let limits = self.limits(policy);
        (self.last_used_at + limits.idle).min(self.created_at + limits.absolute)
    }

    /// Whether it is live at `now`.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check_live(&self, now: Timestamp, policy: &SessionPolicy) -> Result<(), SessionEnd> {
        let limits = self.limits(policy);
        if let Some((_, end)) = self.ended {
            Err(end)
        } else if now >= self.created_at + limits.absolute {
            Err(SessionEnd::Expired)
        } else if now >= self.last_used_at + limits.idle {
            Err(SessionEnd::Idle)
        } else {
            Ok(())
        }
    }

    /// Whether a use at `now` has to be written: once a minute, and more often
    /// only where the idle timeout is so short that a minute would matter.
    #[must_use]
    pub fn activity_is_due(&self, now: Timestamp, policy: &SessionPolicy) -> bool {
        let resolution = ACTIVITY_RESOLUTION.min(self.limits(policy).idle / 10);
        now.since(self.last_used_at) >= resolution
    }

    fn limits(&self, policy: &SessionPolicy) -> Limits {
        Limits {
            idle: self.limits.idle.min(policy.idle_timeout()),
            absolute: self.limits.absolute.min(policy.max_lifetime()),
        }
    }

    /// When the customer last gave the proof that counts: of the factor that is in force
    /// since `factor_enabled_at`, if one is, else anything. What was proven by a factor that
    /// another has replaced since is no proof of the new one.
    #[must_use]
    pub fn proven_at(&self, factor_enabled_at: Option<Timestamp>) -> Option<Timestamp> {
        match factor_enabled_at {
            Some(enabled_at) => self.second_factor_at.filter(|at| *at >= enabled_at),
            None => Some(self.authenticated_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);
    const MINUTE: Duration = Duration::from_mins(1);
    const TICK: Duration = Duration::from_micros(1);

    fn session() -> Session {
        Session {
            id: SessionId::from_uuid(uuid::Uuid::nil()),
            customer: CustomerKey::new("acme".parse().unwrap(), "c1".parse().unwrap()),
            created_at: START,
            last_used_at: START,
            authenticated_at: START,
            second_factor_at: None,
            limits: Limits::from(&SessionPolicy::default()),
            client: ClientContext::default(),
            ended: None,
        }
    }

    #[test]
    fn ends_when_idle_and_not_a_moment_earlier() {
        let policy = SessionPolicy::default();
        let limit = START + 30 * MINUTE;
        assert_eq!(session().check_live(limit - TICK, &policy), Ok(()));
        assert_eq!(session().check_live(limit, &policy), Err(SessionEnd::Idle));
    }

    #[test]
    fn use_never_passes_the_absolute_limit() {
        let policy = SessionPolicy::default();
        let limit = START + 12 * 60 * MINUTE;
        let used = Session { last_used_at: limit - TICK, ..session() };
        assert_eq!(used.expires_at(&policy), limit);
        assert_eq!(used.check_live(limit - TICK, &policy), Ok(()));
        assert_eq!(used.check_live(limit, &policy), Err(SessionEnd::Expired));
    }

    #[test]
    fn an_ended_session_says_why_for_ever() {
        let ended = Session { ended: Some((START, SessionEnd::MfaReset)), ..session() };
        for now in [START, START + 1_000_000 * MINUTE] {
            assert_eq!(ended.check_live(now, &SessionPolicy::default()), Err(SessionEnd::MfaReset));
        }
    }

    #[test]
    fn a_short_idle_timeout_is_measured_finely() {
        let policy = SessionPolicy::new(Some(MINUTE), None, None).unwrap();
        assert!(!session().activity_is_due(START + Duration::from_secs(5), &policy));
        assert!(session().activity_is_due(START + Duration::from_secs(6), &policy));
        assert!(!session().activity_is_due(START + MINUTE - TICK, &SessionPolicy::default()));
        assert!(session().activity_is_due(START + MINUTE, &SessionPolicy::default()));
    }

    #[test]
    fn a_changed_policy_shortens_a_live_session_and_never_lengthens_one() {
        let day = 24 * 60 * MINUTE;
        let longer = SessionPolicy::new(Some(day), Some(day), None).unwrap();
        assert_eq!(session().expires_at(&longer), START + 30 * MINUTE);
        let shorter = SessionPolicy::new(Some(MINUTE), None, None).unwrap();
        assert_eq!(session().expires_at(&shorter), START + MINUTE);
    }

    #[test]
    fn with_a_factor_in_force_a_password_is_no_proof() {
        let mut session = session();
        assert_eq!(session.proven_at(None), Some(START));
        assert_eq!(session.proven_at(Some(START)), None);
        session.second_factor_at = Some(START);
        assert_eq!(session.proven_at(Some(START)), Some(START));
        assert_eq!(session.assurance(), Assurance::MultiFactor);
    }

    #[test]
    fn the_proof_of_a_factor_that_was_replaced_does_not_count() {
        let session = Session { second_factor_at: Some(START), ..session() };
        assert_eq!(session.proven_at(Some(START + TICK)), None);
        assert_eq!(session.assurance(), Assurance::MultiFactor, "it was strong all the same");
    }

    #[test]
    fn every_end_has_a_word_of_its_own() {
        for end in SessionEnd::ALL {
            assert_eq!(SessionEnd::from_word(end.as_str()), Some(end));
        }
    }
}
