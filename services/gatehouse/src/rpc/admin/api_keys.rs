//! API keys.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::api_key;
use crate::convert::fields::only;
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::api_keys;

impl AdminRpc {
    pub(super) async fn create_api_key(
        &self,
        request: Request<v1::CreateApiKeyRequest>,
    ) -> Result<v1::CreateApiKeyResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let grant = api_key::grant(&message)?;
        context.caller.require_grant(&grant)?;
        let new = api_key::new(message, grant, context.call.now)?;
        let use_case =
            move |app: Arc<App>, call| async move { api_keys::create(&app, &call, new).await };
        let (key, token) = context.detach(use_case).await?;
        Ok(v1::CreateApiKeyResponse {
            api_key: Some(api_key::message(&key)),
            secret: token.expose().to_owned(),
        })
    }

    pub(super) async fn revoke_api_key(
        &self,
        request: Request<v1::RevokeApiKeyRequest>,
    ) -> Result<v1::RevokeApiKeyResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let id = only("name", name::parse_api_key(&message.name))?;
        let grant = context.caller.admin()?.clone();
        let use_case = move |app: Arc<App>, call| async move {
            api_keys::revoke(&app, &call, &grant, id).await
        };
        let key = context.detach(use_case).await?;
        Ok(v1::RevokeApiKeyResponse { api_key: Some(api_key::message(&key)) })
    }
}
