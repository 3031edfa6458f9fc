//! Multi-factor authentication, on behalf of a sign-in or a session.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::totp::TotpCode;
use tonic::Request;

use super::PortalAuthRpc;
use crate::app::App;
use crate::convert::credential::Credential;
use crate::convert::fields::Fields;
use crate::convert::sign_in as convert;
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::{backup_codes, enrollment};

impl PortalAuthRpc {
    pub(super) async fn start_enrollment(
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

    pub(super) async fn verify_enrollment(
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

    pub(super) async fn delete_enrollment(
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

    pub(super) async fn enable_mfa(
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

    pub(super) async fn generate_backup_codes(
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
}
