//! Passwords and codes: what is right, and how often wrong ones are let pass.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::{CredentialsRejected, SignInLocked, Throttled};

use super::super::call::{Code, Password, Reason, Refused};
use super::{LOCK, MAX_FAILURES, Model, because};

/// What a code is worth.
enum Verdict {
    Right,
    /// Right, and used before: as wrong as any other, and charges nothing.
    Used,
    Wrong,
}

impl Model {
    /// Proves a password, at a sign-in or in a session. No case is as long as a
    /// day, in which nothing is forgotten.
    pub(super) fn prove_password(
        &mut self,
        customer: usize,
        password: Password,
    ) -> Result<(), Refused> {
        let found = &mut self.customers[customer];
        let spacing = Duration::from_secs(match found.wrong_passwords {
            0..5 => 0,
            5..10 => 3,
            10..25 => 5,
            _ => 10,
        });
        let allowed_at = found.last_password + spacing;
        if found.wrong_passwords >= 5 && self.now < allowed_at {
            return Err(Refused::Wait(Reason(Throttled), allowed_at.saturating_sub(self.now)));
        }
        found.last_password = self.now;
        let right = found.password.is_some_and(|set| password == Password::Set(set));
        if right {
            return Ok(());
        }
        found.wrong_passwords += 1;
        because(CredentialsRejected)
    }

    /// Proves a second factor of a customer who has one in force, and uses it up.
    pub(super) fn prove_code(&mut self, customer: usize, code: Code) -> Result<(), Refused> {
        if let Some(wait) = self.locked_for(customer) {
            return Err(Refused::Wait(Reason(SignInLocked), wait));
        }
        match self.judge(customer, code) {
            Verdict::Right => return Ok(()),
            Verdict::Used => {}
            Verdict::Wrong => {
                let now = self.now;
                let found = &mut self.customers[customer];
                found.wrong_codes += 1;
                if let Some(lock) = lock_at(found.wrong_codes) {
                    found.locked_until = Some(now + lock);
                }
            }
        }
        Err(Refused::WrongCode { left: self.codes_until_lock(customer) })
    }

    fn judge(&mut self, customer: usize, code: Code) -> Verdict {
        let now = self.step();
        let Some(factor) = &mut self.customers[customer].factor else { return Verdict::Wrong };
        match code {
            Code::Totp { phone, step } if phone == factor.phone && now.abs_diff(step) <= 1 => {
                if step <= factor.accepted {
                    return Verdict::Used;
                }
                factor.accepted = step;
                Verdict::Right
            }
            Code::Backup { set, slot } if self.customers[customer].codes == Some(set) => {
                let used = &mut self.sets[set][slot];
                if std::mem::replace(used, true) { Verdict::Used } else { Verdict::Right }
            }
            _ => Verdict::Wrong,
        }
    }

    /// How long the customer's codes are not looked at.
    pub fn locked_for(&self, customer: usize) -> Option<Duration> {
        let until = self.customers[customer].locked_until?;
        until.checked_sub(self.now).filter(|left| !left.is_zero())
    }

    fn codes_until_lock(&self, customer: usize) -> u32 {
        if self.locked_for(customer).is_some() {
            return 0;
        }
        let wrong = self.customers[customer].wrong_codes;
        (1..=MAX_FAILURES).find(|more| lock_at(wrong + more).is_some()).unwrap_or_default()
    }

    pub(super) fn clear_wrong_codes(&mut self, customer: usize) {
        let found = &mut self.customers[customer];
        found.wrong_codes = 0;
        found.locked_until = None;
    }
}

/// The lock that begins with this wrong code in a row: at the setting, and then
/// after every further half of it, each twice as long.
fn lock_at(wrong_codes: u32) -> Option<Duration> {
    let beyond = wrong_codes.checked_sub(MAX_FAILURES)?;
    let half = MAX_FAILURES / 2;
    beyond.is_multiple_of(half).then(|| LOCK * 2_u32.pow(beyond / half))
}
