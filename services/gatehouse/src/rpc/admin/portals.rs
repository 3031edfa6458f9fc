//! Portals and their policies.

use std::collections::HashSet;
use std::sync::Arc;

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use tonic::Request;

use super::AdminRpc;
use crate::app::App;
use crate::convert::fields::{Fields, given, only};
use crate::convert::{page, portal, portal_mask};
use crate::error::AppError;
use crate::rpc::receive;
use crate::usecase::portals;
use crate::usecase::portals::PortalChange;

/// Of one page: each may have a certificate of 16 KiB.
const MAX_PORTALS_PER_PAGE: u32 = 200;

impl AdminRpc {
    pub(super) async fn create_portal(
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
        let (id, settings) = fields.finish_with(id.zip(settings))?;
        let use_case = move |app: Arc<App>, call| async move {
            portals::create(&app, &call, id, settings).await
        };
        let now = context.call.now;
        let made = context.detach(use_case).await?;
        Ok(v1::CreatePortalResponse { portal: Some(portal::message(&made, now)) })
    }

    pub(super) async fn get_portal(
        &self,
        request: Request<v1::GetPortalRequest>,
    ) -> Result<v1::GetPortalResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let id = only("name", name::parse_portal(&message.name))?;
        context.caller.require_portal(&id)?;
        let found = portals::get(&self.app, &id).await?;
        Ok(v1::GetPortalResponse { portal: Some(portal::message(&found, context.call.now)) })
    }

    pub(super) async fn list_portals(
        &self,
        request: Request<v1::ListPortalsRequest>,
    ) -> Result<v1::ListPortalsResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::ListPortalsRequest { page_size, page_token } = message;
        let scope = &context.caller.admin()?.scope;
        let mut fields = Fields::default();
        let list = page::List::new("ListPortals", scope);
        let page = list.page(&self.app, &mut fields, page_size, &page_token, name::parse_portal);
        let page = page.of_at_most(MAX_PORTALS_PER_PAGE);
        fields.finish()?;
        let found = portals::list(&self.app, scope, page.after.as_ref(), page.limit()).await?;
        let (found, next_page_token) =
            page.cut(&self.app, found, |portal| name::portal(&portal.id));
        let now = context.call.now;
        let portals = found.iter().map(|found| portal::message(found, now)).collect();
        Ok(v1::ListPortalsResponse { portals, next_page_token })
    }

    pub(super) async fn update_portal(
        &self,
        request: Request<v1::UpdatePortalRequest>,
    ) -> Result<v1::UpdatePortalResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::UpdatePortalRequest { portal, update_mask, validate_only, end_weaker_sessions } =
            message;
        let from = portal.unwrap_or_default();
        let id = only("portal.name", name::parse_portal(&from.name))?;
        context.caller.require_portal(&id)?;
        if validate_only {
            context.caller.only_previews();
        }
        let mut paths = update_mask.unwrap_or_default().paths;
        // Each once: the trail tells them all.
        let mut seen = HashSet::new();
        paths.retain(|path| seen.insert(path.clone()));
        // Checked before the portal is looked at; applied to it as it then is.
        portal_mask::merge(&mut v1::Portal::default(), &from, &paths)?;
        let now = context.call.now;
        let change = PortalChange {
            id,
            etag: given(from.etag.clone()),
            validate_only,
            end_weaker_sessions,
            paths: paths.join(","),
            edit: move |present: &gatehouse_domain::portal::Portal| {
                let mut merged = portal::message(present, now);
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
            portal: Some(portal::message(&updated, now)),
            impact: Some(portal::impact(&impact)),
        })
    }

    pub(super) async fn delete_portal(
        &self,
        request: Request<v1::DeletePortalRequest>,
    ) -> Result<v1::DeletePortalResponse, AppError> {
        let (context, message) = receive(&self.app, request)?;
        let v1::DeletePortalRequest { name, etag, force } = message;
        let id = only("name", name::parse_portal(&name))?;
        context.caller.require_portal(&id)?;
        let mut fields = Fields::default();
        let etag = given(etag);
        if force && etag.is_none() {
            fields.note("etag", "required with force");
        }
        fields.finish()?;
        let use_case = move |app: Arc<App>, call| async move {
            portals::delete(&app, &call, &id, etag.as_deref(), force).await
        };
        context.detach(use_case).await?;
        Ok(v1::DeletePortalResponse {})
    }
}
