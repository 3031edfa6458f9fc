//! Sessions.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::{MfaNotEnabled, PortalUsesSaml};

use super::super::call::{Outcome, Password, Proof, Refused, Shown, Target};
use super::{HOUR, MINUTE, Model, Session, because};

const WINDOW: Duration = Duration::from_mins(5);

impl Model {
    /// Refuses a dead session.
    pub fn live(&self, session: usize) -> Result<(), Refused> {
        let Session { created_at, last_used_at, ended, .. } = self.sessions[session];
        if let Some(how) = ended {
            Err(Refused::Session(how))
        } else if self.now >= created_at + 12 * HOUR {
            Err(Refused::Session("expired"))
        } else if self.now >= last_used_at + 30 * MINUTE {
            Err(Refused::Session("idle"))
        } else {
            Ok(())
        }
    }

    /// Refuses a session without a recent proof: of the factor in force, else any.
    pub(super) fn fresh(&self, session: usize) -> Result<(), Refused> {
        let Session { customer, authenticated_at, second_factor_at, .. } = self.sessions[session];
        let proven_at = match self.customers[customer].factor {
            Some(factor) => second_factor_at.filter(|at| *at >= factor.enabled_at),
            None => Some(authenticated_at),
        };
        if proven_at.is_some_and(|at| self.now <= at + WINDOW) {
            Ok(())
        } else {
            Err(Refused::Stale(self.accepted(customer)))
        }
    }

    fn accepted(&self, customer: usize) -> &'static str {
        match self.customers[customer].factor {
            None => "password",
            Some(_) if self.codes_left(customer) > 0 => "totp_code,backup_code",
            Some(_) => "totp_code",
        }
    }

    pub(super) fn validate_session(
        &mut self,
        session: usize,
        multi_factor: bool,
        fresh: bool,
    ) -> Outcome {
        self.live(session)?;
        let Session { customer, last_used_at, second_factor_at, .. } = self.sessions[session];
        let strong = second_factor_at.is_some();
        if multi_factor && !strong {
            return match self.customers[customer].factor {
                None => because(MfaNotEnabled),
                Some(_) => Err(Refused::Stale(self.accepted(customer))),
            };
        }
        if fresh {
            self.fresh(session)?;
        }
        if self.now >= last_used_at + MINUTE {
            self.sessions[session].last_used_at = self.now;
        }
        Ok(Shown::Session { multi_factor: strong })
    }

    pub(super) fn reauthenticate(&mut self, session: usize, proof: Proof) -> Outcome {
        use super::super::call::Code::{Backup, Totp, WrongBackup, WrongTotp};

        self.live(session)?;
        let customer = self.sessions[session].customer;
        let has_factor = self.customers[customer].factor.is_some();
        match proof {
            Proof::Password(_) if has_factor => return Err(Refused::Field("password")),
            Proof::Password(password) => self.prove_password(customer, password)?,
            Proof::Code(code) if has_factor => self.prove_code(customer, code)?,
            Proof::Code(Totp { .. } | WrongTotp) => return Err(Refused::Field("totp_code")),
            Proof::Code(Backup { .. } | WrongBackup) => return Err(Refused::Field("backup_code")),
        }
        self.prove_session(session, has_factor);
        Ok(Shown::Session { multi_factor: self.sessions[session].second_factor_at.is_some() })
    }

    /// Notes that the customer was proven in a session, which is a use of it.
    pub(super) fn prove_session(&mut self, session: usize, second_factor: bool) {
        let now = self.now;
        let found = &mut self.sessions[session];
        found.last_used_at = now;
        found.authenticated_at = now;
        if second_factor {
            found.second_factor_at = Some(now);
        }
    }

    pub(super) fn change_password(
        &mut self,
        session: usize,
        current: Password,
        new: u32,
    ) -> Outcome {
        if self.policy.saml {
            return because(PortalUsesSaml);
        }
        self.live(session)?;
        self.fresh(session)?;
        let customer = self.sessions[session].customer;
        self.prove_password(customer, current)?;
        let ended = self.set_password(customer, new, Some(session));
        self.prove_session(session, false);
        Ok(Shown::Ended(ended))
    }

    /// Sets a password, and ends all that was gained with the one before; gives how
    /// many sessions were live.
    pub(super) fn set_password(&mut self, customer: usize, new: u32, but: Option<usize>) -> i32 {
        self.customers[customer].password = Some(new);
        self.passwords += 1;
        self.end_sign_ins(customer);
        self.end_invitations(customer);
        self.end_sessions("password_changed", |id, found| {
            found.customer == customer && Some(id) != but
        })
    }

    pub(super) fn sign_out(&mut self, session: usize, target: Target) -> Outcome {
        if let Err(dead) = self.live(session) {
            return if target == Target::This { Ok(Shown::Ended(0)) } else { Err(dead) };
        }
        let customer = self.sessions[session].customer;
        let ended = self.end_sessions("signed_out", |id, found| {
            let is_target = match target {
                Target::This => id == session,
                Target::Others => id != session,
                Target::Session(other) => id == other,
            };
            found.customer == customer && is_target
        });
        Ok(Shown::Ended(ended))
    }

    /// Ends sessions, those that have run out as well; gives how many were live.
    pub(super) fn end_sessions(
        &mut self,
        how: &'static str,
        which: impl Fn(usize, &Session) -> bool,
    ) -> i32 {
        let mut live = 0;
        for id in 0..self.sessions.len() {
            if self.sessions[id].ended.is_none() && which(id, &self.sessions[id]) {
                live += i32::from(self.live(id).is_ok());
                self.sessions[id].ended = Some(how);
            }
        }
        live
    }
}
