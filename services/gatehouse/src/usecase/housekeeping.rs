//! Removing what is of no use any more: expired sign-ins, enrollments,
//! invitations, budgets and sources, and sessions a week after their end.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Lease;

use super::retry::retry;
use crate::app::App;
use crate::error::AppError;

/// Rows that one transaction removes, at most.
pub const BATCH: usize = 500;
/// For how long the server that removed last is the one to remove: it comes back
/// within that time.
pub const LEASE: Duration = Duration::from_mins(2);

/// By how much the clock of the server that removes may be ahead of another's,
/// for which a row may then still live.
pub const CLOCK_MARGIN: Duration = Duration::from_hours(1);

/// Removes the next batch of rows, unless another server has the lease for it;
/// gives how many. With less than [`BATCH`] of them there are no more for now.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn remove_batch(app: &App, now: Timestamp) -> Result<usize, AppError> {
    // By a clock that is ahead everything has expired.
    app.database_watch.require_agreement(&app.clock)?;
    retry(app, || try_remove_batch(app, now)).await
}

async fn try_remove_batch(app: &App, now: Timestamp) -> Result<usize, AppError> {
    let tx = app.store.begin().await?;
    if !tx.take_lease(Lease::Housekeeping, app.server, now, now + LEASE).await? {
        return Ok(0);
    }
    let removed = tx.remove_expired(BATCH as u64, now - CLOCK_MARGIN).await?;
    tx.commit().await?;
    Ok(usize::try_from(removed).unwrap_or(BATCH))
}
