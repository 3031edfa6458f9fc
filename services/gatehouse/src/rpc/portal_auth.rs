//! PortalAuthService.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_api::v1::portal_auth_service_server::PortalAuthService;
use gatehouse_api::v1::sign_out_request::Target;
use gatehouse_api::v1::verify_second_factor_request::Proof;
use gatehouse_domain::backup_code::BackupCode;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::name;
use gatehouse_domain::password::Password;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::totp::TotpCode;
use gatehouse_domain::vault::{Token, TokenKind};
use tonic::{Request, Response, Status};

use super::receive;
use crate::app::App;
use crate::convert::credential::Credential;
use crate::convert::fields::{Fields, count, parse_duration};
use crate::convert::{client_context, session, sign_in as convert};
use crate::error::AppError;
use crate::usecase::sessions::{Requirements, SignOutTarget};
use crate::usecase::sign_in::SecondFactor;
use crate::usecase::{backup_codes, enrollment, sessions, sign_in};

/// What a portal's own backend calls.
pub struct PortalAuthRpc {
    app: Arc<App>,
}

impl PortalAuthRpc {
    /// The service of `app`.
    #[must_use]
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn start_sign_in(
        &self,
        request: Request<v1::StartSignInRequest>,
    ) -> Result<v1::StartSignInResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::StartSignInRequest { email, client } = message;
        let mut fields = Fields::default();
        fields.take("email", Email::parse(&email));
        fields.require("client", client.as_ref());
        let client = client_context::parse(&mut fields, client);
        let Some(client) = client else { return Err(fields.into_error()) };
        fields.finish()?;
        let portal = context.portal()?;
        let typed = email.trim().to_owned();
        let view = sign_in::start(&self.app, &context.call, &portal, typed, client).await?;
        Ok(v1::StartSignInResponse { sign_in: Some(convert::message(&view)) })
    }

    async fn get_sign_in(
        &self,
        request: Request<v1::GetSignInRequest>,
    ) -> Result<v1::GetSignInResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let token = SignInToken::parse(&message.sign_in_token);
        let token = token.map_err(|error| error.at("sign_in_token"))?;
        let portal = context.portal()?;
        let view = sign_in::get(&self.app, &context.call, &portal, token).await?;
        Ok(v1::GetSignInResponse { sign_in: Some(convert::message(&view)) })
    }

    async fn verify_password(
        &self,
        request: Request<v1::VerifyPasswordRequest>,
    ) -> Result<v1::VerifyPasswordResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::VerifyPasswordRequest { sign_in_token, password, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("sign_in_token", SignInToken::parse(&sign_in_token));
        let password = fields.take("password", Password::parse(&password));
        client_context::parse(&mut fields, client);
        let (Some(token), Some(password)) = (token, password) else {
            return Err(fields.into_error());
        };
        fields.finish()?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::verify_password(&app, &call, &portal, token, password).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::VerifyPasswordResponse { sign_in: Some(convert::message(&view)) })
    }

    async fn verify_second_factor(
        &self,
        request: Request<v1::VerifySecondFactorRequest>,
    ) -> Result<v1::VerifySecondFactorResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::VerifySecondFactorRequest { sign_in_token, proof, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("sign_in_token", SignInToken::parse(&sign_in_token));
        let proof = match proof {
            Some(Proof::TotpCode(code)) => {
                fields.take("totp_code", TotpCode::parse(&code)).map(SecondFactor::Totp)
            }
            Some(Proof::BackupCode(code)) => {
                fields.take("backup_code", BackupCode::parse(&code)).map(SecondFactor::BackupCode)
            }
            None => fields.require("proof", None),
        };
        client_context::parse(&mut fields, client);
        let (Some(token), Some(proof)) = (token, proof) else { return Err(fields.into_error()) };
        fields.finish()?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::verify_second_factor(&app, &call, &portal, &token, proof).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::VerifySecondFactorResponse { sign_in: Some(convert::message(&view)) })
    }

    async fn start_enrollment(
        &self,
        request: Request<v1::StartEnrollmentRequest>,
    ) -> Result<v1::StartEnrollmentResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::StartEnrollmentRequest { credential, factor, client } = message;
        let mut fields = Fields::default();
        let credential = Credential::parse(&mut fields, credential, client);
        fields.require("totp", factor);
        let token = Credential::sign_in(credential, fields)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::start(&app, &call, &portal, &token).await
        };
        let view = context.detach(use_case).await?;
        let result = v1::start_enrollment_response::Result::SignIn(convert::message(&view));
        Ok(v1::StartEnrollmentResponse { result: Some(result) })
    }

    async fn verify_enrollment(
        &self,
        request: Request<v1::VerifyEnrollmentRequest>,
    ) -> Result<v1::VerifyEnrollmentResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::VerifyEnrollmentRequest { credential, proof, client } = message;
        let mut fields = Fields::default();
        let credential = Credential::parse(&mut fields, credential, client);
        let v1::verify_enrollment_request::Proof::TotpCode(code) =
            proof.unwrap_or(v1::verify_enrollment_request::Proof::TotpCode(String::new()));
        let code = fields.take("totp_code", TotpCode::parse(&code));
        let Some(code) = code else { return Err(fields.into_error()) };
        let token = Credential::sign_in(credential, fields)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::verify(&app, &call, &portal, &token, &code).await
        };
        let view = context.detach(use_case).await?;
        let result = v1::verify_enrollment_response::Result::SignIn(convert::message(&view));
        Ok(v1::VerifyEnrollmentResponse { result: Some(result) })
    }

    async fn delete_enrollment(
        &self,
        request: Request<v1::DeleteEnrollmentRequest>,
    ) -> Result<v1::DeleteEnrollmentResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::DeleteEnrollmentRequest { credential, client } = message;
        let mut fields = Fields::default();
        let credential = Credential::parse(&mut fields, credential, client);
        let token = Credential::sign_in(credential, fields)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::delete(&app, &call, &portal, &token).await
        };
        let view = context.detach(use_case).await?;
        let result = v1::delete_enrollment_response::Result::SignIn(convert::message(&view));
        Ok(v1::DeleteEnrollmentResponse { result: Some(result) })
    }

    async fn enable_mfa(
        &self,
        request: Request<v1::EnableMfaRequest>,
    ) -> Result<v1::EnableMfaResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::EnableMfaRequest { credential, client } = message;
        let mut fields = Fields::default();
        let credential = Credential::parse(&mut fields, credential, client);
        let token = Credential::sign_in(credential, fields)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::enable(&app, &call, &portal, &token).await
        };
        let view = context.detach(use_case).await?;
        let result = v1::enable_mfa_response::Result::SignIn(convert::message(&view));
        Ok(v1::EnableMfaResponse { result: Some(result) })
    }

    async fn generate_backup_codes(
        &self,
        request: Request<v1::GenerateBackupCodesRequest>,
    ) -> Result<v1::GenerateBackupCodesResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::GenerateBackupCodesRequest { credential, client } = message;
        let mut fields = Fields::default();
        let credential = Credential::parse(&mut fields, credential, client);
        let token = Credential::sign_in(credential, fields)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            backup_codes::generate(&app, &call, &portal, &token).await
        };
        let (codes, view) = context.detach(use_case).await?;
        let result = v1::generate_backup_codes_response::Result::SignIn(convert::message(&view));
        Ok(v1::GenerateBackupCodesResponse {
            codes: codes.iter().map(|code| code.to_text().to_string()).collect(),
            result: Some(result),
        })
    }

    async fn finish_sign_in(
        &self,
        request: Request<v1::FinishSignInRequest>,
    ) -> Result<v1::FinishSignInResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::FinishSignInRequest { sign_in_token, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("sign_in_token", SignInToken::parse(&sign_in_token));
        client_context::parse(&mut fields, client);
        let Some(token) = token else { return Err(fields.into_error()) };
        fields.finish()?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::finish(&app, &call, &portal, &token).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::FinishSignInResponse { sign_in: Some(convert::message(&view)) })
    }

    async fn validate_session(
        &self,
        request: Request<v1::ValidateSessionRequest>,
    ) -> Result<v1::ValidateSessionResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let mut fields = Fields::default();
        let token = Token::parse(TokenKind::Session, &message.session_token);
        let token = fields.take("session_token", token);
        let assurance = session::parse_assurance(message.min_assurance);
        let assurance = fields.take("min_assurance", assurance).flatten();
        let age = message.max_authentication_age.as_ref();
        let max_authentication_age =
            age.and_then(|age| fields.take("max_authentication_age", parse_duration(age)));
        client_context::parse(&mut fields, message.client);
        let Some(token) = token else { return Err(fields.into_error()) };
        fields.finish()?;
        let require = Requirements { assurance, max_authentication_age, passive: message.passive };
        let portal = context.portal()?;
        let valid = sessions::validate(&self.app, &context.call, &portal, &token, require).await?;
        Ok(v1::ValidateSessionResponse {
            session: Some(session::message(&valid.session, valid.expires_at)),
            customer: name::customer(&valid.customer.key),
            email: valid.customer.email.to_string(),
            display_name: valid.customer.display_name,
        })
    }

    async fn sign_out(
        &self,
        request: Request<v1::SignOutRequest>,
    ) -> Result<v1::SignOutResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::SignOutRequest { session_token, target, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("session_token", Token::parse(TokenKind::Session, &session_token));
        let target = match target {
            None => Some(SignOutTarget::This),
            Some(Target::OtherSessions(v1::OtherSessions {})) => Some(SignOutTarget::Others),
            Some(Target::Session(session)) => {
                let session = fields.take("session", name::parse_session(&session));
                session.map(|(customer, id)| SignOutTarget::Session(customer, id))
            }
        };
        client_context::parse(&mut fields, client);
        let (Some(token), Some(target)) = (token, target) else { return Err(fields.into_error()) };
        fields.finish()?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sessions::sign_out(&app, &call, &portal, &token, target).await
        };
        let ended = context.detach(use_case).await?;
        Ok(v1::SignOutResponse { sessions_ended: count(ended) })
    }
}

grpc_service! {
    PortalAuthService for PortalAuthRpc;
    built {
        start_sign_in: StartSignInRequest -> StartSignInResponse,
        get_sign_in: GetSignInRequest -> GetSignInResponse,
        verify_password: VerifyPasswordRequest -> VerifyPasswordResponse,
        verify_second_factor: VerifySecondFactorRequest -> VerifySecondFactorResponse,
        start_enrollment: StartEnrollmentRequest -> StartEnrollmentResponse,
        verify_enrollment: VerifyEnrollmentRequest -> VerifyEnrollmentResponse,
        delete_enrollment: DeleteEnrollmentRequest -> DeleteEnrollmentResponse,
        enable_mfa: EnableMfaRequest -> EnableMfaResponse,
        generate_backup_codes: GenerateBackupCodesRequest -> GenerateBackupCodesResponse,
        finish_sign_in: FinishSignInRequest -> FinishSignInResponse,
        validate_session: ValidateSessionRequest -> ValidateSessionResponse,
        sign_out: SignOutRequest -> SignOutResponse,
    }
    unbuilt {
        get_own_portal: GetOwnPortalRequest -> GetOwnPortalResponse,
        request_invitation: RequestInvitationRequest -> RequestInvitationResponse,
        accept_invitation: AcceptInvitationRequest -> AcceptInvitationResponse,
        get_mfa: GetMfaRequest -> GetMfaResponse,
        disable_mfa: DisableMfaRequest -> DisableMfaResponse,
        reauthenticate_session: ReauthenticateSessionRequest -> ReauthenticateSessionResponse,
        list_own_sessions: ListOwnSessionsRequest -> ListOwnSessionsResponse,
        change_password: ChangePasswordRequest -> ChangePasswordResponse,
    }
    other {}
}
