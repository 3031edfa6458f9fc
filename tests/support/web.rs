//! A portal's own backend.

use gatehouse_api::v1;
use gatehouse_api::v1::portal_auth_service_client::PortalAuthServiceClient;
use gatehouse_api::v1::sign_out_request::Target;
use gatehouse_api::v1::verify_second_factor_request::Proof;

use super::{Answer, Keyed, MyAccount};

/// PortalAuthService with one key.
#[derive(Clone)]
pub struct Web(PortalAuthServiceClient<Keyed>);

/// A customer's device.
pub fn client() -> v1::ClientContext {
    v1::ClientContext { ip_address: "203.0.113.7".to_owned(), user_agent: "Firefox".to_owned() }
}

/// An RPC of an enrollment, on behalf of a sign-in.
macro_rules! enrollment_rpc {
    ($self:ident.$method:ident, $module:ident, $request:ident { $token:ident $(, $field:ident: $value:expr)* }) => {{
        let credential = v1::$module::Credential::SignInToken($token.to_owned());
        let request = v1::$request {
            credential: Some(credential),
            $($field: $value,)*
            client: None,
        };
        $self.client().$method(request).await?.into_inner()
    }};
}

macro_rules! sign_in_of {
    ($answer:ident, $module:ident) => {
        match $answer.result {
            Some(v1::$module::Result::SignIn(sign_in)) => Ok(sign_in),
            _ => panic!("not what the credential was for"),
        }
    };
}

impl Web {
    pub(super) fn new(channel: Keyed) -> Self {
        Self(PortalAuthServiceClient::new(channel))
    }

    /// The generated client.
    pub fn client(&self) -> PortalAuthServiceClient<Keyed> {
        self.0.clone()
    }

    /// My Account of the customer whose session this is.
    pub fn account(&self, session_token: &str) -> MyAccount {
        MyAccount { web: self.clone(), token: session_token.to_owned() }
    }

    pub async fn start(&self, email: &str) -> Answer<v1::SignIn> {
        self.start_from(email, client()).await
    }

    /// Starts a sign-in from another device.
    pub async fn start_from(&self, email: &str, client: v1::ClientContext) -> Answer<v1::SignIn> {
        let request = v1::StartSignInRequest { email: email.to_owned(), client: Some(client) };
        Ok(self.client().start_sign_in(request).await?.into_inner().sign_in.unwrap())
    }

    pub async fn get(&self, token: &str) -> Answer<v1::SignIn> {
        let request = v1::GetSignInRequest { sign_in_token: token.to_owned() };
        Ok(self.client().get_sign_in(request).await?.into_inner().sign_in.unwrap())
    }

    pub async fn password(&self, token: &str, password: &str) -> Answer<v1::SignIn> {
        let request = v1::VerifyPasswordRequest {
            sign_in_token: token.to_owned(),
            password: password.to_owned(),
            client: None,
        };
        Ok(self.client().verify_password(request).await?.into_inner().sign_in.unwrap())
    }

    /// Starts a sign-in and proves the password.
    pub async fn sign_in(&self, email: &str, password: &str) -> Answer<v1::SignIn> {
        let sign_in = self.start(email).await?;
        self.password(&sign_in.token, password).await
    }

    pub async fn totp(&self, token: &str, code: &str) -> Answer<v1::SignIn> {
        self.second_factor(token, Proof::TotpCode(code.to_owned())).await
    }

    pub async fn backup_code(&self, token: &str, code: &str) -> Answer<v1::SignIn> {
        self.second_factor(token, Proof::BackupCode(code.to_owned())).await
    }

    async fn second_factor(&self, token: &str, proof: Proof) -> Answer<v1::SignIn> {
        let request = v1::VerifySecondFactorRequest {
            sign_in_token: token.to_owned(),
            proof: Some(proof),
            client: None,
        };
        Ok(self.client().verify_second_factor(request).await?.into_inner().sign_in.unwrap())
    }

    pub async fn start_enrollment(&self, token: &str) -> Answer<v1::SignIn> {
        let factor = v1::start_enrollment_request::Factor::Totp(v1::StartTotp {});
        let answer = enrollment_rpc!(
            self.start_enrollment,
            start_enrollment_request,
            StartEnrollmentRequest { token, factor: Some(factor) }
        );
        sign_in_of!(answer, start_enrollment_response)
    }

    pub async fn verify_enrollment(&self, token: &str, code: &str) -> Answer<v1::SignIn> {
        let proof = v1::verify_enrollment_request::Proof::TotpCode(code.to_owned());
        let answer = enrollment_rpc!(
            self.verify_enrollment,
            verify_enrollment_request,
            VerifyEnrollmentRequest { token, proof: Some(proof) }
        );
        sign_in_of!(answer, verify_enrollment_response)
    }

    pub async fn delete_enrollment(&self, token: &str) -> Answer<v1::SignIn> {
        let answer = enrollment_rpc!(
            self.delete_enrollment,
            delete_enrollment_request,
            DeleteEnrollmentRequest { token }
        );
        sign_in_of!(answer, delete_enrollment_response)
    }

    pub async fn enable_mfa(&self, token: &str) -> Answer<v1::SignIn> {
        let answer =
            enrollment_rpc!(self.enable_mfa, enable_mfa_request, EnableMfaRequest { token });
        sign_in_of!(answer, enable_mfa_response)
    }

    pub async fn backup_codes(&self, token: &str) -> Answer<(Vec<String>, v1::SignIn)> {
        let answer = enrollment_rpc!(
            self.generate_backup_codes,
            generate_backup_codes_request,
            GenerateBackupCodesRequest { token }
        );
        let codes = answer.codes;
        let result = answer.result;
        match result {
            Some(v1::generate_backup_codes_response::Result::SignIn(sign_in)) => {
                Ok((codes, sign_in))
            }
            _ => panic!("not what the credential was for"),
        }
    }

    /// Sets a password by invitation.
    pub async fn accept_invitation(&self, token: &str, password: &str) -> Answer<v1::SignIn> {
        let request = v1::AcceptInvitationRequest {
            invitation_token: token.to_owned(),
            new_password: password.to_owned(),
            client: Some(client()),
        };
        Ok(self.client().accept_invitation(request).await?.into_inner().sign_in.unwrap())
    }

    /// Asks for an invitation; there may be nobody to write to.
    pub async fn request_invitation(&self, email: &str) -> Answer<Option<v1::Invitation>> {
        let request =
            v1::RequestInvitationRequest { email: email.to_owned(), client: Some(client()) };
        Ok(self.client().request_invitation(request).await?.into_inner().invitation)
    }

    pub async fn finish(&self, token: &str) -> Answer<v1::SignIn> {
        let request = v1::FinishSignInRequest { sign_in_token: token.to_owned(), client: None };
        Ok(self.client().finish_sign_in(request).await?.into_inner().sign_in.unwrap())
    }

    /// Validates a session that may be of any strength.
    pub async fn validate(&self, token: &str) -> Answer<v1::ValidateSessionResponse> {
        self.validate_with(token, v1::ValidateSessionRequest::default()).await
    }

    /// Validates a session that has to be multi-factor.
    pub async fn validate_multi_factor(&self, token: &str) -> Answer<v1::ValidateSessionResponse> {
        let mut request = v1::ValidateSessionRequest::default();
        request.set_min_assurance(v1::Assurance::MultiFactor);
        self.validate_with(token, request).await
    }

    /// Validates a session by what `request` asks for.
    pub async fn validate_with(
        &self,
        token: &str,
        request: v1::ValidateSessionRequest,
    ) -> Answer<v1::ValidateSessionResponse> {
        let request = v1::ValidateSessionRequest { session_token: token.to_owned(), ..request };
        Ok(self.client().validate_session(request).await?.into_inner())
    }

    /// Ends this session; gives how many have ended, as all of these do.
    pub async fn sign_out(&self, token: &str) -> Answer<i32> {
        self.sign_out_target(token, None).await
    }

    /// Ends every session of the customer but this one.
    pub async fn sign_out_others(&self, token: &str) -> Answer<i32> {
        let others = Target::OtherSessions(v1::OtherSessions {});
        self.sign_out_target(token, Some(others)).await
    }

    /// Ends the session of this name.
    pub async fn sign_out_named(&self, token: &str, name: &str) -> Answer<i32> {
        self.sign_out_target(token, Some(Target::Session(name.to_owned()))).await
    }

    async fn sign_out_target(&self, token: &str, target: Option<Target>) -> Answer<i32> {
        let request = v1::SignOutRequest { session_token: token.to_owned(), target, client: None };
        Ok(self.client().sign_out(request).await?.into_inner().sessions_ended)
    }
}
