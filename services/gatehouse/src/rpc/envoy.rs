//! What Envoy asks before it passes a request on: ValidateSession by another name.

use std::sync::Arc;

use gatehouse_api::envoy::service::auth::v3::authorization_server::Authorization;
use gatehouse_api::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use gatehouse_domain::field::FieldViolation;
use http::header::WWW_AUTHENTICATE;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use super::{Context, receive};
use crate::app::App;
use crate::convert::envoy::{self, Check, Presented};
use crate::error::AppError;
use crate::usecase::sessions;

/// `envoy.service.auth.v3.Authorization`.
pub struct AuthorizationRpc {
    app: Arc<App>,
}

impl AuthorizationRpc {
    /// The service of `app`.
    #[must_use]
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl Authorization for AuthorizationRpc {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let (context, message) = receive(&self.app, request)?;
        let check = envoy::parse(message).inspect_err(|error| {
            if let AppError::RequestInvalid(fields) = error {
                tracing::error!(?fields, "Envoy asks for what cannot be checked; nothing passes");
            }
        })?;
        let presented = Presented::of(&check.headers, &check.route.cookie);
        let has_token = !matches!(presented, Presented::Nothing);
        let portal = context.portal()?;
        match validate(&context, &check, presented).await {
            Ok(allowed) => Ok(Response::new(allowed)),
            Err(error) => {
                let of_token = has_token.then_some(&error);
                let challenge = check.route.challenge(of_token, &portal);
                Err(challenged(error, challenge))
            }
        }
    }
}

async fn validate(
    context: &Context,
    check: &Check,
    presented: Presented,
) -> Result<CheckResponse, AppError> {
    let token = match presented {
        Presented::One(token) => token,
        Presented::Nothing | Presented::Malformed => {
            return Err(AppError::SessionInvalid { end: None });
        }
        Presented::Several => {
            return Err(FieldViolation::new("session_token", "must be one").into());
        }
    };
    let (portal, asked) = (context.portal()?, context.caller.session(&token));
    let (app, call, require) = (&context.app, &context.call, check.route.require);
    let valid = sessions::validate(app, call, &portal, &token, asked, require).await?;
    Ok(envoy::allowed(check, &valid))
}

/// `error`, with how the client can get what it was refused.
fn challenged(error: AppError, challenge: Option<String>) -> Status {
    let mut status = Status::from(error);
    match challenge.map(MetadataValue::try_from).transpose() {
        Ok(Some(challenge)) => {
            status.metadata_mut().insert(WWW_AUTHENTICATE.as_str(), challenge);
            status
        }
        Ok(None) => status,
        Err(error) => AppError::Internal(error.into()).into(),
    }
}
