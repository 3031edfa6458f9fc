//! What an administrator does to a customer.

use gatehouse_api::v1;

use super::{Customer, Password, SignIn, Stage, stage};
use crate::fleet::{Admin, Backend};
use crate::history::{Act, Id, Kind, Tally};
use crate::support::Answer;

/// A right to set a password.
#[derive(Clone)]
pub struct Invitation {
    token: String,
    id: Id,
}

impl Customer {
    pub async fn reset_mfa(&self, mut admin: Admin) -> Answer<()> {
        let request = v1::ResetCustomerMfaRequest { name: self.name.clone(), ..Default::default() };
        self.call(Act::Reset, admin.reset_customer_mfa(request)).await.map(drop)
    }

    pub async fn unlock(&self, mut admin: Admin) -> Answer<()> {
        let request = v1::UnlockCustomerRequest { name: self.name.clone() };
        self.call(Act::Unlock, admin.unlock_customer(request)).await.map(drop)
    }

    pub async fn revoke_sessions(&self, mut admin: Admin) -> Answer<()> {
        let request = v1::RevokeSessionsRequest { name: self.name.clone() };
        self.call(Act::Revoke, admin.revoke_sessions(request)).await.map(drop)
    }

    pub async fn is_locked(&self, mut admin: Admin) -> Answer<bool> {
        let request = v1::GetCustomerRequest { name: self.name.clone() };
        let found = self.call(Act::Other, admin.get_customer(request)).await?;
        Ok(found.customer.unwrap().lock.is_some())
    }

    pub async fn invite(&self, mut admin: Admin) -> Answer<Invitation> {
        let id = self.recorder.id();
        let request = v1::CreateInvitationRequest { customer: self.name.clone() };
        let act = Act::CreateInvitation { invitation: id };
        let made = self.call(act, admin.create_invitation(request)).await?;
        Ok(Invitation { token: made.invitation.unwrap().token, id })
    }

    pub async fn accept_invitation(
        &self,
        mut backend: Backend,
        invitation: &Invitation,
        password: &Password,
    ) -> Answer<Stage> {
        let [sign_in, session] = [self.recorder.id(), self.recorder.id()];
        let request = v1::AcceptInvitationRequest {
            invitation_token: invitation.token.clone(),
            new_password: password.text.clone(),
            client: Some(v1::ClientContext::default()),
        };
        let invitation = invitation.id;
        let act = Act::AcceptInvitation { invitation, password: password.id, sign_in, session };
        let answer = self.call(act, backend.accept_invitation(request)).await?;
        Ok(stage(answer.sign_in.unwrap(), sign_in, session))
    }

    /// The customer's events of a type, all of them.
    pub async fn events(&self, mut admin: Admin, kind: &str) -> Answer<Vec<v1::AuditEvent>> {
        let filter = v1::AuditEventFilter {
            resource: self.name.clone(),
            types: vec![kind.to_owned()],
            ..Default::default()
        };
        let mut request = v1::ListAuditEventsRequest {
            filter: Some(filter),
            page_size: 1000,
            ..Default::default()
        };
        let mut events = Vec::new();
        loop {
            let page = admin.list_audit_events(request.clone()).await?.into_inner();
            events.extend(page.audit_events);
            if page.next_page_token.is_empty() {
                return Ok(events);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Takes down what the audit trail tells of the customer, once nothing is under way
    /// any more.
    pub async fn tally(&self, admin: &Admin) -> Answer<()> {
        let succeeded = self.events(admin.clone(), "sign_in.succeeded").await?;
        let by = |factor: &str| {
            succeeded.iter().filter(|event| event.attributes["factor"] == factor).count()
        };
        let enabled = self.events(admin.clone(), "mfa.enabled").await?.len();
        for (kind, events) in [
            (Kind::Totp, by("totp")),
            (Kind::BackupCode, by("backup_code")),
            (Kind::Enrollment, enabled),
        ] {
            self.recorder.tally(Tally { customer: self.number, kind, events });
        }
        Ok(())
    }

    /// How many wrong codes were compared, as the audit trail tells: also those whose
    /// guessers did not wait for the answer.
    pub async fn guesses_judged(&self, admin: &Admin) -> Answer<usize> {
        let failed = self.events(admin.clone(), "sign_in.failed").await?;
        let rejected = failed.iter().filter(|event| {
            event.attributes["step"] == "second_factor"
                && event.reason() == v1::ErrorReason::CredentialsRejected
        });
        Ok(rejected.count())
    }

    /// As many sign-ins at the second factor as a customer may have.
    pub async fn sign_ins(&self, backend: &Backend) -> Answer<Vec<SignIn>> {
        let mut sign_ins = Vec::new();
        for _ in 0..5 {
            sign_ins.push(self.sign_in(backend.clone()).await?.second_factor());
        }
        Ok(sign_ins)
    }
}
