//! Sessions, and the portal that they are of.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_api::v1::sign_out_request::Target;
use gatehouse_domain::id::name;
use gatehouse_domain::password::Password;
use tonic::Request;

use super::PortalAuthRpc;
use crate::app::App;
use crate::convert::fields::{Fields, count, parse_duration};
use crate::convert::{client_context, credential, page, portal, proof, session};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::passwords::NewPassword;
use crate::usecase::sessions::{Requirements, SignOutTarget};
use crate::usecase::{passwords, sessions};

impl PortalAuthRpc {
    pub(super) async fn validate_session(
        &self,
        request: Request<v1::ValidateSessionRequest>,
    ) -> Result<v1::ValidateSessionResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &message.session_token);
        let assurance = session::parse_assurance(message.min_assurance);
        let assurance = fields.take("min_assurance", assurance).flatten();
        let age = message.max_authentication_age.as_ref();
        let max_authentication_age =
            age.and_then(|age| fields.take("max_authentication_age", parse_duration(age)));
        client_context::parse(&mut fields, message.client);
        let token = fields.finish_with(token)?;
        let require = Requirements { assurance, max_authentication_age, passive: message.passive };
        let portal = context.portal()?;
        let asked = context.caller.session(&token);
        let valid =
            sessions::validate(&self.app, &context.call, &portal, &token, asked, require).await?;
        Ok(v1::ValidateSessionResponse {
            session: Some(session::message(&valid.view)),
            customer: name::customer(&valid.view.session.customer),
            email: valid.email,
            display_name: valid.display_name,
        })
    }

    pub(super) async fn sign_out(
        &self,
        request: Request<v1::SignOutRequest>,
    ) -> Result<v1::SignOutResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::SignOutRequest { session_token, target, client } = message;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &session_token);
        let target = match target {
            None => Some(SignOutTarget::This),
            Some(Target::OtherSessions(v1::OtherSessions {})) => Some(SignOutTarget::Others),
            Some(Target::Session(session)) => {
                let session = fields.take("session", name::parse_session(&session));
                session.map(|(customer, id)| SignOutTarget::Session(customer, id))
            }
        };
        let client = client_context::parse(&mut fields, client);
        let all = token.zip(target).zip(client);
        let ((token, target), client) = fields.finish_with(all)?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sessions::sign_out(&app, &call, &portal, &token, &client, target).await
        };
        let ended = context.detach(use_case).await?;
        Ok(v1::SignOutResponse { sessions_ended: count(ended) })
    }

    pub(super) async fn reauthenticate_session(
        &self,
        request: Request<v1::ReauthenticateSessionRequest>,
    ) -> Result<v1::ReauthenticateSessionResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ReauthenticateSessionRequest { session_token, proof, client } = message;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &session_token);
        let proof = proof::parse_session_proof(&mut fields, proof);
        let client = client_context::parse(&mut fields, client);
        let ((token, proof), client) = fields.finish_with(token.zip(proof).zip(client))?;
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            sessions::reauthenticate(&app, &call, &portal, &token, &client, proof).await
        };
        let view = context.detach(use_case).await?;
        Ok(v1::ReauthenticateSessionResponse { session: Some(session::message(&view)) })
    }

    pub(super) async fn list_own_sessions(
        &self,
        request: Request<v1::ListOwnSessionsRequest>,
    ) -> Result<v1::ListOwnSessionsResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ListOwnSessionsRequest { session_token, page_size, page_token } = message;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &session_token);
        let list = page::List::new("ListOwnSessions", &session_token);
        let page = list.page(&self.app, &mut fields, page_size, &page_token, session::parse_last);
        let token = fields.finish_with(token)?;
        let (portal, after, limit) = (context.portal()?, page.after, page.limit());
        let (found, this) =
            sessions::own(&self.app, &context.call, &portal, &token, after, limit).await?;
        let (found, next_page_token) = page.cut(&self.app, found, session::name);
        let sessions = found
            .iter()
            .map(|live| v1::Session { current: live.session.id == this, ..session::message(live) });
        Ok(v1::ListOwnSessionsResponse { sessions: sessions.collect(), next_page_token })
    }

    pub(super) async fn change_password(
        &self,
        request: Request<v1::ChangePasswordRequest>,
    ) -> Result<v1::ChangePasswordResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ChangePasswordRequest { session_token, current_password, new_password, client } =
            message;
        let mut fields = Fields::default();
        let token = credential::session_token(&mut fields, &session_token);
        let current = fields.take("current_password", Password::parse(&current_password));
        let new = fields.take("new_password", Password::parse(&new_password));
        let client = client_context::parse(&mut fields, client);
        let all = token.zip(client).zip(current.zip(new));
        let ((token, client), (current, password)) = fields.finish_with(all)?;
        let new = NewPassword { password, field: "new_password" };
        let portal = context.portal()?;
        let use_case = move |app: Arc<App>, call| async move {
            passwords::change(&app, &call, &portal, &token, &client, (current, new)).await
        };
        let ended = context.detach(use_case).await?;
        Ok(v1::ChangePasswordResponse { sessions_ended: count(ended) })
    }

    #[expect(clippy::unused_async, reason = "as the other methods are")]
    pub(super) async fn get_own_portal(
        &self,
        request: Request<v1::GetOwnPortalRequest>,
    ) -> Result<v1::GetOwnPortalResponse, AppError> {
        let (context, v1::GetOwnPortalRequest {}) = receive(&self.app, request)?;
        let found = context.portal()?;
        Ok(v1::GetOwnPortalResponse { portal: Some(portal::message(&found, context.call.now)) })
    }
}
