//! Removing events that are older than they are kept, from the beginning of the trail on.

use std::time::Duration;

use gatehouse_domain::audit::{ChainEnd, TrailStart};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Lease;

use crate::app::App;
use crate::error::AppError;
use crate::usecase::retry::retry;

/// Events that one transaction removes, at most: with their indexes a few milliseconds.
pub const BATCH: usize = 200;
/// For how long the server that removed last is the one to remove.
const LEASE: Duration = Duration::from_mins(2);

/// What is removed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// For how long events are kept.
    pub keep: Duration,
    /// Up to which number events may have digests without a key. It comes from outside the
    /// database, as [`Expected::unkeyed_until`](gatehouse_domain::audit::Expected) does: whoever
    /// writes the database can make such digests, and would have all of the trail removed.
    pub unkeyed_until: i64,
}

/// The trail is not what was numbered: what is left of it is evidence.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(
        "no more events are removed: the trail does not hold from the event {0} on; see \
         `gatehouse audit verify`"
    )]
    Broken(i64),
    #[error(
        "no more events are removed: the event {0} has a digest without a key, which anybody can \
         make; see `gatehouse audit verify`, and if a version before keyed digests numbered it, \
         say up to where with audit_unkeyed_until"
    )]
    Unkeyed(i64),
}

impl From<Refused> for AppError {
    fn from(refused: Refused) -> Self {
        Self::Internal(Box::new(refused))
    }
}

/// Removes the next batch of events that are older than they are kept, unless another server
/// has the lease for it; gives how many. With less than [`BATCH`] there are no more for now.
///
/// Each is verified before, and so is the one after it: nobody who changes rows, or their
/// times, has them removed with their traces. The last event of the trail always stays.
///
/// # Errors
/// [`AppError::StoreUnavailable`]; [`AppError::Internal`] for a trail that does not hold, or
/// that anybody can have made.
pub async fn remove_batch(
    app: &App,
    retention: Retention,
    now: Timestamp,
) -> Result<usize, AppError> {
    // By a clock that is ahead everything is old.
    app.database_watch.require_agreement(&app.clock)?;
    retry(app, || try_remove_batch(app, retention, now)).await
}

async fn try_remove_batch(
    app: &App,
    retention: Retention,
    now: Timestamp,
) -> Result<usize, AppError> {
    let tx = app.store.begin().await?;
    if !tx.take_lease(Lease::Retention, app.server, now, now + LEASE).await? {
        return Ok(0);
    }
    let vault = app.vault();
    let start = tx.trail_start().await?;
    if let Some(start) = start.filter(|start| !start.is_vouched_for(&vault)) {
        return Err(Refused::Broken(start.removed.number).into());
    }
    let mut end = start.map_or(ChainEnd::START, |start| start.removed);
    let (mut ids, mut removed) = (Vec::new(), end);
    let mut before = None;
    for event in tx.numbered_events(Some(end.number), BATCH as u64 + 1).await? {
        if event.lacks_key(retention.unkeyed_until) {
            return Err(Refused::Unkeyed(event.number).into());
        }
        let (Some(next), Some(event)) = (event.follows(&end, &vault), event.event) else {
            return Err(Refused::Broken(event.number).into());
        };
        end = next;
        // It goes now that the one after it holds.
        if let Some((id, end)) = before.take() {
            ids.push(id);
            removed = end;
        }
        if event.at() > now - retention.keep {
            break;
        }
        before = Some((event.id(), end));
    }
    if !ids.is_empty() {
        tx.remove_events(&ids, &TrailStart::after(removed, vault.chain())).await?;
    }
    tx.commit().await?;
    Ok(ids.len())
}
