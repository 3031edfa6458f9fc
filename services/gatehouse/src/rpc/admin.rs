//! AdminService.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_api::v1::admin_service_server::AdminService;
use gatehouse_domain::id::name;
use tokio_stream::Empty;
use tonic::{Request, Response, Status};

use super::receive;
use crate::app::App;
use crate::convert::fields::{Fields, count, only};
use crate::convert::{api_key, customer, page, portal, portal_mask};
use crate::error::AppError;
use crate::usecase::customers::MfaReset;
use crate::usecase::portals::PortalChange;
use crate::usecase::{api_keys, customers, portals};

const MAX_REASON_CHARS: usize = 200;

/// What administrators call.
pub struct AdminRpc {
    app: Arc<App>,
}

impl AdminRpc {
    /// The service of `app`.
    #[must_use]
    pub const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn create_portal(
        &self,
        request: Request<v1::CreatePortalRequest>,
    ) -> Result<v1::CreatePortalResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        context.caller.require_all_portals()?;
        let v1::CreatePortalRequest { portal_id, portal } = message;
        let mut fields = Fields::default();
        let id = fields.take("portal_id", portal_id.parse());
        let message = fields.require("portal", portal);
        let settings = message.map(|message| portal::settings(&mut fields, message));
        let (Some(id), Some(settings)) = (id, settings) else { return Err(fields.into_error()) };
        fields.finish()?;
        let use_case = move |app: Arc<App>, call| async move {
            portals::create(&app, &call, id, settings).await
        };
        let made = context.detach(use_case).await?;
        Ok(v1::CreatePortalResponse { portal: Some(portal::message(&made)) })
    }

    async fn get_portal(
        &self,
        request: Request<v1::GetPortalRequest>,
    ) -> Result<v1::GetPortalResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let id = only("name", name::parse_portal(&message.name))?;
        context.caller.require_portal(&id)?;
        let found = portals::get(&self.app, &id).await?;
        Ok(v1::GetPortalResponse { portal: Some(portal::message(&found)) })
    }

    async fn update_portal(
        &self,
        request: Request<v1::UpdatePortalRequest>,
    ) -> Result<v1::UpdatePortalResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::UpdatePortalRequest { portal, update_mask, validate_only, end_weaker_sessions } =
            message;
        let from = portal.unwrap_or_default();
        let id = only("portal.name", name::parse_portal(&from.name))?;
        context.caller.require_portal(&id)?;
        let paths = update_mask.unwrap_or_default().paths;
        // Checked before the portal is looked at; applied to it as it then is.
        portal_mask::merge(&mut v1::Portal::default(), &from, &paths)?;
        let change = PortalChange {
            id,
            etag: Some(from.etag.clone()).filter(|etag| !etag.is_empty()),
            validate_only,
            end_weaker_sessions,
            paths: paths.join(","),
            edit: move |present: &gatehouse_domain::portal::Portal| {
                let mut merged = portal::message(present);
                portal_mask::merge(&mut merged, &from, &paths)?;
                let mut fields = Fields::default();
                let settings = portal::settings(&mut fields, merged);
                fields.finish()?;
                Ok(settings)
            },
        };
        let use_case =
            move |app: Arc<App>, call| async move { portals::update(&app, &call, &change).await };
        let (updated, impact) = context.detach(use_case).await?;
        Ok(v1::UpdatePortalResponse {
            portal: Some(portal::message(&updated)),
            impact: Some(portal::impact(&impact)),
        })
    }

    async fn create_customer(
        &self,
        request: Request<v1::CreateCustomerRequest>,
    ) -> Result<v1::CreateCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let parent = only("parent", name::parse_portal(&message.parent))?;
        context.caller.require_portal(&parent)?;
        let new = customer::new(message, parent)?;
        let now = context.call.now;
        let use_case =
            move |app: Arc<App>, call| async move { customers::create(&app, &call, new).await };
        let made = context.detach(use_case).await?;
        Ok(v1::CreateCustomerResponse { customer: Some(customer::message(&made, now)) })
    }

    async fn get_customer(
        &self,
        request: Request<v1::GetCustomerRequest>,
    ) -> Result<v1::GetCustomerResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let key = only("name", name::parse_customer(&message.name))?;
        context.caller.require_portal(&key.portal)?;
        let found = customers::get(&self.app, &key).await?;
        let customer = customer::message(&found, context.call.now);
        Ok(v1::GetCustomerResponse { customer: Some(customer) })
    }

    async fn list_customers(
        &self,
        request: Request<v1::ListCustomersRequest>,
    ) -> Result<v1::ListCustomersResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let now = context.call.now;
        let parent = only("parent", name::parse_portals(&message.parent))?;
        let scope = api_key::list_scope(parent, &context.caller.admin()?.scope)?;
        let mut fields = Fields::default();
        let filter = customer::filter(&mut fields, &message, scope);
        let size = page::size(&mut fields, message.page_size);
        let asked = page::List::new("ListCustomers", &filter);
        let last_seen = asked.last_seen(&self.app, &mut fields, &message.page_token);
        fields.finish()?;
        let after = last_seen.map(|last| only("page_token", name::parse_customer(&last)));
        let after = after.transpose()?;

        let (found, more) = customers::list(&self.app, &filter, after.as_ref(), size, now).await?;
        let customers = found.iter().map(|found| customer::message(found, now)).collect::<Vec<_>>();
        let last = customers.last().filter(|_| more);
        Ok(v1::ListCustomersResponse {
            next_page_token: last
                .map(|last| asked.token_after(&self.app, &last.name))
                .unwrap_or_default(),
            customers,
        })
    }

    async fn reset_customer_mfa(
        &self,
        request: Request<v1::ResetCustomerMfaRequest>,
    ) -> Result<v1::ResetCustomerMfaResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ResetCustomerMfaRequest { name, reason, end_password } = message;
        let key = only("name", name::parse_customer(&name))?;
        context.caller.require_portal(&key.portal)?;
        let mut fields = Fields::default();
        if reason.chars().count() > MAX_REASON_CHARS {
            fields.note("reason", "at most 200 characters");
        }
        fields.finish()?;
        let now = context.call.now;
        let reset = MfaReset { key, reason, end_password };
        let use_case = move |app: Arc<App>, call| async move {
            customers::reset_mfa(&app, &call, &reset).await
        };
        let (found, ended) = context.detach(use_case).await?;
        Ok(v1::ResetCustomerMfaResponse {
            customer: Some(customer::message(&found, now)),
            sessions_ended: count(ended),
        })
    }

    async fn create_api_key(
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

    async fn revoke_api_key(
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

grpc_service! {
    AdminService for AdminRpc;
    built {
        create_portal: CreatePortalRequest -> CreatePortalResponse,
        get_portal: GetPortalRequest -> GetPortalResponse,
        update_portal: UpdatePortalRequest -> UpdatePortalResponse,
        create_customer: CreateCustomerRequest -> CreateCustomerResponse,
        get_customer: GetCustomerRequest -> GetCustomerResponse,
        list_customers: ListCustomersRequest -> ListCustomersResponse,
        reset_customer_mfa: ResetCustomerMfaRequest -> ResetCustomerMfaResponse,
        create_api_key: CreateApiKeyRequest -> CreateApiKeyResponse,
        revoke_api_key: RevokeApiKeyRequest -> RevokeApiKeyResponse,
    }
    unbuilt {
        list_portals: ListPortalsRequest -> ListPortalsResponse,
        delete_portal: DeletePortalRequest -> DeletePortalResponse,
        import_customers: ImportCustomersRequest -> ImportCustomersResponse,
        update_customer: UpdateCustomerRequest -> UpdateCustomerResponse,
        delete_customer: DeleteCustomerRequest -> DeleteCustomerResponse,
        create_invitation: CreateInvitationRequest -> CreateInvitationResponse,
        unlock_customer: UnlockCustomerRequest -> UnlockCustomerResponse,
        list_sessions: ListSessionsRequest -> ListSessionsResponse,
        revoke_sessions: RevokeSessionsRequest -> RevokeSessionsResponse,
        list_audit_events: ListAuditEventsRequest -> ListAuditEventsResponse,
        list_api_keys: ListApiKeysRequest -> ListApiKeysResponse,
    }
    other {
        type WatchAuditEventsStream = Empty<Result<v1::WatchAuditEventsResponse, Status>>;

        async fn watch_audit_events(
            &self,
            _: Request<v1::WatchAuditEventsRequest>,
        ) -> Result<Response<Self::WatchAuditEventsStream>, Status> {
            Err(AppError::Unimplemented.into())
        }
    }
}
