//! Sessions.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::api_key::AdminRole;
use gatehouse_domain::id::name;
use gatehouse_domain::id::name::SessionsOf;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::{Fields, count, only};
use crate::convert::{page, session};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::sessions::administration;

impl AdminRpc {
    pub(super) async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<v1::ListSessionsResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ListSessionsRequest { parent, page_size, page_token } = message;
        let of = only("parent", name::parse_customers(&parent))?;
        context.caller.require_portal(of.portal())?;
        let mut fields = Fields::default();
        let list = page::List::new("ListSessions", &of);
        let page = list.page(&self.app, &mut fields, page_size, &page_token, session::parse_last);
        fields.finish()?;
        let (after, limit) = (page.after, page.limit());
        let found = administration::list(&self.app, &of, after, limit, context.call.now).await?;
        let (found, next_page_token) =
            page.cut(&self.app, found, |found| session::name(&found.view));
        let sessions = found.iter().map(session::of_customer).collect();
        Ok(v1::ListSessionsResponse { sessions, next_page_token })
    }

    pub(super) async fn revoke_sessions(
        &self,
        request: Request<v1::RevokeSessionsRequest>,
    ) -> Result<v1::RevokeSessionsResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let of = only("name", name::parse_sessions_of(&message.name))?;
        context.caller.require_portal(of.portal())?;
        if matches!(of, SessionsOf::Portal(_)) {
            context.caller.require_role(AdminRole::Admin)?;
        }
        let use_case = move |app: Arc<App>, call| async move {
            administration::revoke(&app, &call, &of).await
        };
        let ended = context.detach(use_case).await?;
        Ok(v1::RevokeSessionsResponse { sessions_ended: count(ended) })
    }
}
