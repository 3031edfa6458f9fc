//! Counting how the customers of each portal are protected, for metrics. It goes through
//! whole tables, so that one server does it for all, now and then, and no call waits for it.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Lease;

use super::{shared_addresses, take_lease};
use crate::app::App;
use crate::error::AppError;

/// Between two counts.
pub const INTERVAL: Duration = Duration::from_mins(5);
/// For how long the server that counted last is the one to count: it comes back within
/// that time.
pub const LEASE: Duration = Duration::from_mins(7);

/// When this server counts next, if it counted last.
pub type Next = Option<Timestamp>;

/// Counts and shows it, if metrics are served, it is time again, and no other server does;
/// gives how many portals were counted. A server that another one has followed shows nothing.
///
/// # Errors
/// [`AppError::StoreUnavailable`]. What was shown stays, with its time.
pub async fn count(app: &App, next: &mut Next, now: Timestamp) -> Result<usize, AppError> {
    if !app.metrics.is_served() || next.is_some_and(|next| now < next) {
        return Ok(0);
    }
    if !take_lease(app, Lease::Posture, now, LEASE).await? {
        *next = None;
        app.metrics.together(|| app.metrics.posture.clear());
        return Ok(0);
    }
    // Outside of the lease's transaction: on SQLite nobody could write meanwhile. Should two
    // count at once, both are right.
    let mut counts = app.store.read().posture(now).await?;
    for portal in shared_addresses::find(&app.store, now).await?.keys() {
        if let Some(of) = counts.get_mut(portal) {
            of.behind_one_address = 1;
        }
    }
    app.metrics.together(|| app.metrics.posture.show(&counts, now));
    *next = Some(now + INTERVAL);
    Ok(counts.len())
}
