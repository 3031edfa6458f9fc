//! Invitations.

use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::only;
use crate::convert::invitation;
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::invitations;

impl AdminRpc {
    pub(super) async fn create_invitation(
        &self,
        request: Request<v1::CreateInvitationRequest>,
    ) -> Result<v1::CreateInvitationResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let key = only("customer", name::parse_customer(&message.customer))?;
        context.caller.require_portal(&key.portal)?;
        let use_case =
            move |app: Arc<App>, call| async move { invitations::create(&app, &call, &key).await };
        let issued = context.detach(use_case).await?;
        Ok(v1::CreateInvitationResponse { invitation: Some(invitation::message(&issued)) })
    }
}
