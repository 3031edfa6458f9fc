//! Signing in.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::email::Email;
use gatehouse_domain::password::Password;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::vault::{Token, TokenKind};
use tonic::Request;

use super::PortalAuthRpc;
use crate::app::App;
use crate::convert::fields::Fields;
use crate::convert::{client_context, invitation, proof, sign_in as convert};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::{invitations, sign_in};

impl PortalAuthRpc {
    #[expect(clippy::unused_async, reason = "as the other methods are")]
    pub(super) async fn start_sign_in(
        &self,
        request: Request<v1::StartSignInRequest>,
    ) -> Result<v1::StartSignInResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::StartSignInRequest { email, client } = message;
        let mut fields = Fields::default();
        fields.take("email", Email::parse(&email));
        let client = client_context::require(&mut fields, client);
        let client = fields.finish_with(client)?;
        let portal = context.portal()?;
        let typed = email.trim().to_owned();
        let view = sign_in::start(&self.app, &context.call, &portal, typed, client);
        Ok(v1::StartSignInResponse { sign_in: Some(convert::message(&view)) })
    }

    pub(super) async fn get_sign_in(
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

    pub(super) async fn verify_password(
        &self,
        request: Request<v1::VerifyPasswordRequest>,
    ) -> Result<v1::VerifyPasswordResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::VerifyPasswordRequest { sign_in_token, password, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("sign_in_token", SignInToken::parse(&sign_in_token));
        let password = fields.take("password", Password::parse(&password));
        client_context::parse(&mut fields, client);
        let (token, password) = fields.finish_with(token.zip(password))?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::verify_password(&app, &call, &portal, token, password).await
        };
        let view = match context.detach(use_case).await? {
            Ok(view) => view,
            // Here, where no place is held any more.
            Err(held) => return Err(held.release().await),
        };
        Ok(v1::VerifyPasswordResponse { sign_in: Some(convert::message(&view)) })
    }

    pub(super) async fn verify_second_factor(
        &self,
        request: Request<v1::VerifySecondFactorRequest>,
    ) -> Result<v1::VerifySecondFactorResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::VerifySecondFactorRequest { sign_in_token, proof, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("sign_in_token", SignInToken::parse(&sign_in_token));
        let proof = proof::parse(&mut fields, proof);
        client_context::parse(&mut fields, client);
        let (token, proof) = fields.finish_with(token.zip(proof))?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::verify_second_factor(&app, &call, &portal, &token, &proof).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::VerifySecondFactorResponse { sign_in: Some(convert::message(&view)) })
    }

    pub(super) async fn finish_sign_in(
        &self,
        request: Request<v1::FinishSignInRequest>,
    ) -> Result<v1::FinishSignInResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::FinishSignInRequest { sign_in_token, client } = message;
        let mut fields = Fields::default();
        let token = fields.take("sign_in_token", SignInToken::parse(&sign_in_token));
        client_context::parse(&mut fields, client);
        let token = fields.finish_with(token)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::finish(&app, &call, &portal, &token).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::FinishSignInResponse { sign_in: Some(convert::message(&view)) })
    }

    pub(super) async fn accept_invitation(
        &self,
        request: Request<v1::AcceptInvitationRequest>,
    ) -> Result<v1::AcceptInvitationResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::AcceptInvitationRequest { invitation_token, new_password, client } = message;
        let mut fields = Fields::default();
        let token = Token::parse(TokenKind::Invitation, &invitation_token);
        let token = fields.take("invitation_token", token);
        let password = fields.take("new_password", Password::parse(&new_password));
        let client = client_context::require(&mut fields, client);
        let all = token.zip(password).zip(client);
        let ((token, password), client) = fields.finish_with(all)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sign_in::accept_invitation(&app, &call, &portal, &token, password, client).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::AcceptInvitationResponse { sign_in: Some(convert::message(&view)) })
    }

    pub(super) async fn request_invitation(
        &self,
        request: Request<v1::RequestInvitationRequest>,
    ) -> Result<v1::RequestInvitationResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::RequestInvitationRequest { email, client } = message;
        let mut fields = Fields::default();
        let email = fields.take("email", Email::parse(&email));
        let client = client_context::parse(&mut fields, client);
        let (email, client) = fields.finish_with(email.zip(client))?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            invitations::request(&app, &call, &portal, &email, &client).await
        };
        let issued = context.detach(use_case).await?;
        Ok(v1::RequestInvitationResponse { invitation: issued.as_ref().map(invitation::message) })
    }
}
