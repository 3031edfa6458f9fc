//! API keys.

use gatehouse_domain::api_key::{AdminGrant, AdminRole, ApiKey, Grant, PortalScope};
use gatehouse_domain::audit::{Event, EventType, Resource};
use gatehouse_domain::id::{ApiKeyId, PortalId, name};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Digest, DigestKind, Token, TokenKind};

use super::retry::retry;
use super::{Call, about_portal, portals};
use crate::app::App;
use crate::error::AppError;

/// Keys read at once, at least, where only some of them are asked for.
const MIN_BATCH: u64 = 100;

/// A key to be made.
pub struct NewApiKey {
    /// What people call it.
    pub display_name: String,
    /// What it may do.
    pub grant: Grant,
    /// From when it is worth nothing. Unset: never.
    pub expires_at: Option<Timestamp>,
}

/// Makes the first key: the one that can make all others. Only the server's
/// command line calls this.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn create_owner(
    app: &App,
    call: &Call,
    display_name: String,
) -> Result<(ApiKey, Token), AppError> {
    let grant = Grant::Admin(AdminGrant { role: AdminRole::Owner, scope: PortalScope::All });
    create(app, call, NewApiKey { display_name, grant, expires_at: None }).await
}

/// Makes a key, for a caller whose own grant covers it; the token is its only copy.
///
/// # Errors
/// [`AppError::ResourceNotFound`] for a portal that is not there.
pub async fn create(app: &App, call: &Call, new: NewApiKey) -> Result<(ApiKey, Token), AppError> {
    let rng = &mut app.entropy.rng();
    let (kind, portals) = match &new.grant {
        Grant::Admin(AdminGrant { scope: PortalScope::Some(portals), .. }) => {
            (TokenKind::AdminKey, portals.clone())
        }
        Grant::Admin(_) => (TokenKind::AdminKey, Vec::new()),
        Grant::Portal(grant) => (TokenKind::PortalKey, vec![grant.portal.clone()]),
    };
    let token = Token::generate(kind, rng);
    let key = ApiKey {
        id: ApiKeyId::generate(call.now, rng),
        display_name: new.display_name,
        grant: new.grant,
        created_at: call.now,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    };

    let digest = app.vault().digest(DigestKind::ApiKey, token.expose().as_bytes());
    retry(app, || insert(app, call, &key, &digest, &portals)).await?;
    Ok((key, token))
}

async fn insert(
    app: &App,
    call: &Call,
    key: &ApiKey,
    digest: &Digest,
    portals: &[PortalId],
) -> Result<(), AppError> {
    let tx = app.store.begin().await?;
    for portal in portals {
        if tx.lock_portal_shared(portal).await?.is_none() {
            return Err(portals::not_found(portal));
        }
    }
    tx.insert_api_key(key, digest).await?;
    let mut event = event(app, call, EventType::ApiKeyCreated, key);
    let (access, portals) = match &key.grant {
        Grant::Admin(grant) => (grant.role.as_str(), grant.scope.names().join(",")),
        Grant::Portal(grant) => (grant.access.as_str(), name::portal(&grant.portal)),
    };
    event.attributes.extend([("access", access.to_owned()), ("portals", portals)]);
    tx.record(&event).await?;
    Ok(tx.commit().await?)
}

/// At most `limit` keys after `after`, the oldest first, dead ones included.
/// Only those whose grant lies within the caller's.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn list(
    app: &App,
    caller: &AdminGrant,
    mut after: Option<ApiKeyId>,
    limit: u64,
) -> Result<Vec<ApiKey>, AppError> {
    let batch_size = limit.max(MIN_BATCH);
    let mut found = Vec::new();
    loop {
        let batch = app.store.read().api_keys(after, batch_size).await?;
        let is_last = (batch.len() as u64) < batch_size;
        after = batch.last().map(|key| key.id);
        found.extend(batch.into_iter().filter(|key| caller.covers(&key.grant)));
        if is_last || found.len() as u64 >= limit {
            break;
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Ends a key; ending it again changes nothing.
///
/// # Errors
/// [`AppError::ResourceNotFound`], also for a key wider than the caller's own
/// grant: of those it learns nothing.
pub async fn revoke(
    app: &App,
    call: &Call,
    caller: &AdminGrant,
    id: ApiKeyId,
) -> Result<ApiKey, AppError> {
    retry(app, || try_revoke(app, call, caller, id)).await
}

async fn try_revoke(
    app: &App,
    call: &Call,
    caller: &AdminGrant,
    id: ApiKeyId,
) -> Result<ApiKey, AppError> {
    let not_found = || AppError::ResourceNotFound { name: name::api_key(id) };
    let tx = app.store.begin().await?;
    let mut key = tx.api_key(id).await?.ok_or_else(not_found)?;
    if !caller.covers(&key.grant) {
        return Err(not_found());
    }
    if tx.revoke_api_key(id, call.now).await? {
        tx.record(&event(app, call, EventType::ApiKeyRevoked, &key)).await?;
        tx.commit().await?;
        key.revoked_at = Some(call.now);
        return Ok(key);
    }
    // Ended before, perhaps by a call that came between.
    tx.api_key(id).await?.ok_or_else(not_found)
}

fn event(app: &App, call: &Call, kind: EventType, key: &ApiKey) -> Event {
    let mut event = call.event(app, kind, about_key(key));
    event.attributes = vec![("key", name::api_key(key.id))];
    event
}

/// A portal's key belongs to its portal's trail, an administrator's to none.
fn about_key(key: &ApiKey) -> Resource {
    let portal: Option<&PortalId> = match &key.grant {
        Grant::Portal(grant) => Some(&grant.portal),
        Grant::Admin(_) => None,
    };
    portal.map(about_portal).unwrap_or_default()
}
