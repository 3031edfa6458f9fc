//! After an old backup was put back: what was used up since it was made must not be
//! good once more.

use gatehouse_domain::api_key::ApiKey;
use gatehouse_domain::audit::{Event, EventType, Resource};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::EndedEpoch;

use super::Call;
use super::retry::retry;
use crate::app::App;
use crate::error::AppError;

/// API keys that are read at once.
const KEYS_AT_ONCE: u64 = 500;

/// What was ended, and what an operator has to look at: what of it was ended since the
/// backup was made, no database knows.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What was ended.
    pub ended: EndedEpoch,
    /// When the last thing happened that the backup knows of.
    pub backup_ends_at: Option<Timestamp>,
    /// When an epoch was last begun before, if one was: perhaps after the same backup.
    pub begun_before_at: Option<Timestamp>,
    /// Every key that is live now.
    pub live_api_keys: Vec<ApiKey>,
    /// How many customers are suspended now.
    pub suspended_customers: u64,
}

/// Begins a new epoch: all sessions and sign-ins end, and so do enrollments and
/// invitations; the codes of every authenticator up to now are spent, and backup codes
/// end unless `keep_backup_codes`.
///
/// # Errors
/// [`AppError::StoreUnavailable`]: nothing has changed.
pub async fn begin_epoch(
    app: &App,
    call: &Call,
    keep_backup_codes: bool,
) -> Result<Restored, AppError> {
    app.database_watch.require_agreement(&app.clock)?;
    // Read before: afterwards the last event is this one's own.
    let read = app.store.read();
    let backup_ends_at = read.last_event_at(None).await?;
    let begun_before_at = read.last_event_at(Some(EventType::StoreRestored)).await?;
    let live_api_keys = live_api_keys(app, call.now).await?;
    let suspended_customers = read.suspended_customers().await?;
    let ended = retry(app, || try_begin_epoch(app, call, keep_backup_codes)).await?;
    Ok(Restored { ended, backup_ends_at, begun_before_at, live_api_keys, suspended_customers })
}

async fn try_begin_epoch(
    app: &App,
    call: &Call,
    keep_backup_codes: bool,
) -> Result<EndedEpoch, AppError> {
    let tx = app.store.begin().await?;
    let ended = tx.end_epoch(call.now, !keep_backup_codes).await?;
    let event = call.event(app, EventType::StoreRestored, Resource::default());
    let attributes = vec![
        ("sessions_ended", ended.sessions.to_string()),
        ("backup_codes_ended", ended.backup_codes.to_string()),
    ];
    tx.record(&Event { attributes, ..event }).await?;
    tx.commit().await?;
    Ok(ended)
}

async fn live_api_keys(app: &App, now: Timestamp) -> Result<Vec<ApiKey>, AppError> {
    let (mut live, mut after) = (Vec::new(), None);
    loop {
        let keys = app.store.read().api_keys(after, KEYS_AT_ONCE).await?;
        let Some(last) = keys.last() else { return Ok(live) };
        after = Some(last.id);
        live.extend(keys.into_iter().filter(|key| key.is_live(now)));
    }
}
