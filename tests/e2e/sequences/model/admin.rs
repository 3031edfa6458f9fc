//! What administrators do.

use super::super::call::{Change, Outcome, Refused, Revoked, Shown};
use super::{Model, Policy};

impl Model {
    pub(super) fn update_portal(&mut self, change: Change) -> Outcome {
        let before = self.policy;
        let enforced = Policy { enforced: true, enforced_from: None, ..before };
        let after = match change {
            Change::Enforce { .. } => enforced,
            Change::Announce(from) => Policy { enforced_from: Some(from), ..enforced },
            Change::Relax => Policy { saml: before.saml, ..Policy::default() },
            Change::UseSaml => Policy { saml: true, ..before },
            Change::UseSamlInstead => Policy { saml: true, ..Policy::default() },
            Change::DropSaml => Policy { saml: false, ..before },
            Change::EnforceInstead => Policy { saml: false, ..enforced },
        };
        if after.enforced && after.saml {
            return Err(Refused::Conflict);
        }
        self.policy = after;
        if change == (Change::Enforce { end_weaker: true }) {
            self.end_sessions("revoked", |_, session| session.second_factor_at.is_none());
        }
        Ok(Shown::Done)
    }

    pub(super) fn reset_customer_mfa(&mut self, customer: usize, end_password: bool) -> Shown {
        self.clear_wrong_codes(customer);
        self.end_enrollments(customer);
        self.end_sign_ins(customer);
        self.end_invitations(customer);
        let found = &mut self.customers[customer];
        found.factor = None;
        found.codes = None;
        if end_password {
            found.password = None;
        }
        Shown::Ended(self.end_sessions("mfa_reset", |_, session| session.customer == customer))
    }

    pub(super) fn suspend(&mut self, customer: usize, suspended: bool) -> Shown {
        let was = std::mem::replace(&mut self.customers[customer].suspended, suspended);
        // Suspending again changes nothing: an invitation made since lives on.
        if suspended && !was {
            self.end_sign_ins(customer);
            self.end_invitations(customer);
            self.end_sessions("suspended", |_, session| session.customer == customer);
        }
        Shown::Done
    }

    pub(super) fn revoke_sessions(&mut self, which: Revoked) -> Shown {
        Shown::Ended(self.end_sessions("revoked", |id, session| match which {
            Revoked::Session(session) => id == session,
            Revoked::Customer(customer) => session.customer == customer,
            Revoked::Portal => true,
        }))
    }
}
