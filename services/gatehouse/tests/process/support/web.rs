//! A portal's own backend.

use gatehouse_api::v1;
use gatehouse_api::v1::portal_auth_service_client::PortalAuthServiceClient;
use gatehouse_api::v1::sign_in::Next;
use gatehouse_api::v1::verify_second_factor_request::Proof;
use gatehouse_api::v1::{
    enable_mfa_request as enable, enrollment, generate_backup_codes_request as generate,
    start_enrollment_request as start, start_enrollment_response as started,
    verify_enrollment_request as verify,
};

use super::{Answer, EMAIL, Keyed, PASSWORD, Phone};

/// PortalAuthService with a portal's key, on behalf of its one customer.
#[derive(Clone)]
pub struct Web(PortalAuthServiceClient<Keyed>);

/// What a customer has who has set up MFA.
pub struct Enrolled {
    pub phone: Phone,
    pub backup_codes: Vec<String>,
    /// The token of the session that the sign-in came to.
    pub session: String,
}

impl Web {
    pub(super) fn new(channel: Keyed) -> Self {
        Self(PortalAuthServiceClient::new(channel))
    }

    /// The generated client.
    pub fn client(&self) -> PortalAuthServiceClient<Keyed> {
        self.0.clone()
    }

    /// Starts a sign-in.
    pub async fn start(&self) -> Answer<v1::SignIn> {
        let request = v1::StartSignInRequest { email: EMAIL.to_owned(), client: Some(browser()) };
        Ok(self.client().start_sign_in(request).await?.into_inner().sign_in.unwrap())
    }

    pub async fn password(&self, token: &str, password: &str) -> Answer<v1::SignIn> {
        let request = v1::VerifyPasswordRequest {
            sign_in_token: token.to_owned(),
            password: password.to_owned(),
            client: None,
        };
        Ok(self.client().verify_password(request).await?.into_inner().sign_in.unwrap())
    }

    /// A sign-in past the password.
    pub async fn sign_in(&self) -> v1::SignIn {
        let started = self.start().await.unwrap();
        self.password(&started.token, PASSWORD).await.unwrap()
    }

    /// Starts a sign-in, and ends it with a code of the authenticator.
    pub async fn sign_in_with_totp(&self, code: &str) -> Answer<v1::SignIn> {
        self.totp(&self.sign_in().await.token, code).await
    }

    /// Starts a sign-in, and ends it with a backup code.
    pub async fn sign_in_with_backup_code(&self, code: &str) -> Answer<v1::SignIn> {
        let token = self.sign_in().await.token;
        self.second_factor(&token, Proof::BackupCode(code.to_owned())).await
    }

    /// A token to set the customer's password with.
    pub async fn invitation(&self) -> String {
        let request =
            v1::RequestInvitationRequest { email: EMAIL.to_owned(), client: Some(browser()) };
        let answer = self.client().request_invitation(request).await.unwrap().into_inner();
        answer.invitation.unwrap().token
    }

    /// Sets the customer's password with such a token.
    pub async fn accept(&self, invitation: &str, new_password: &str) -> Answer<v1::SignIn> {
        let request = v1::AcceptInvitationRequest {
            invitation_token: invitation.to_owned(),
            new_password: new_password.to_owned(),
            client: Some(browser()),
        };
        Ok(self.client().accept_invitation(request).await?.into_inner().sign_in.unwrap())
    }

    pub async fn totp(&self, token: &str, code: &str) -> Answer<v1::SignIn> {
        self.second_factor(token, Proof::TotpCode(code.to_owned())).await
    }

    async fn second_factor(&self, token: &str, proof: Proof) -> Answer<v1::SignIn> {
        let request = v1::VerifySecondFactorRequest {
            sign_in_token: token.to_owned(),
            proof: Some(proof),
            client: None,
        };
        Ok(self.client().verify_second_factor(request).await?.into_inner().sign_in.unwrap())
    }

    /// Sets up MFA in a sign-in that is at `enroll`, as far as EnableMfa.
    pub async fn enable_mfa(&self, token: &str) -> Phone {
        let mut client = self.client();
        let request = v1::StartEnrollmentRequest {
            credential: Some(start::Credential::SignInToken(token.to_owned())),
            factor: Some(start::Factor::Totp(v1::StartTotp {})),
            client: None,
        };
        let answer = client.start_enrollment(request).await.unwrap().into_inner();
        let phone = Phone::with_secret(&pending_secret(answer));

        let request = v1::VerifyEnrollmentRequest {
            credential: Some(verify::Credential::SignInToken(token.to_owned())),
            proof: Some(verify::Proof::TotpCode(phone.first_code())),
            client: None,
        };
        client.verify_enrollment(request).await.unwrap();

        let credential = Some(enable::Credential::SignInToken(token.to_owned()));
        client.enable_mfa(v1::EnableMfaRequest { credential, client: None }).await.unwrap();
        phone
    }

    /// Sets another authenticator up, by a session whose proof is fresh.
    pub async fn change_mfa(&self, session: &str) -> Phone {
        let mut client = self.client();
        let request = v1::StartEnrollmentRequest {
            credential: Some(start::Credential::SessionToken(session.to_owned())),
            factor: Some(start::Factor::Totp(v1::StartTotp {})),
            client: None,
        };
        let answer = client.start_enrollment(request).await.unwrap().into_inner();
        let Some(started::Result::Mfa(mfa)) = answer.result else {
            panic!("not what the credential was for")
        };
        let enrollment::Kind::Totp(totp) = mfa.pending.unwrap().kind.unwrap();
        let phone = Phone::with_secret(&totp.secret);
        let request = v1::VerifyEnrollmentRequest {
            credential: Some(verify::Credential::SessionToken(session.to_owned())),
            proof: Some(verify::Proof::TotpCode(phone.first_code())),
            client: None,
        };
        client.verify_enrollment(request).await.unwrap();
        let credential = Some(enable::Credential::SessionToken(session.to_owned()));
        client.enable_mfa(v1::EnableMfaRequest { credential, client: None }).await.unwrap();
        phone
    }

    /// Sets up MFA in a sign-in that is at `enroll`, and ends it.
    pub async fn enroll(&self, token: &str) -> Enrolled {
        let phone = self.enable_mfa(token).await;
        let credential = Some(generate::Credential::SignInToken(token.to_owned()));
        let request = v1::GenerateBackupCodesRequest { credential, client: None };
        let answer = self.client().generate_backup_codes(request).await.unwrap();
        let backup_codes = answer.into_inner().codes;
        let request = v1::FinishSignInRequest { sign_in_token: token.to_owned(), client: None };
        let answer = self.client().finish_sign_in(request).await.unwrap().into_inner();
        Enrolled { phone, backup_codes, session: session(&answer.sign_in.unwrap()) }
    }

    /// Validates a session, which has to be multi-factor.
    pub async fn validate(&self, token: &str) -> Answer<v1::ValidateSessionResponse> {
        let request = v1::ValidateSessionRequest {
            session_token: token.to_owned(),
            min_assurance: v1::Assurance::MultiFactor.into(),
            ..Default::default()
        };
        Ok(self.client().validate_session(request).await?.into_inner())
    }
}

/// The token of the session that `sign_in` came to.
pub fn session(sign_in: &v1::SignIn) -> String {
    match &sign_in.next {
        Some(Next::Session(issued)) => issued.token.clone(),
        _ => panic!("the sign-in goes on"),
    }
}

fn pending_secret(answer: v1::StartEnrollmentResponse) -> String {
    let Some(started::Result::SignIn(sign_in)) = answer.result else {
        panic!("not what the credential was for")
    };
    let Some(Next::Enroll(enroll)) = sign_in.next else { panic!("not at enroll") };
    let enrollment::Kind::Totp(totp) = enroll.pending.unwrap().kind.unwrap();
    totp.secret
}

/// What the customer comes with.
fn browser() -> v1::ClientContext {
    v1::ClientContext { ip_address: "203.0.113.7".to_owned(), user_agent: "Firefox".to_owned() }
}
