//! The audit trail.

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::convert::fields::{Fields, only};
use crate::convert::{audit as convert, page};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::audit;

impl AdminRpc {
    pub(super) async fn list_audit_events(
        &self,
        request: Request<v1::ListAuditEventsRequest>,
    ) -> Result<v1::ListAuditEventsResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let resource = convert::resource(&message)?;
        if let Some(portal) = &resource.portal {
            context.caller.require_portal(portal)?;
        }
        let mut fields = Fields::default();
        let (size, token) = (message.page_size, message.page_token.clone());
        let scope = &context.caller.admin()?.scope;
        let filter = convert::filter(&mut fields, message, resource, scope);
        let size = page::size(&mut fields, size);
        let asked = page::List::new("ListAuditEvents", &filter);
        let last_seen = asked.last_seen(&self.app, &mut fields, &token);
        fields.finish()?;
        let before = last_seen.map(|last| only("page_token", name::parse_audit_event(&last)));
        let before = before.transpose()?;

        let (found, more) = audit::list(&self.app, &filter, before, size).await?;
        let events = found.iter().map(convert::message).collect::<Result<Vec<_>, _>>()?;
        let last = events.last().filter(|_| more);
        Ok(v1::ListAuditEventsResponse {
            next_page_token: last
                .map(|last| asked.token_after(&self.app, &last.name))
                .unwrap_or_default(),
            audit_events: events,
        })
    }
}
