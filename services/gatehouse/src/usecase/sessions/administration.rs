//! Sessions, as administrators see and end them.

use gatehouse_domain::audit::{EventType, Resource};
use gatehouse_domain::id::name::{Customers, SessionsOf};
use gatehouse_domain::id::{CustomerId, CustomerKey, PortalId, SessionId, name};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::{Limits, SessionEnd};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Sessions, Tx};

use super::{CustomerSession, SessionView, end};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, about_portal, customers, portals};

/// At most `limit` live sessions of a portal or of one customer, the newest
/// first, from the one after `after` on. Of what is not there, none.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn list(
    app: &App,
    of: &Customers,
    after: Option<SessionId>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<CustomerSession>, AppError> {
    let portal = app.store.read().portal(of.portal()).await?;
    let Some(portal) = portal else { return Ok(Vec::new()) };
    let customer = match of {
        Customers::All(_) => None,
        Customers::One(key) => Some(&key.customer),
    };
    page(app, &portal, customer, after, limit, now).await
}

pub(super) async fn page(
    app: &App,
    portal: &Portal,
    customer: Option<&CustomerId>,
    after: Option<SessionId>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<CustomerSession>, AppError> {
    let limits = Limits::from(&portal.settings.session);
    let found = app.store.read().live_sessions(&portal.id, customer, &limits, after, limit, now);
    let found = found.await?.into_iter();
    let found = found.map(|(session, email)| {
        let view = SessionView::of(session, portal);
        CustomerSession { view, email }
    });
    Ok(found.collect())
}

/// Ends sessions; gives how many were live. Those that are dead already are
/// fine and not counted.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub async fn revoke(app: &App, call: &Call, of: &SessionsOf) -> Result<u64, AppError> {
    retry(app, || try_revoke(app, call, of)).await
}

async fn try_revoke(app: &App, call: &Call, of: &SessionsOf) -> Result<u64, AppError> {
    let tx = app.store.begin().await?;
    let (resource, ended) = match of {
        SessionsOf::Portal(id) => (about_portal(id), revoke_portal(call, &tx, id).await?),
        SessionsOf::Customer(key) => (about_customer(key), revoke_customer(call, &tx, key).await?),
        SessionsOf::Session(key, id) => {
            let resource = Resource { session: Some(*id), ..about_customer(key) };
            (resource, revoke_session(call, &tx, key, *id).await?)
        }
    };
    let mut event = call.event(app, EventType::SessionsRevoked, resource);
    event.attributes = vec![("sessions_ended", ended.to_string())];
    tx.record(&event).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Nobody makes a session in a portal that is locked: each relies on its policy.
async fn revoke_portal(call: &Call, tx: &Tx, id: &PortalId) -> Result<u64, AppError> {
    let portal = tx.lock_portal(id).await?.ok_or_else(|| portals::not_found(id))?;
    let limits = Limits::from(&portal.settings.session);
    Ok(tx.end_portal_sessions(id, SessionEnd::Revoked, &limits, call.now).await?)
}

/// A session that is being made on what was seen before is not made.
async fn revoke_customer(call: &Call, tx: &Tx, key: &CustomerKey) -> Result<u64, AppError> {
    let (portal, seen) = customers::lock(tx, key).await?;
    tx.update_customer(&seen, &seen.next_generation()).await?;
    end(call, tx, &portal, key, Sessions::All, SessionEnd::Revoked).await
}

async fn revoke_session(
    call: &Call,
    tx: &Tx,
    key: &CustomerKey,
    id: SessionId,
) -> Result<u64, AppError> {
    let not_found = || AppError::ResourceNotFound { name: name::session(key, id) };
    let portal = tx.lock_portal_shared(&key.portal).await?.ok_or_else(not_found)?;
    if tx.lock_customer(key).await?.is_none() || tx.customer_session(key, id).await?.is_none() {
        return Err(not_found());
    }
    end(call, tx, &portal, key, Sessions::One(id), SessionEnd::Revoked).await
}
