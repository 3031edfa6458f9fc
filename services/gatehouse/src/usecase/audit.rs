//! The audit trail: reading it, watching it, numbering it, checking its chain, removing what is old.

pub mod export;
pub mod retention;
mod verify;
pub mod watch;

use std::time::Duration;

use gatehouse_domain::audit::{EventType, RecordedEvent};
use gatehouse_domain::id::{AuditEventId, PortalId};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{AuditEventFilter, Lease};

pub use verify::{Verified, VerifyError, verify, verify_file};

use super::retry::retry;
use super::{Call, about_portal, tries};
use crate::app::App;
use crate::error::AppError;

/// How many may read the trail at once.
pub const MAX_CONCURRENT_READERS: usize = 2;
/// Events that one transaction numbers, at most.
pub const BATCH: usize = 200;
/// For how long the server that numbered last is the one to number. If it goes
/// away, another does so after that.
pub const LEASE: Duration = Duration::from_secs(5);

/// At most `limit` events, the newest first, before `before`.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn list(
    app: &App,
    filter: &AuditEventFilter,
    before: Option<AuditEventId>,
    limit: u64,
) -> Result<Vec<RecordedEvent>, AppError> {
    // Never closed; who waits too long is cut off by the call's deadline.
    let _place =
        app.trail_readers.acquire().await.map_err(|error| AppError::Internal(error.into()))?;
    Ok(app.store.read().audit_events(filter, before, limit).await?)
}

/// Tells that the call of `method` was refused for `reason`: by an event, or among those that
/// are counted. What it was about is `portal`, where that is known.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn record_refusal(
    app: &App,
    call: &Call,
    portal: Option<&PortalId>,
    method: &str,
    reason: &'static str,
) -> Result<(), AppError> {
    let resource = portal.map(about_portal).unwrap_or_default();
    let mut event = call.event(app, EventType::CallRefused, resource);
    event.reason = Some(reason);
    event.attributes = vec![("method", method.to_owned())];
    tries::tell(app, &event).await
}

/// Numbers the next batch of events, unless another server has the lease for it;
/// gives how many. With less than [`BATCH`] of them there are no more for now.
///
/// # Errors
/// [`AppError::StoreUnavailable`], and [`AppError::Internal`] for a trail that
/// ends in what is no digest, or has none of its events left.
pub async fn number_batch(app: &App, now: Timestamp) -> Result<usize, AppError> {
    let numbering = app.store.read().numbering().await?;
    app.metrics.background.numbering(&numbering, now);
    if numbering.oldest.is_none() {
        return Ok(0);
    }
    let numbered = retry(app, || try_number_batch(app, now)).await?;
    if numbered > 0 {
        app.trail.wake();
    }
    Ok(numbered)
}

async fn try_number_batch(app: &App, now: Timestamp) -> Result<usize, AppError> {
    let tx = app.store.begin().await?;
    if !tx.take_lease(Lease::Audit, app.server, now, now + LEASE).await? {
        return Ok(0);
    }
    let numbered = tx.number_events(BATCH as u64, app.vault().chain()).await?;
    tx.commit().await?;
    Ok(numbered)
}
