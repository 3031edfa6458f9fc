//! api_key.proto

use gatehouse_api::v1;
use gatehouse_api::v1::api_key::Grant as GrantMessage;
use gatehouse_domain::api_key::{
    AdminGrant, AdminRole, ApiKey, Grant, PortalAccess, PortalGrant, PortalScope,
};
use gatehouse_domain::id::name;
use gatehouse_domain::id::name::Portals;
use gatehouse_domain::portal::check_display_name;
use gatehouse_domain::time::Timestamp;

use super::fields::{Fields, parse_timestamp, timestamp};
use crate::error::AppError;
use crate::usecase::api_keys::NewApiKey;

/// An administrator's key for more portals than this is for `portals/-`.
const MAX_PORTALS_PER_KEY: usize = 100;

/// The message.
#[must_use]
pub fn message(key: &ApiKey) -> v1::ApiKey {
    let grant = match &key.grant {
        Grant::Admin(grant) => GrantMessage::Admin(v1::AdminGrant {
            role: role(grant.role).into(),
            portals: grant.scope.names(),
        }),
        Grant::Portal(grant) => GrantMessage::Portal(v1::PortalGrant {
            portal: name::portal(&grant.portal),
            access: match grant.access {
                PortalAccess::Validate => v1::PortalAccess::Validate,
                PortalAccess::Full => v1::PortalAccess::Full,
            }
            .into(),
        }),
    };
    v1::ApiKey {
        name: name::api_key(key.id),
        display_name: key.display_name.clone(),
        grant: Some(grant),
        expire_time: key.expires_at.map(timestamp),
        create_time: Some(timestamp(key.created_at)),
        last_used_time: key.last_used_at.map(timestamp),
        revoke_time: key.revoked_at.map(timestamp),
    }
}

const fn role(role: AdminRole) -> v1::AdminRole {
    match role {
        AdminRole::Viewer => v1::AdminRole::Viewer,
        AdminRole::Support => v1::AdminRole::Support,
        AdminRole::Admin => v1::AdminRole::Admin,
        AdminRole::Owner => v1::AdminRole::Owner,
    }
}

/// What the key to make may do: decides alone, before the other fields are read.
///
/// # Errors
/// [`AppError::RequestInvalid`].
pub fn grant(request: &v1::CreateApiKeyRequest) -> Result<Grant, AppError> {
    let mut fields = Fields::default();
    let grant =
        fields.require("api_key", request.api_key.as_ref()).and_then(|key| match &key.grant {
            Some(GrantMessage::Admin(grant)) => admin_grant(&mut fields, grant).map(Grant::Admin),
            Some(GrantMessage::Portal(grant)) => {
                portal_grant(&mut fields, grant).map(Grant::Portal)
            }
            None => {
                fields.note("api_key.grant", "required: admin or portal");
                None
            }
        });
    grant.ok_or_else(|| fields.into_error())
}

/// The key to make, with the grant that [`grant`] has read.
///
/// # Errors
/// [`AppError::RequestInvalid`].
pub fn new(
    request: v1::CreateApiKeyRequest,
    grant: Grant,
    now: Timestamp,
) -> Result<NewApiKey, AppError> {
    let mut fields = Fields::default();
    let key = request.api_key.unwrap_or_default();
    fields.take("api_key.display_name", check_display_name(&key.display_name));
    let expires_at = key.expire_time.as_ref().and_then(|end| {
        let end = fields.take("api_key.expire_time", parse_timestamp(end))?;
        if end <= now {
            fields.note("api_key.expire_time", "must be in the future");
        }
        Some(end)
    });
    fields.finish()?;
    Ok(NewApiKey { display_name: key.display_name, grant, expires_at })
}

fn admin_grant(fields: &mut Fields, grant: &v1::AdminGrant) -> Option<AdminGrant> {
    let role = match v1::AdminRole::try_from(grant.role) {
        Ok(v1::AdminRole::Viewer) => Some(AdminRole::Viewer),
        Ok(v1::AdminRole::Support) => Some(AdminRole::Support),
        Ok(v1::AdminRole::Admin) => Some(AdminRole::Admin),
        Ok(v1::AdminRole::Owner) => Some(AdminRole::Owner),
        Ok(v1::AdminRole::Unspecified) | Err(_) => None,
    };
    let role = fields.require("api_key.admin.role", role);
    let portals = &grant.portals;
    let scope = if let [all] = portals.as_slice()
        && all == name::ALL_PORTALS
    {
        Some(PortalScope::All)
    } else if (1..=MAX_PORTALS_PER_KEY).contains(&portals.len()) {
        let parse = |(at, text): (usize, &String)| {
            let field = format!("api_key.admin.portals[{at}]");
            fields.take(&field, name::parse_portal(text))
        };
        portals.iter().enumerate().map(parse).collect::<Option<Vec<_>>>().map(|mut portals| {
            portals.sort_unstable();
            portals.dedup();
            PortalScope::Some(portals)
        })
    } else {
        fields.note("api_key.admin.portals", "portals/- alone, or 1 to 100 portals");
        None
    };
    Some(AdminGrant { role: role?, scope: scope? })
}

fn portal_grant(fields: &mut Fields, grant: &v1::PortalGrant) -> Option<PortalGrant> {
    let portal = fields.take("api_key.portal.portal", name::parse_portal(&grant.portal));
    let access = match v1::PortalAccess::try_from(grant.access) {
        Ok(v1::PortalAccess::Validate) => Some(PortalAccess::Validate),
        Ok(v1::PortalAccess::Full) => Some(PortalAccess::Full),
        Ok(v1::PortalAccess::Unspecified) | Err(_) => None,
    };
    let access = fields.require("api_key.portal.access", access);
    Some(PortalGrant { portal: portal?, access: access? })
}

/// The portals that a list goes over: those named, as far as the key may see.
///
/// # Errors
/// [`AppError::ApiKeyScope`] for a portal that it may not.
pub fn list_scope(named: Portals, scope: &PortalScope) -> Result<PortalScope, AppError> {
    match named {
        Portals::All => Ok(scope.clone()),
        Portals::One(portal) if scope.contains(&portal) => Ok(PortalScope::Some(vec![portal])),
        Portals::One(_) => Err(AppError::ApiKeyScope),
    }
}
