//! The sign-in state machine.
//!
//! What a sign-in asks next is never stored. It follows from what the sign-in
//! has proven, the portal's policy and the customer's factor, read together at
//! the moment of the question: so a sign-in that began under an old policy ends
//! under the new one.
//!
//! ```text
//! Password ─┬─ a factor is in force ──> SecondFactor ──────────────> Session
//!           ├─ none, MFA enforced ────> Enroll ──> BackupCodes ────> Session
//!           └─ none, not enforced ─────────────────────────────────> Session
//! ```

use std::time::Duration;

use crate::client::ClientContext;
use crate::id::{CustomerKey, FactorId, SignInId};
use crate::portal::PortalSettings;
use crate::time::Timestamp;

/// From the start, and again from the proven password, until password or code.
pub const LIFETIME: Duration = Duration::from_mins(5);
/// From reaching `enroll`: installing an app takes longer than typing a code.
pub const ENROLL_LIFETIME: Duration = Duration::from_mins(15);
/// Live sign-ins of one customer, counted from the proven password; a further
/// one ends the oldest.
pub const MAX_PER_CUSTOMER: u64 = 5;

/// What a sign-in asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The password.
    Password,
    /// A code of the factor in force, or a backup code.
    SecondFactor,
    /// A factor has to be set up.
    Enroll {
        /// MFA is not enforced any more: the sign-in may end here.
        optional: bool,
    },
    /// A factor was just enabled: backup codes are offered.
    BackupCodes,
    /// The portal signs in elsewhere.
    Saml,
    /// Nothing: the customer is proven well enough.
    Session,
}

impl Next {
    /// The name of the arm of `SignIn.next` in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Enroll { .. } => "enroll",
            Self::BackupCodes => "backup_codes",
            Self::Saml => "saml",
            Self::Session => "session",
        }
    }
}

/// What comes right after a proven password.
#[must_use]
pub fn after_password(settings: &PortalSettings, factor: Option<FactorId>, now: Timestamp) -> Next {
    if settings.saml.is_some() {
        Next::Saml
    } else if factor.is_some() {
        Next::SecondFactor
    } else if settings.enforces_mfa(now) {
        Next::Enroll { optional: false }
    } else {
        Next::Session
    }
}

/// A sign-in whose password has been proven and which has not ended in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The id its start was sealed with.
    pub id: SignInId,
    /// Who it is.
    pub customer: CustomerKey,
    /// When the password was proven.
    pub proven_at: Timestamp,
    /// When it ends unfinished.
    pub expires_at: Timestamp,
    /// The factor that this sign-in has enabled.
    pub enabled_factor: Option<FactorId>,
    /// The device, sealed into the sign-in at its start.
    pub client: ClientContext,
}

impl SignIn {
    /// A sign-in whose password has just been proven and that goes on at `next`.
    #[must_use]
    pub fn proven(
        id: SignInId,
        customer: CustomerKey,
        client: ClientContext,
        next: Next,
        now: Timestamp,
    ) -> Self {
        let lifetime = if matches!(next, Next::Enroll { .. }) { ENROLL_LIFETIME } else { LIFETIME };
        Self {
            id,
            customer,
            proven_at: now,
            expires_at: now + lifetime,
            enabled_factor: None,
            client,
        }
    }

    /// What it asks for now, given the factor in force.
    #[must_use]
    pub fn next(
        &self,
        settings: &PortalSettings,
        factor: Option<FactorId>,
        now: Timestamp,
    ) -> Next {
        match after_password(settings, factor, now) {
            Next::SecondFactor if self.enabled_factor == factor => Next::BackupCodes,
            // Only FinishSignIn makes a session of a sign-in that is under way.
            Next::Session => Next::Enroll { optional: true },
            next => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::portal::SamlConfig;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[derive(Clone, Copy, Debug)]
    enum Policy {
        Off,
        Announced,
        Enforced,
        Saml,
    }

    fn settings(policy: Policy) -> PortalSettings {
        let mut settings = PortalSettings::new("Acme".to_owned());
        match policy {
            Policy::Off => {}
            Policy::Announced => {
                settings.mfa.enforced = true;
                settings.mfa.enforced_from = Some(NOW + Duration::from_secs(1));
            }
            Policy::Enforced => settings.mfa.enforced = true,
            Policy::Saml => {
                settings.saml = Some(SamlConfig {
                    idp_entity_id: String::new(),
                    sso_url: String::new(),
                    idp_certificate: String::new(),
                });
            }
        }
        settings
    }

    fn factor(number: u128) -> FactorId {
        FactorId::from_uuid(Uuid::from_u128(number))
    }

    fn sign_in(enabled: Option<FactorId>) -> SignIn {
        SignIn {
            enabled_factor: enabled,
            ..SignIn::proven(
                SignInId::from_uuid(Uuid::nil()),
                CustomerKey::new("acme".parse().unwrap(), "c1".parse().unwrap()),
                ClientContext::default(),
                Next::SecondFactor,
                NOW,
            )
        }
    }

    /// The whole policy, as a table: policy, factor in force, factor that this
    /// sign-in enabled, what follows the password, what a sign-in under way asks.
    #[test]
    fn the_next_step_follows_from_policy_and_factors() {
        use Next::{BackupCodes, Enroll, Saml, SecondFactor, Session};
        use Policy::{Announced, Enforced, Off};

        let own = Some(factor(1));
        let other = Some(factor(2));
        let must = Enroll { optional: false };
        let may = Enroll { optional: true };
        let table = [
            (Off, None, None, Session, may),
            (Off, own, None, SecondFactor, SecondFactor),
            (Off, own, own, SecondFactor, BackupCodes),
            (Off, other, own, SecondFactor, SecondFactor),
            (Off, None, own, Session, may),
            (Announced, None, None, Session, may),
            (Announced, own, None, SecondFactor, SecondFactor),
            (Announced, own, own, SecondFactor, BackupCodes),
            (Enforced, None, None, must, must),
            (Enforced, own, None, SecondFactor, SecondFactor),
            (Enforced, own, own, SecondFactor, BackupCodes),
            (Enforced, other, own, SecondFactor, SecondFactor),
            (Enforced, None, own, must, must),
            (Policy::Saml, None, None, Saml, Saml),
            (Policy::Saml, own, None, Saml, Saml),
            (Policy::Saml, own, own, Saml, Saml),
        ];
        for (policy, in_force, enabled, after, under_way) in table {
            let settings = settings(policy);
            let row = (policy, in_force, enabled);
            assert_eq!(after_password(&settings, in_force, NOW), after, "{row:?}");
            assert_eq!(sign_in(enabled).next(&settings, in_force, NOW), under_way, "{row:?}");
        }
    }

    /// Audit events tell of them.
    #[test]
    fn a_step_is_called_what_the_api_calls_it() {
        for (next, word) in [
            (Next::Password, "password"),
            (Next::SecondFactor, "second_factor"),
            (Next::Enroll { optional: false }, "enroll"),
            (Next::Enroll { optional: true }, "enroll"),
            (Next::BackupCodes, "backup_codes"),
            (Next::Saml, "saml"),
            (Next::Session, "session"),
        ] {
            assert_eq!(next.as_str(), word);
        }
    }

    #[test]
    fn a_sign_in_that_has_to_enroll_lives_longer() {
        let at = |next| {
            let sign_in = sign_in(None);
            SignIn::proven(sign_in.id, sign_in.customer, sign_in.client, next, NOW).expires_at
        };
        assert_eq!(at(Next::SecondFactor), NOW + LIFETIME);
        assert_eq!(at(Next::Enroll { optional: false }), NOW + ENROLL_LIFETIME);
    }
}
