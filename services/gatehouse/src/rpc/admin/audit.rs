//! The audit trail.

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::convert::fields::Fields;
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
        let (page_size, page_token) = (message.page_size, message.page_token.clone());
        let scope = &context.caller.admin()?.scope;
        let filter = convert::filter(&mut fields, message, resource, scope);
        let list = page::List::new("ListAuditEvents", &filter);
        let page =
            list.page(&self.app, &mut fields, page_size, &page_token, name::parse_audit_event);
        fields.finish()?;

        let found = audit::list(&self.app, &filter, page.after, page.limit()).await?;
        let (found, next_page_token) =
            page.cut(&self.app, found, |last| name::audit_event(last.id));
        let audit_events = found.iter().map(convert::message).collect::<Result<_, _>>()?;
        Ok(v1::ListAuditEventsResponse { audit_events, next_page_token })
    }
}
