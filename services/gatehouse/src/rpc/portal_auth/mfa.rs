//! Multi-factor authentication, on behalf of a sign-in or a session.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::totp::TotpCode;
use tonic::Request;

use super::PortalAuthRpc;
use crate::app::App;
use crate::convert::fields::Fields;
use crate::convert::{client_context, credential, mfa};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::{backup_codes, enrollment, mfa as usecase};

impl PortalAuthRpc {
    pub(super) async fn get_mfa(
        &self,
        request: Request<v1::GetMfaRequest>,
    ) -> Result<v1::GetMfaResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &message.session_token);
        let token = fields.finish_with(token)?;
        let portal = context.portal()?;
        let view = usecase::get(&self.app, &context.call, &portal, &token).await?;
        Ok(v1::GetMfaResponse { mfa: Some(mfa::own(&view)) })
    }

    pub(super) async fn disable_mfa(
        &self,
        request: Request<v1::DisableMfaRequest>,
    ) -> Result<v1::DisableMfaResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::DisableMfaRequest { session_token, client } = message;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &session_token);
        let client = client_context::parse(&mut fields, client);
        let (token, client) = fields.finish_with(token.zip(client))?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            usecase::disable(&app, &call, &portal, &token, &client).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::DisableMfaResponse { mfa: Some(mfa::own(&view)) })
    }

    pub(super) async fn start_enrollment(
        &self,
        request: Request<v1::StartEnrollmentRequest>,
    ) -> Result<v1::StartEnrollmentResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::StartEnrollmentRequest { credential, factor, client } = message;
        let mut fields = Fields::default();
        let credential = credential::parse(&mut fields, credential, client);
        fields.require("totp", factor);
        let credential = fields.finish_with(credential)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::start(&app, &call, &portal, &credential).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::StartEnrollmentResponse { result: Some((&view).into()) })
    }

    pub(super) async fn verify_enrollment(
        &self,
        request: Request<v1::VerifyEnrollmentRequest>,
    ) -> Result<v1::VerifyEnrollmentResponse, AppError> {
        use v1::verify_enrollment_request::Proof;

        let (context, message) = receive(&self.app, request)?;
        let v1::VerifyEnrollmentRequest { credential, proof, client } = message;
        let mut fields = Fields::default();
        let credential = credential::parse(&mut fields, credential, client);
        let Proof::TotpCode(code) = proof.unwrap_or(Proof::TotpCode(String::new()));
        let code = fields.take("totp_code", TotpCode::parse(&code));
        let (credential, code) = fields.finish_with(credential.zip(code))?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::verify(&app, &call, &portal, &credential, &code).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::VerifyEnrollmentResponse { result: Some((&view).into()) })
    }

    pub(super) async fn delete_enrollment(
        &self,
        request: Request<v1::DeleteEnrollmentRequest>,
    ) -> Result<v1::DeleteEnrollmentResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::DeleteEnrollmentRequest { credential, client } = message;
        let mut fields = Fields::default();
        let credential = credential::parse(&mut fields, credential, client);
        let credential = fields.finish_with(credential)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::delete(&app, &call, &portal, &credential).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::DeleteEnrollmentResponse { result: Some((&view).into()) })
    }

    pub(super) async fn enable_mfa(
        &self,
        request: Request<v1::EnableMfaRequest>,
    ) -> Result<v1::EnableMfaResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::EnableMfaRequest { credential, client } = message;
        let mut fields = Fields::default();
        let credential = credential::parse(&mut fields, credential, client);
        let credential = fields.finish_with(credential)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            enrollment::enable(&app, &call, &portal, &credential).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::EnableMfaResponse { result: Some((&view).into()) })
    }

    pub(super) async fn generate_backup_codes(
        &self,
        request: Request<v1::GenerateBackupCodesRequest>,
    ) -> Result<v1::GenerateBackupCodesResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::GenerateBackupCodesRequest { credential, client } = message;
        let mut fields = Fields::default();
        let credential = credential::parse(&mut fields, credential, client);
        let credential = fields.finish_with(credential)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            backup_codes::generate(&app, &call, &portal, &credential).await
        };
        let (codes, view) = context.detach(use_case).await?;
        Ok(v1::GenerateBackupCodesResponse {
            codes: codes.iter().map(|code| code.to_text().to_string()).collect(),
            result: Some((&view).into()),
        })
    }
}
