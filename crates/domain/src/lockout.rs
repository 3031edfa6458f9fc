//! The budget of wrong second-factor codes, one for each customer.
//!
//! Every guess is charged and committed before it is compared, and only a right
//! proof takes its own charge back. So no number of parallel, cancelled or
//! crashed guesses gets more comparisons than the budget holds.

use std::time::Duration;

use crate::portal::LockoutPolicy;
use crate::time::Timestamp;

/// NIST 800-63B-4, section 3.2.2: at most 100 consecutive failures.
pub const MAX_CONSECUTIVE_FAILURES: u32 = 100;
/// No lock that ends by itself lasts longer.
const MAX_LOCK: Duration = Duration::from_hours(24);
/// A charge older than this belongs to a guess whose judge is gone: every call
/// ends within 10 seconds. It counts as wrong.
pub(crate) const JUDGING_TIME: Duration = Duration::from_secs(30);
/// What to wait while as many guesses as are allowed are still being judged.
pub const JUDGING_WAIT: Duration = Duration::from_secs(1);

/// How many codes a customer has got wrong in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeBudget {
    /// Guesses charged and not taken back: judged wrong, or still being judged.
    pub charges: u32,
    /// Guesses judged wrong; never more than `charges`.
    pub failures: u32,
    /// When the last guess was charged.
    pub charged_at: Option<Timestamp>,
    /// When the lock ends that `failures` has led to.
    pub locked_until: Option<Timestamp>,
}

/// A customer is kept out: too many guesses were judged wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// When the next guess will be judged. Unset: only an administrator ends it.
    pub until: Option<Timestamp>,
    /// Guesses judged wrong in a row.
    pub failures: u32,
}

/// Why a guess is not judged now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many were judged wrong.
    Locked(Lock),
    /// As many as are allowed are being judged right now.
    Judging,
}

impl CodeBudget {
    /// Charges one guess, to what [`Self::settle`] makes of the budget.
    ///
    /// # Errors
    /// The guess must not be judged: see [`Refusal`].
    pub fn charge(self, now: Timestamp, policy: &LockoutPolicy) -> Result<Self, Refusal> {
        let budget = self.settle(now, policy);
        if let Some(lock) = budget.lock(now) {
            return Err(Refusal::Locked(lock));
        }
        if budget.charges >= next_threshold(budget.failures, policy) {
            return Err(Refusal::Judging);
        }
        Ok(Self { charges: budget.charges + 1, charged_at: Some(now), ..budget })
    }

    /// Judges one charged guess wrong, which may begin a lock.
    #[must_use]
    pub fn fail(self, now: Timestamp, policy: &LockoutPolicy) -> Self {
        let failures = self.failures.saturating_add(1);
        let charges = self.charges.max(failures);
        let mut budget = Self { charges, failures, ..self };
        if failures == next_threshold(self.failures, policy) {
            budget.locked_until = Some(now + lock_duration(failures, policy));
        }
        budget
    }

    /// Takes back the charge of a guess that was right, or was a replay of a
    /// right one.
    #[must_use]
    pub fn take_back(self) -> Self {
        Self { charges: self.charges.saturating_sub(1).max(self.failures), ..self }
    }

    /// What keeps the customer out at `now`, if anything does.
    #[must_use]
    pub fn lock(&self, now: Timestamp) -> Option<Lock> {
        let failures = self.failures;
        if failures >= MAX_CONSECUTIVE_FAILURES {
            return Some(Lock { until: None, failures });
        }
        let until = self.locked_until.filter(|until| *until > now)?;
        Some(Lock { until: Some(until), failures })
    }

    /// What is left of the budget when a factor has completed a sign-in: the
    /// guesses that others are still judging.
    #[must_use]
    pub fn clear(self) -> Self {
        let charges = self.charges.saturating_sub(self.failures);
        Self { charges, failures: 0, locked_until: None, ..self }
    }

    /// Guesses left until the next lock; none while one lasts.
    #[must_use]
    pub fn remaining(&self, now: Timestamp, policy: &LockoutPolicy) -> u32 {
        match self.lock(now) {
            Some(_) => 0,
            None => next_threshold(self.failures, policy).saturating_sub(self.failures),
        }
    }

    /// Counts charges whose judge is gone as wrong, so that they neither free a
    /// guess nor keep the customer out for ever. Whoever does so later comes to
    /// the same: the lock, if any, begins when their time was over. To be stored
    /// also where that refuses a guess, or the lock would be shown to nobody.
    #[must_use]
    pub fn settle(self, now: Timestamp, policy: &LockoutPolicy) -> Self {
        let Some(given_up_at) = self.charged_at.map(|at| at + JUDGING_TIME) else { return self };
        let mut budget = self;
        while now >= given_up_at && budget.failures < budget.charges {
            budget = budget.fail(given_up_at, policy);
        }
        budget
    }
}

/// The number of failures at which the next lock begins: `max_failures`, then
/// every further half of it, then 100.
fn next_threshold(failures: u32, policy: &LockoutPolicy) -> u32 {
    let first = policy.max_failures();
    let threshold = match failures.checked_sub(first) {
        None => first,
        Some(beyond) => first + (beyond / step(policy) + 1) * step(policy),
    };
    threshold.min(MAX_CONSECUTIVE_FAILURES)
}

fn step(policy: &LockoutPolicy) -> u32 {
    (policy.max_failures() / 2).max(1)
}

/// The lock that begins at a threshold: doubled at each, at most a day.
fn lock_duration(failures: u32, policy: &LockoutPolicy) -> Duration {
    let doublings = failures.saturating_sub(policy.max_failures()) / step(policy);
    let factor = 2_u32.saturating_pow(doublings);
    policy.lock_duration().saturating_mul(factor).min(MAX_LOCK)
}

#[cfg(test)]
mod tests;
