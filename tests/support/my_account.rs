//! A signed-in customer's My Account pages.

use gatehouse_api::v1;
use gatehouse_api::v1::reauthenticate_session_request::Proof;

use super::{Answer, Authenticator, Web};

/// PortalAuthService, on behalf of one session.
pub struct MyAccount {
    pub web: Web,
    pub token: String,
}

/// An RPC of an enrollment, on behalf of the session.
macro_rules! mfa_rpc {
    ($self:ident.$method:ident, $request:ident, $module:ident -> $response:ident $(, $field:ident: $value:expr)*) => {{
        let credential = v1::$module::Credential::SessionToken($self.token.clone());
        let request =
            v1::$request { credential: Some(credential), $($field: Some($value),)* client: None };
        let answer = $self.web.client().$method(request).await?.into_inner();
        match answer.result.clone() {
            Some(v1::$response::Result::Mfa(mfa)) => (mfa, answer),
            _ => panic!("not what the credential was for"),
        }
    }};
}

impl MyAccount {
    pub async fn mfa(&self) -> Answer<v1::Mfa> {
        let request = v1::GetMfaRequest { session_token: self.token.clone() };
        Ok(self.web.client().get_mfa(request).await?.into_inner().mfa.unwrap())
    }

    pub async fn start_enrollment(&self) -> Answer<v1::Mfa> {
        let (mfa, _) = mfa_rpc!(
            self.start_enrollment,
            StartEnrollmentRequest,
            start_enrollment_request -> start_enrollment_response,
            factor: v1::start_enrollment_request::Factor::Totp(v1::StartTotp {})
        );
        Ok(mfa)
    }

    pub async fn verify_enrollment(&self, code: &str) -> Answer<v1::Mfa> {
        let (mfa, _) = mfa_rpc!(
            self.verify_enrollment,
            VerifyEnrollmentRequest,
            verify_enrollment_request -> verify_enrollment_response,
            proof: v1::verify_enrollment_request::Proof::TotpCode(code.to_owned())
        );
        Ok(mfa)
    }

    pub async fn delete_enrollment(&self) -> Answer<v1::Mfa> {
        let (mfa, _) = mfa_rpc!(
            self.delete_enrollment,
            DeleteEnrollmentRequest,
            delete_enrollment_request -> delete_enrollment_response
        );
        Ok(mfa)
    }

    pub async fn enable_mfa(&self) -> Answer<v1::Mfa> {
        let (mfa, _) =
            mfa_rpc!(self.enable_mfa, EnableMfaRequest, enable_mfa_request -> enable_mfa_response);
        Ok(mfa)
    }

    pub async fn backup_codes(&self) -> Answer<(Vec<String>, v1::Mfa)> {
        let (mfa, answer) = mfa_rpc!(
            self.generate_backup_codes,
            GenerateBackupCodesRequest,
            generate_backup_codes_request -> generate_backup_codes_response
        );
        Ok((answer.codes, mfa))
    }

    pub async fn disable_mfa(&self) -> Answer<v1::Mfa> {
        let request = v1::DisableMfaRequest { session_token: self.token.clone(), client: None };
        Ok(self.web.client().disable_mfa(request).await?.into_inner().mfa.unwrap())
    }

    pub async fn prove_password(&self, password: &str) -> Answer<v1::Session> {
        self.reauthenticate(Proof::Password(password.to_owned())).await
    }

    pub async fn prove_totp(&self, code: &str) -> Answer<v1::Session> {
        self.reauthenticate(Proof::TotpCode(code.to_owned())).await
    }

    pub async fn prove_backup_code(&self, code: &str) -> Answer<v1::Session> {
        self.reauthenticate(Proof::BackupCode(code.to_owned())).await
    }

    async fn reauthenticate(&self, proof: Proof) -> Answer<v1::Session> {
        let request = v1::ReauthenticateSessionRequest {
            session_token: self.token.clone(),
            proof: Some(proof),
            client: None,
        };
        let answer = self.web.client().reauthenticate_session(request).await?.into_inner();
        Ok(answer.session.unwrap())
    }

    /// Gives how many other sessions have ended.
    pub async fn change_password(&self, current: &str, new: &str) -> Answer<i32> {
        let request = v1::ChangePasswordRequest {
            session_token: self.token.clone(),
            current_password: current.to_owned(),
            new_password: new.to_owned(),
            client: None,
        };
        Ok(self.web.client().change_password(request).await?.into_inner().sessions_ended)
    }

    /// A page of the live sessions, and the token of the next.
    pub async fn sessions(
        &self,
        page_size: i32,
        page_token: &str,
    ) -> Answer<(Vec<v1::Session>, String)> {
        let request = v1::ListOwnSessionsRequest {
            session_token: self.token.clone(),
            page_size,
            page_token: page_token.to_owned(),
        };
        let answer = self.web.client().list_own_sessions(request).await?.into_inner();
        Ok((answer.sessions, answer.next_page_token))
    }

    pub async fn validate(&self) -> Answer<v1::Session> {
        Ok(self.web.validate(&self.token).await?.session.unwrap())
    }

    /// Starts an enrollment, and gives the phone the secret.
    pub async fn scan(&self) -> Answer<Authenticator> {
        let mfa = self.start_enrollment().await?;
        Ok(Authenticator::with_secret(&setup(&mfa).unwrap().1.secret))
    }
}

/// What the session is setting up, and how it stands.
pub fn setup(mfa: &v1::Mfa) -> Option<(v1::EnrollmentState, &v1::TotpEnrollment)> {
    let pending = mfa.pending.as_ref()?;
    let v1::enrollment::Kind::Totp(totp) = pending.kind.as_ref().expect("kind is set");
    Some((pending.state(), totp))
}
