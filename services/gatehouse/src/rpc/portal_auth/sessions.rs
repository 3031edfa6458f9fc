//! Sessions.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_api::v1::sign_out_request::Target;
use gatehouse_domain::id::name;
use gatehouse_domain::vault::{Token, TokenKind};
use tonic::Request;

use super::PortalAuthRpc;
use crate::app::App;
use crate::convert::fields::{Fields, count, parse_duration};
use crate::convert::{client_context, session};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::sessions;
use crate::usecase::sessions::{Requirements, SignOutTarget};

impl PortalAuthRpc {
    pub(super) async fn validate_session(
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

    pub(super) async fn sign_out(
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
