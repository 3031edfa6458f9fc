//! AdminService, a file for each noun.

mod api_keys;
mod audit;
mod customers;
mod invitations;
mod portals;
mod sessions;

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_api::v1::admin_service_server::AdminService;
use tonic::{Request, Response, Status};

use crate::app::App;

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
}

grpc_service! {
    AdminService for AdminRpc;
    methods {
        create_portal: CreatePortalRequest -> CreatePortalResponse,
        get_portal: GetPortalRequest -> GetPortalResponse,
        list_portals: ListPortalsRequest -> ListPortalsResponse,
        update_portal: UpdatePortalRequest -> UpdatePortalResponse,
        delete_portal: DeletePortalRequest -> DeletePortalResponse,
        create_customer: CreateCustomerRequest -> CreateCustomerResponse,
        import_customers: ImportCustomersRequest -> ImportCustomersResponse,
        get_customer: GetCustomerRequest -> GetCustomerResponse,
        list_customers: ListCustomersRequest -> ListCustomersResponse,
        update_customer: UpdateCustomerRequest -> UpdateCustomerResponse,
        delete_customer: DeleteCustomerRequest -> DeleteCustomerResponse,
        create_invitation: CreateInvitationRequest -> CreateInvitationResponse,
        reset_customer_mfa: ResetCustomerMfaRequest -> ResetCustomerMfaResponse,
        unlock_customer: UnlockCustomerRequest -> UnlockCustomerResponse,
        list_sessions: ListSessionsRequest -> ListSessionsResponse,
        revoke_sessions: RevokeSessionsRequest -> RevokeSessionsResponse,
        list_audit_events: ListAuditEventsRequest -> ListAuditEventsResponse,
        create_api_key: CreateApiKeyRequest -> CreateApiKeyResponse,
        list_api_keys: ListApiKeysRequest -> ListApiKeysResponse,
        revoke_api_key: RevokeApiKeyRequest -> RevokeApiKeyResponse,
    }
    other {
        type WatchAuditEventsStream = audit::Watched;

        async fn watch_audit_events(
            &self,
            request: Request<v1::WatchAuditEventsRequest>,
        ) -> Result<Response<audit::Watched>, Status> {
            Self::watch_audit_events(self, request).await.map(Response::new).map_err(Status::from)
        }
    }
}
