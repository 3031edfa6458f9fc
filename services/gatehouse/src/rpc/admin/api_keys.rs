//! API keys.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::{Fields, only};
use crate::convert::{api_key, page};
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

    pub(super) async fn list_api_keys(
        &self,
        request: Request<v1::ListApiKeysRequest>,
    ) -> Result<v1::ListApiKeysResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ListApiKeysRequest { page_size, page_token } = message;
        let grant = context.caller.admin()?;
        let mut fields = Fields::default();
        let list = page::List::new("ListApiKeys", grant);
        let page = list.page(&self.app, &mut fields, page_size, &page_token, name::parse_api_key);
        fields.finish()?;
        let found = api_keys::list(&self.app, grant, page.after, page.limit()).await?;
        let (found, next_page_token) = page.cut(&self.app, found, |key| name::api_key(key.id));
        let api_keys = found.iter().map(api_key::message).collect();
        Ok(v1::ListApiKeysResponse { api_keys, next_page_token })
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
