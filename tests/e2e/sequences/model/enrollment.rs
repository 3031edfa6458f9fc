//! Setting up a factor, on behalf of a sign-in or a session.

use gatehouse_api::v1::ErrorReason::{
    EnrollmentNotStarted, EnrollmentNotVerified, MfaEnforced, MfaNotEnabled,
};

use super::super::call::{Code, Holder, Next, Outcome, Refused, Shown};
use super::{Enrollment, Factor, HOUR, MINUTE, Model, because};

const WRONG_CODES: u32 = 5;

impl Model {
    pub(super) fn start_enrollment(&mut self, holder: Holder) -> Outcome {
        let customer = self.enrolling(holder)?;
        self.fresh_holder(holder)?;
        let holder_ends = match holder {
            Holder::SignIn(sign_in) => self.sign_ins[sign_in].expires_at,
            Holder::Session(session) => self.sessions[session].created_at + 12 * HOUR,
            _ => panic!("it sets nothing up"),
        };
        self.phones.push(customer);
        let enrollment = Enrollment {
            phone: self.phones.len() - 1,
            verified: None,
            wrong_codes: 0,
            expires_at: holder_ends.min(self.now + 15 * MINUTE),
        };
        self.enrollments.insert(holder, enrollment);
        Ok(self.shown(holder))
    }

    pub(super) fn verify_enrollment(&mut self, holder: Holder, code: Code) -> Outcome {
        self.enrolling(holder)?;
        let Some(mut enrollment) = self.enrollment_of(holder) else {
            return because(EnrollmentNotStarted);
        };
        if enrollment.verified.is_none() {
            match code {
                Code::Totp { phone, step }
                    if phone == enrollment.phone && self.step().abs_diff(step) <= 1 =>
                {
                    enrollment.verified = Some(step);
                    self.enrollments.insert(holder, enrollment);
                }
                _ => {
                    enrollment.wrong_codes += 1;
                    let left = WRONG_CODES - enrollment.wrong_codes;
                    if left == 0 {
                        self.enrollments.remove(&holder);
                    } else {
                        self.enrollments.insert(holder, enrollment);
                    }
                    return Err(Refused::WrongCode { left });
                }
            }
        }
        Ok(self.shown(holder))
    }

    pub(super) fn delete_enrollment(&mut self, holder: Holder) -> Outcome {
        self.enrolling(holder)?;
        self.enrollments.remove(&holder);
        Ok(self.shown(holder))
    }

    pub(super) fn enable_mfa(&mut self, holder: Holder) -> Outcome {
        let customer =
            self.holding(holder, |next| matches!(next, Next::Enroll { .. } | Next::BackupCodes))?;
        let Some(enrollment) = self.enrollment_of(holder) else {
            let enabled = self.customers[customer].factor;
            return if enabled.is_some_and(|factor| factor.enabled_by == holder) {
                Ok(self.shown(holder))
            } else {
                because(EnrollmentNotStarted)
            };
        };
        self.fresh_holder(holder)?;
        let Some(accepted) = enrollment.verified else { return because(EnrollmentNotVerified) };
        self.customers[customer].factor = Some(Factor {
            phone: enrollment.phone,
            enabled_at: self.now,
            enabled_by: holder,
            accepted,
        });
        self.end_enrollments(customer);
        if let Holder::Session(session) = holder {
            self.prove_session(session, true);
        }
        Ok(self.shown(holder))
    }

    pub(super) fn generate_backup_codes(&mut self, holder: Holder) -> Outcome {
        let customer = self.holding(holder, |next| next == Next::BackupCodes)?;
        if self.customers[customer].factor.is_none() {
            return because(MfaNotEnabled);
        }
        self.fresh_holder(holder)?;
        self.sets.push([false; 5]);
        self.customers[customer].codes = Some(self.sets.len() - 1);
        Ok(self.shown(holder))
    }

    pub(super) fn disable_mfa(&mut self, session: usize) -> Outcome {
        self.live(session)?;
        if self.enforces() {
            return because(MfaEnforced);
        }
        self.fresh(session)?;
        let customer = self.sessions[session].customer;
        self.customers[customer].factor = None;
        self.customers[customer].codes = None;
        Ok(Shown::Mfa(self.mfa(session)))
    }

    /// The customer of a holder that may set a factor up.
    fn enrolling(&self, holder: Holder) -> Result<usize, Refused> {
        self.holding(holder, |next| matches!(next, Next::Enroll { .. }))
    }

    /// The customer of a live session, or of a sign-in at such a step.
    fn holding(&self, holder: Holder, at: impl FnOnce(Next) -> bool) -> Result<usize, Refused> {
        if let Holder::Session(session) = holder {
            self.live(session)?;
        } else {
            let (_, next) = self.under_way(holder)?;
            if !at(next) {
                return Err(Refused::Step(next.name()));
            }
        }
        Ok(self.customer_of(holder))
    }

    fn fresh_holder(&self, holder: Holder) -> Result<(), Refused> {
        match holder {
            Holder::Session(session) => self.fresh(session),
            _ => Ok(()),
        }
    }

    /// Ends whatever a customer is setting up.
    pub(super) fn end_enrollments(&mut self, customer: usize) {
        let phones = &self.phones;
        self.enrollments.retain(|_, found| phones[found.phone] != customer);
    }
}
