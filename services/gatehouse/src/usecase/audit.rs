//! The audit trail: reading it, watching it, numbering it, checking its chain.

pub mod watch;

use std::time::Duration;

use gatehouse_domain::audit::{ChainEnd, EventType, RecordedEvent};
use gatehouse_domain::id::{AuditEventId, PortalId, name};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{AuditEventFilter, Lease, Store, StoreError};

use super::retry::retry;
use super::{Call, about_portal, record};
use crate::app::App;
use crate::error::AppError;

/// How many may read the trail at once.
pub const MAX_CONCURRENT_READERS: usize = 2;
/// Events that one transaction numbers, at most.
pub const BATCH: usize = 200;
/// For how long the server that numbered last is the one to number. If it goes
/// away, another does so after that.
pub const LEASE: Duration = Duration::from_secs(5);
/// Events that are read at once to check the chain.
const CHECKED_AT_ONCE: u64 = 1_000;

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

/// Records that the call of `method` was refused for `reason`. What it was about
/// is `portal`, where that is known.
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
    record(app, &event).await
}

/// Numbers the next batch of events, unless another server has the lease for it;
/// gives how many. With less than [`BATCH`] of them there are no more for now.
///
/// # Errors
/// [`AppError::StoreUnavailable`], and [`AppError::Internal`] for a trail that
/// ends in what is no digest.
pub async fn number_batch(app: &App, now: Timestamp) -> Result<usize, AppError> {
    let oldest = app.store.read().oldest_unnumbered_event().await?;
    app.metrics.background.audit_lag(oldest, now);
    if oldest.is_none() {
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
    let numbered = tx.number_events(BATCH as u64).await?;
    tx.commit().await?;
    Ok(numbered)
}

/// Why the trail is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum BrokenChain {
    /// An event was changed, or one before it is missing.
    #[error(
        "{event} with the number {number} is not what was numbered after {verified} events: it, \
         or one before it, was changed or removed"
    )]
    Event {
        /// The resource name of the first event that does not fit.
        event: String,
        /// The number that it has.
        number: i64,
        /// How many events fit before it.
        verified: i64,
    },
    /// The trail cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks every numbered event; gives the end of the chain, whose number is how
/// many there are.
///
/// # Errors
/// [`BrokenChain::Event`] for the first that does not fit.
pub async fn verify(store: &Store) -> Result<ChainEnd, BrokenChain> {
    let (mut end, mut last) = (ChainEnd::START, None);
    loop {
        let events = store.read().numbered_events(last, CHECKED_AT_ONCE).await?;
        if events.is_empty() {
            return Ok(end);
        }
        for event in events {
            end = event.follows(&end).ok_or_else(|| BrokenChain::Event {
                event: name::audit_event(event.id()),
                number: event.number(),
                verified: end.number,
            })?;
            last = Some(event.number());
        }
    }
}
