//! Sealing anew what is sealed under a key that is not the primary one any more.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{KeyId, Vault};
use gatehouse_persistence::{Lease, SealedColumn, SealedCursor};

use crate::app::App;
use crate::error::AppError;
use crate::usecase::{sealed, take_lease};

/// Rows that are looked at between two looks at the lease, at most.
pub const BATCH: usize = 200;
/// For how long the server that resealed last is the one to do it.
const LEASE: Duration = Duration::from_mins(2);
/// Between two walks through all rows where there was nothing to do: each reads them all.
const REST: Duration = Duration::from_mins(10);

const COLUMNS: [SealedColumn; 3] =
    [SealedColumn::Password, SealedColumn::FactorSecret, SealedColumn::BackupCode];

/// How far one server has come. It is lost with the server, and nothing else is: the
/// next one finds only what is left.
#[derive(Debug, Default)]
pub struct Walk {
    primary: Option<KeyId>,
    column: usize,
    after: Option<SealedCursor>,
    /// Whether it has sealed anything anew.
    has_done: bool,
    rests_until: Option<Timestamp>,
}

impl Walk {
    /// Begins anew where another key has become the primary one.
    fn follow(&mut self, vault: &Vault) {
        if self.primary != Some(vault.primary()) {
            *self = Self { primary: Some(vault.primary()), ..Self::default() };
        }
    }
}

/// Seals the next batch anew, unless another server does or the ring has but one key;
/// gives [`BATCH`] where there may be more to do.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn reseal_batch(app: &App, walk: &mut Walk, now: Timestamp) -> Result<usize, AppError> {
    app.database_watch.require_agreement(&app.clock)?;
    let vault = app.vault();
    walk.follow(&vault);
    let rests = walk.rests_until.is_some_and(|until| now < until);
    if vault.key_ids().count() == 1
        || rests
        || !take_lease(app, Lease::Resealing, now, LEASE).await?
    {
        return Ok(0);
    }
    let Some(column) = COLUMNS.get(walk.column) else {
        // Once more from the beginning, for what servers with an older ring have sealed
        // meanwhile.
        let rests_until = (!walk.has_done).then(|| now + REST);
        *walk = Walk { primary: walk.primary, rests_until, ..Walk::default() };
        return Ok(0);
    };
    let page = app.store.read().sealed_page(*column, walk.after.as_ref(), BATCH as u64).await?;
    for value in page.values {
        if vault.seals(&value.sealed) {
            continue;
        }
        if app.vault().primary() != vault.primary() {
            // Not one more under a key that is about to be retired.
            return Ok(BATCH);
        }
        match sealed::reseal(&vault, app, &value) {
            // Where it has changed meanwhile, whoever did that has sealed it.
            Ok(sealed) => walk.has_done |= app.store.replace_sealed(&value, sealed).await?,
            // Said in the log; the others are not kept waiting for it.
            Err(AppError::Internal(_)) => {}
            Err(error) => return Err(error),
        }
    }
    walk.after = page.next;
    if walk.after.is_none() {
        walk.column += 1;
    }
    Ok(BATCH)
}
