//! Setting up an authenticator in a sign-in.

use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;
use gatehouse_api::v1::{
    enable_mfa_request as enable, enrollment, generate_backup_codes_request as generate,
    start_enrollment_request as start, start_enrollment_response as started,
    verify_enrollment_request as verify,
};

use super::{Authenticator, BackupCodes, Customer, Session, SignIn, current_step};
use crate::fleet::Backend;
use crate::history::Act;
use crate::support::Answer;

/// What a customer has who has set up MFA.
#[derive(Clone)]
pub struct Enrolled {
    pub authenticator: Authenticator,
    pub codes: BackupCodes,
    pub session: Session,
}

impl Customer {
    pub async fn start_enrollment(
        &self,
        mut backend: Backend,
        sign_in: &SignIn,
    ) -> Answer<Authenticator> {
        let request = v1::StartEnrollmentRequest {
            credential: Some(start::Credential::SignInToken(sign_in.token.clone())),
            factor: Some(start::Factor::Totp(v1::StartTotp {})),
            client: None,
        };
        let answer = self.call(Act::Other, backend.start_enrollment(request)).await?;
        let Some(started::Result::SignIn(v1::SignIn { next: Some(Next::Enroll(step)), .. })) =
            answer.result
        else {
            panic!("the sign-in is not at enroll")
        };
        let enrollment::Kind::Totp(totp) = step.pending.unwrap().kind.unwrap();
        Ok(Authenticator::new(&totp.secret, self.recorder.id(), self.recorder.id()))
    }

    /// Proves it by the last step, which leaves the present and the next one for sign-ins.
    pub async fn verify_enrollment(
        &self,
        mut backend: Backend,
        sign_in: &SignIn,
        authenticator: &Authenticator,
    ) -> Answer<()> {
        let before = current_step();
        let request = v1::VerifyEnrollmentRequest {
            credential: Some(verify::Credential::SignInToken(sign_in.token.clone())),
            proof: Some(verify::Proof::TotpCode(authenticator.code(before - 1))),
            client: None,
        };
        let answer = self.call(Act::Other, backend.verify_enrollment(request)).await;
        if answer.is_err() && current_step() != before {
            // That step passed on the way.
            return Box::pin(self.verify_enrollment(backend, sign_in, authenticator)).await;
        }
        answer.map(drop)
    }

    pub async fn enable_mfa(
        &self,
        mut backend: Backend,
        sign_in: &SignIn,
        authenticator: &Authenticator,
    ) -> Answer<()> {
        let credential = Some(enable::Credential::SignInToken(sign_in.token.clone()));
        let Authenticator { enrollment, factor, .. } = *authenticator;
        let request = v1::EnableMfaRequest { credential, client: None };
        let act = Act::EnableMfa { enrollment, factor };
        self.call(act, backend.enable_mfa(request)).await.map(drop)
    }

    pub async fn generate_backup_codes(
        &self,
        mut backend: Backend,
        sign_in: &SignIn,
    ) -> Answer<BackupCodes> {
        let credential = Some(generate::Credential::SignInToken(sign_in.token.clone()));
        let request = v1::GenerateBackupCodesRequest { credential, client: None };
        let set = self.recorder.id();
        let act = Act::GenerateBackupCodes { set };
        let codes = self.call(act, backend.generate_backup_codes(request)).await?.codes;
        Ok(BackupCodes { codes, set })
    }

    /// Ends the sign-in, with the factor that it has set up if it has.
    pub async fn finish_sign_in(
        &self,
        mut backend: Backend,
        sign_in: &SignIn,
        authenticator: Option<&Authenticator>,
    ) -> Answer<Session> {
        let request =
            v1::FinishSignInRequest { sign_in_token: sign_in.token.clone(), client: None };
        let id = self.recorder.id();
        let factor = authenticator.map(|authenticator| authenticator.factor);
        let act = Act::FinishSignIn { sign_in: sign_in.id, factor, session: id };
        let answer = self.call(act, backend.finish_sign_in(request)).await?;
        Ok(Session { token: crate::support::session(&answer.sign_in.unwrap()), id })
    }

    /// An enrollment as far as EnableMfa.
    pub async fn prepare_enrollment(
        &self,
        backend: Backend,
        sign_in: &SignIn,
    ) -> Answer<Authenticator> {
        let authenticator = self.start_enrollment(backend.clone(), sign_in).await?;
        self.verify_enrollment(backend, sign_in, &authenticator).await?;
        Ok(authenticator)
    }

    /// Sets up MFA in a sign-in that is at `enroll`, and ends it.
    pub async fn enroll(&self, backend: Backend, sign_in: &SignIn) -> Answer<Enrolled> {
        let authenticator = self.prepare_enrollment(backend.clone(), sign_in).await?;
        self.enable_mfa(backend.clone(), sign_in, &authenticator).await?;
        let codes = self.generate_backup_codes(backend.clone(), sign_in).await?;
        let session = self.finish_sign_in(backend, sign_in, Some(&authenticator)).await?;
        Ok(Enrolled { authenticator, codes, session })
    }
}
