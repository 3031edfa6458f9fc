//! Sign-ins.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::{
    CustomerSuspended, InvitationInvalid, PortalUsesSaml, SignInInvalid,
};

use super::super::call::{Code, Holder, Next, Outcome, Password, Refused, Shown};
use super::{Invitation, MINUTE, Model, Session, SignIn, Start, because};

const LIFETIME: Duration = Duration::from_mins(5);
const LIVE_SIGN_INS: usize = 5;
const LIVE_SESSIONS: usize = 20;

impl Model {
    pub(super) fn start_sign_in(&mut self, customer: usize) -> Shown {
        self.starts.push(Start { customer, at: self.now, used: false });
        Shown::SignIn(if self.policy.saml { Next::Saml } else { Next::Password })
    }

    pub(super) fn get_sign_in(&self, holder: Holder) -> Outcome {
        let next = match holder {
            Holder::SignIn(sign_in) => {
                self.live_sign_in(sign_in)?;
                self.next(sign_in)
            }
            Holder::Start(start) => {
                self.live_start(start)?;
                if self.policy.saml { Next::Saml } else { Next::Password }
            }
            _ => panic!("no sign-in"),
        };
        Ok(Shown::SignIn(next))
    }

    pub(super) fn verify_password(&mut self, sign_in: Holder, password: Password) -> Outcome {
        if self.policy.saml {
            return because(PortalUsesSaml);
        }
        let Holder::Start(start) = sign_in else {
            let next = self.under_way(sign_in)?.1;
            return Err(Refused::Step(next.name()));
        };
        self.live_start(start)?;
        let customer = self.starts[start].customer;
        self.prove_password(customer, password)?;
        if self.customers[customer].suspended {
            return because(CustomerSuspended);
        }
        self.starts[start].used = true;
        Ok(self.go_on(customer))
    }

    /// Sets a password that is proven by that, and goes on.
    pub(super) fn accept_invitation(&mut self, invitation: usize, new: u32) -> Outcome {
        if self.policy.saml {
            return because(PortalUsesSaml);
        }
        let Invitation { customer, ended } = self.invitations[invitation];
        if ended {
            return because(InvitationInvalid);
        }
        if self.customers[customer].suspended {
            return because(CustomerSuspended);
        }
        self.set_password(customer, new, None);
        Ok(self.go_on(customer))
    }

    /// Goes on with a proven password, under the policy of this moment.
    fn go_on(&mut self, customer: usize) -> Shown {
        let lifetime = if self.customers[customer].factor.is_some() {
            LIFETIME
        } else if self.enforces() {
            15 * MINUTE
        } else {
            return self.issue(customer, self.now, false);
        };
        let live: Vec<_> = (0..self.sign_ins.len())
            .filter(|&id| self.sign_ins[id].customer == customer && self.live_sign_in(id).is_ok())
            .collect();
        for &oldest in live.iter().rev().skip(LIVE_SIGN_INS - 1) {
            self.sign_ins[oldest].ended = true;
        }
        let expires_at = self.now + lifetime;
        self.sign_ins.push(SignIn { customer, proven_at: self.now, expires_at, ended: false });
        Shown::SignIn(self.next(self.sign_ins.len() - 1))
    }

    pub(super) fn verify_second_factor(&mut self, sign_in: Holder, code: Code) -> Outcome {
        let (id, next) = self.under_way(sign_in)?;
        if !matches!(next, Next::SecondFactor { .. }) {
            return Err(Refused::Step(next.name()));
        }
        let customer = self.sign_ins[id].customer;
        self.prove_code(customer, code)?;
        self.clear_wrong_codes(customer);
        self.sign_ins[id].ended = true;
        Ok(self.issue(customer, self.now, true))
    }

    pub(super) fn finish_sign_in(&mut self, sign_in: Holder) -> Outcome {
        let (id, next) = self.under_way(sign_in)?;
        if !matches!(next, Next::BackupCodes | Next::Enroll { optional: true, .. }) {
            return Err(Refused::Step(next.name()));
        }
        let SignIn { customer, proven_at, .. } = self.sign_ins[id];
        self.sign_ins[id].ended = true;
        Ok(match self.customers[customer].factor {
            Some(factor) => {
                self.clear_wrong_codes(customer);
                self.issue(customer, factor.enabled_at, true)
            }
            None => self.issue(customer, proven_at, false),
        })
    }

    /// Makes a session of a customer who was proven at `proven_at`.
    fn issue(&mut self, customer: usize, proven_at: Duration, multi_factor: bool) -> Shown {
        let live: Vec<_> = (0..self.sessions.len())
            .filter(|&id| self.sessions[id].customer == customer && self.live(id).is_ok())
            .collect();
        for &oldest in live.iter().rev().skip(LIVE_SESSIONS - 1) {
            self.sessions[oldest].ended = Some("replaced");
        }
        self.sessions.push(Session {
            customer,
            created_at: self.now,
            last_used_at: self.now,
            authenticated_at: proven_at,
            second_factor_at: multi_factor.then_some(proven_at),
            ended: None,
        });
        Shown::SignIn(Next::Session {
            multi_factor,
            backup_codes: self.codes_left(customer),
            enroll_by: self.announced().filter(|_| self.customers[customer].factor.is_none()),
        })
    }

    /// What a sign-in asks for now. It follows from policy and factor alone.
    pub fn next(&self, sign_in: usize) -> Next {
        let holder = Holder::SignIn(sign_in);
        let customer = self.sign_ins[sign_in].customer;
        match self.customers[customer].factor {
            _ if self.policy.saml => Next::Saml,
            Some(factor) if factor.enabled_by == holder => Next::BackupCodes,
            Some(_) => Next::SecondFactor { backup_code: self.codes_left(customer) > 0 },
            None => Next::Enroll { pending: self.setup_of(holder), optional: !self.enforces() },
        }
    }

    /// A live sign-in past its password, and where it is.
    pub(super) fn under_way(&self, holder: Holder) -> Result<(usize, Next), Refused> {
        match holder {
            Holder::SignIn(id) => {
                self.live_sign_in(id)?;
                match self.next(id) {
                    Next::Saml => because(PortalUsesSaml),
                    next => Ok((id, next)),
                }
            }
            Holder::Start(start) => {
                self.live_start(start)?;
                if self.policy.saml {
                    return because(PortalUsesSaml);
                }
                Err(Refused::Step(Next::Password.name()))
            }
            _ => panic!("no sign-in"),
        }
    }

    pub(super) fn live_sign_in(&self, id: usize) -> Result<(), Refused> {
        let SignIn { ended, expires_at, .. } = self.sign_ins[id];
        if ended || self.now >= expires_at { because(SignInInvalid) } else { Ok(()) }
    }

    fn live_start(&self, start: usize) -> Result<(), Refused> {
        let Start { used, at, .. } = self.starts[start];
        if used || self.now >= at + LIFETIME { because(SignInInvalid) } else { Ok(()) }
    }

    /// Ends every sign-in of a customer that is past its password.
    pub(super) fn end_sign_ins(&mut self, customer: usize) {
        for sign_in in self.sign_ins.iter_mut().filter(|found| found.customer == customer) {
            sign_in.ended = true;
        }
    }

    /// Ends every invitation of a customer.
    pub(super) fn end_invitations(&mut self, customer: usize) {
        for found in self.invitations.iter_mut().filter(|found| found.customer == customer) {
            found.ended = true;
        }
    }
}
