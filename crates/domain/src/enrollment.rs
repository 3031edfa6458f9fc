//! Factors being set up: pending, then verified, then a factor in force.
//!
//! An enrollment belongs to the sign-in or session that started it; nothing
//! else sees or finishes it.

use std::time::Duration;

use crate::id::{CustomerKey, EnrollmentId, FactorId, SessionId, SignInId};
use crate::lockout::JUDGING_TIME;
use crate::time::Timestamp;
use crate::totp::{TimeStep, TotpParameters};

/// From its start until its end, verified or not.
pub const LIFETIME: Duration = Duration::from_mins(15);
/// Wrong codes until it is over. They charge the enrollment, not the customer.
pub const MAX_FAILURES: u32 = 5;

/// What started an enrollment, and alone may go on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A sign-in at `enroll`.
    SignIn(SignInId),
    /// A session, in My Account.
    Session(SessionId),
}

/// Where an enrollment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The customer has yet to show that the app knows the secret.
    Pending,
    /// A code was right; the factor is not in force yet.
    Verified {
        /// The step of that code, which must not sign in afterwards.
        step: TimeStep,
    },
}

/// A second factor not yet in force. Its secret is kept sealed, beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    /// Its id, to which the sealed secret is bound.
    pub id: EnrollmentId,
    /// Whose it is.
    pub customer: CustomerKey,
    /// What may go on with it.
    pub owner: Owner,
    /// Where it stands.
    pub state: State,
    /// What the app computes codes with.
    pub parameters: TotpParameters,
    /// Codes charged: judged wrong, or still being judged. 0 to [`MAX_FAILURES`].
    pub charges: u32,
    /// Codes judged wrong; never more than `charges`.
    pub failures: u32,
    /// When the last code was charged.
    pub charged_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A second factor in force. Its secret is kept sealed, beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Its id, to which the sealed secret is bound.
    pub id: FactorId,
    /// Whose it is.
    pub customer: CustomerKey,
    /// What the app computes codes with.
    pub parameters: TotpParameters,
    /// The step of the last accepted code: no code of it or an earlier one is
    /// accepted again (RFC 6238, section 5.2).
    pub accepted_step: TimeStep,
    /// When it came into force.
    pub enabled_at: Timestamp,
    /// When it last proved the customer.
    pub last_used_at: Option<Timestamp>,
    /// What enabled it, which may ask again and get the same answer.
    pub enabled_by: Owner,
}

/// Why an enrollment cannot be enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no code of the enrollment has been verified")]
pub struct NotVerified;

impl Enrollment {
    /// The factor that it becomes.
    ///
    /// # Errors
    /// [`NotVerified`] while it is pending: an unproven secret would lock the
    /// customer out.
    pub fn enable(self, id: FactorId, now: Timestamp) -> Result<Factor, NotVerified> {
        match self.state {
            State::Pending => Err(NotVerified),
            State::Verified { step } => Ok(Factor {
                id,
                customer: self.customer,
                parameters: self.parameters,
                accepted_step: step,
                enabled_at: now,
                last_used_at: None,
                enabled_by: self.owner,
            }),
        }
    }

    /// Wrong codes left; with none it is over.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        MAX_FAILURES.saturating_sub(self.failures)
    }

    /// Whether every code has been charged and none of them can still be judged:
    /// their judges are gone, and so is the enrollment.
    #[must_use]
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        self.charges >= MAX_FAILURES
            && self.charged_at.is_none_or(|at| now.since(at) >= JUDGING_TIME)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn enrollment(state: State) -> Enrollment {
        Enrollment {
            id: EnrollmentId::from_uuid(Uuid::nil()),
            customer: CustomerKey::new("acme".parse().unwrap(), "c1".parse().unwrap()),
            owner: Owner::SignIn(SignInId::from_uuid(Uuid::nil())),
            state,
            parameters: TotpParameters::default(),
            charges: 0,
            failures: 0,
            charged_at: None,
            expires_at: NOW + LIFETIME,
        }
    }

    #[test]
    fn a_pending_enrollment_is_no_factor() {
        let id = FactorId::from_uuid(Uuid::nil());
        assert_eq!(enrollment(State::Pending).enable(id, NOW), Err(NotVerified));
    }

    #[test]
    fn five_wrong_codes_are_all_it_takes() {
        for (failures, left) in [(0, 5), (1, 4), (4, 1), (5, 0), (6, 0)] {
            let tried = Enrollment { failures, ..enrollment(State::Pending) };
            assert_eq!(tried.remaining(), left, "{failures}");
        }
    }

    #[test]
    fn codes_that_nobody_judges_any_more_end_it() {
        let spent = Enrollment {
            charges: MAX_FAILURES,
            charged_at: Some(NOW),
            ..enrollment(State::Pending)
        };
        assert!(!spent.is_abandoned(NOW + JUDGING_TIME - Duration::from_micros(1)));
        assert!(spent.is_abandoned(NOW + JUDGING_TIME));
        let one_left = Enrollment { charges: MAX_FAILURES - 1, ..spent };
        assert!(!one_left.is_abandoned(NOW + JUDGING_TIME));
    }

    #[test]
    fn the_code_that_verified_it_does_not_sign_in() {
        let id = FactorId::from_uuid(Uuid::nil());
        let step = TimeStep::from_number(7);
        let factor = enrollment(State::Verified { step }).enable(id, NOW).unwrap();
        assert_eq!(factor.accepted_step, step);
        assert_eq!(factor.enabled_at, NOW);
    }
}
