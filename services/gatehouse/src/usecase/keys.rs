//! The key ring while servers use it: who has which keys, sealing anew, and the four
//! steps of a rotation: add a key everywhere, promote it, wait, retire the old one.

mod reseal;

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{KeyId, RingChangeError};
use gatehouse_persistence::{KeyUse, RunningServer, StoreError};

pub use self::reseal::{BATCH, Walk, reseal_batch};
use crate::app::App;
use crate::error::AppError;
use crate::startup::StartupError;

/// A server that has not been heard of for so long is gone.
pub const GONE_AFTER: Duration = Duration::from_secs(30);
/// Between two times that a server says that it runs, while its keys are the same.
const ANNOUNCED_EVERY: Duration = Duration::from_secs(10);

/// Why a key ring is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// It has no such key, or has it already.
    #[error(transparent)]
    Ring(#[from] RingChangeError),
    /// What the new key seals, this server could not open.
    #[error(
        "the server {server} does not have the key {key} yet: copy the key ring to every server \
         first"
    )]
    NotEverywhere {
        /// Which, one of them.
        server: String,
        /// The key.
        key: KeyId,
    },
    /// A server still seals under it.
    #[error("the server {server} still seals under the key {key}: copy the key ring there first")]
    StillPrimary {
        /// Which, one of them.
        server: String,
        /// The key.
        key: KeyId,
    },
    /// No ring needs to have it any more, and some have it no more.
    #[error("the key {0} has been retired")]
    Retired(KeyId),
    /// Without it these rows are lost.
    #[error(
        "the key {key} is still needed by {} sealed values, {} API keys, and {} sessions, \
         sign-ins, invitations, budgets and known sources; the first are sealed anew by a running \
         server, API keys move when they are used, the others go by themselves within 30 days",
        .needed.sealed, .needed.api_keys, .needed.passing
    )]
    Needed {
        /// The key.
        key: KeyId,
        /// By what.
        needed: KeyUse,
    },
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] StartupError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a ring to use that has changed, and tells the other servers which keys this
/// one has. `announced` is what it has told them last.
///
/// # Errors
/// [`AppError::StoreUnavailable`]; [`AppError::Internal`] for a ring that cannot be used.
pub async fn share(
    app: &App,
    announced: &mut Option<RunningServer>,
    now: Timestamp,
) -> Result<(), AppError> {
    let reloaded = app.key_ring.reload(&app.store, now).await;
    let vault = app.vault();
    let server = RunningServer {
        id: app.server,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keys: vault.key_ids().collect(),
        seen_at: now,
    };
    let is_told = |told: &RunningServer| {
        told.keys == server.keys && (told.seen_at..told.seen_at + ANNOUNCED_EVERY).contains(&now)
    };
    if !announced.as_ref().is_some_and(is_told) {
        // By a clock that is ahead all others are gone.
        app.database_watch.require_agreement(&app.clock)?;
        app.store.announce_server(&server, now - GONE_AFTER).await?;
        *announced = Some(server);
    }
    match reloaded {
        Ok(true) => {
            tracing::info!(primary = %vault.primary(), "the key ring has changed");
            Ok(())
        }
        Ok(false) => Ok(()),
        Err(StartupError::Store(error)) => Err(error.into()),
        Err(error) => Err(AppError::Internal(error.into())),
    }
}

/// A key of the ring, who has it, and what needs it.
#[derive(Clone, Debug)]
pub struct KeyStatus {
    /// The key.
    pub id: KeyId,
    /// Whether it seals, by the ring of this process.
    pub is_primary: bool,
    /// How many of the running servers have it.
    pub servers: usize,
    /// What needs it.
    pub needed: KeyUse,
}

/// Every key of the ring, the primary first, and how many servers run.
///
/// # Errors
/// [`StoreError`].
pub async fn list(app: &App, now: Timestamp) -> Result<(Vec<KeyStatus>, usize), StoreError> {
    let servers = app.store.read().servers(now - GONE_AFTER).await?;
    let vault = app.vault();
    let mut keys = Vec::new();
    for id in vault.key_ids() {
        keys.push(KeyStatus {
            id,
            is_primary: id == vault.primary(),
            servers: servers.iter().filter(|server| server.keys.contains(&id)).count(),
            needed: app.store.key_use(id, now).await?,
        });
    }
    Ok((keys, servers.len()))
}

/// Adds a new key to the ring in the file, which opens and does not seal yet.
///
/// # Errors
/// [`RotationError::File`], [`RotationError::Store`].
pub async fn add(app: &App, now: Timestamp) -> Result<KeyId, RotationError> {
    let mut edited = app.key_ring.edit()?;
    // Also past those that were retired: what names one must never open under another.
    let known = app.store.read().key_canaries().await?.into_iter().map(|canary| canary.key);
    let highest = known.chain(edited.ring.key_ids()).map(u32::from).max().unwrap_or(0);
    let id = KeyId::from(highest.wrapping_add(1));
    edited.ring.add(id, &mut app.entropy.rng())?;
    edited.save(&app.store, now).await?;
    Ok(id)
}

/// Lets a key of the ring in the file seal from now on.
///
/// # Errors
/// [`RotationError::NotEverywhere`] and the others: nothing has changed.
pub async fn promote(app: &App, id: KeyId, now: Timestamp) -> Result<(), RotationError> {
    let mut edited = app.key_ring.edit()?;
    edited.ring.promote(id)?;
    let canaries = app.store.read().key_canaries().await?;
    if canaries.iter().any(|canary| canary.key == id && canary.retired_at.is_some()) {
        return Err(RotationError::Retired(id));
    }
    let servers = app.store.read().servers(now - GONE_AFTER).await?;
    if let Some(server) = servers.iter().find(|server| !server.keys.contains(&id)) {
        return Err(RotationError::NotEverywhere { server: server.id.to_string(), key: id });
    }
    Ok(edited.save(&app.store, now).await?)
}

/// Takes a key that nothing needs any more out of the ring in the file. What verifies the
/// events that were chained under it stays there.
///
/// # Errors
/// [`RotationError::Needed`] and the others: nothing has changed.
pub async fn retire(app: &App, id: KeyId, now: Timestamp) -> Result<(), RotationError> {
    let mut edited = app.key_ring.edit()?;
    edited.ring.retire(id)?;
    let servers = app.store.read().servers(now - GONE_AFTER).await?;
    if let Some(server) = servers.iter().find(|server| server.keys.first() == Some(&id)) {
        return Err(RotationError::StillPrimary { server: server.id.to_string(), key: id });
    }
    require_unneeded(app, id, now).await?;
    app.store.retire_key(id, now).await?;
    // Again, now that no server may seal under it: one that was gone may have come back.
    if let Err(needed) = require_unneeded(app, id, now).await {
        app.store.unretire_key(id).await?;
        return Err(needed);
    }
    Ok(edited.save(&app.store, now).await?)
}

async fn require_unneeded(app: &App, key: KeyId, now: Timestamp) -> Result<(), RotationError> {
    let needed = app.store.key_use(key, now).await?;
    if needed.is_none() { Ok(()) } else { Err(RotationError::Needed { key, needed }) }
}
