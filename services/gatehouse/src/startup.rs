//! From settings to an [`App`]: the data folder, the key ring, the database.

pub(crate) mod file;

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gatehouse_domain::id::ServerId;
use gatehouse_domain::vault::{KeyId, KeyRing, KeyRingError, OpenError, Vault};
use gatehouse_persistence::{DatabaseLocation, DatabaseSettings, Store, StoreError};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::app::App;
use crate::caller::Lookups;
use crate::clock::Clock;
use crate::config::Settings;
use crate::database_watch::DatabaseWatch;
use crate::entropy::Entropy;
use crate::hasher::Hasher;
use crate::key_ring::{self, ServerKeyRing};
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use crate::traces::Traces;
use crate::trail::{self, Trail};
use crate::usecase::audit;
use crate::usecase::audit::retention::Retention;
use crate::usecase::tries::Tries;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// A file or folder cannot be used.
    #[error("{}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of the key ring holds something else.
    #[error("the key ring {}", .path.display())]
    KeyRing {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyRingError,
    },
    /// A new ring would make everything that is sealed in the database unreadable.
    #[error(
        "the database is in use and its key ring is missing: put it back at {}, or name its place \
         with --key-ring",
        .path.display()
    )]
    KeyRingMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// What is sealed in the database was sealed under other keys.
    #[error(
        "the key ring {} is not the one that this database is used with; all servers of one \
         database share one ring",
        .path.display()
    )]
    KeyRingForeign {
        /// The file.
        path: PathBuf,
        /// What is wrong with a key.
        source: OpenError,
    },
    /// Nobody else has this key any more: what is sealed under it nobody else could open.
    #[error(
        "the primary key {key} of the key ring {} has been retired: copy the ring of the other \
         servers here",
        .path.display()
    )]
    KeyRetired {
        /// The file.
        path: PathBuf,
        /// The key.
        key: KeyId,
    },
    /// There can be no threads for password hashes.
    #[error("the pool for password hashes")]
    Hasher(#[source] io::Error),
    /// What is counted is not well defined.
    #[error("metrics")]
    Metrics(#[from] prometheus::Error),
    /// There is nothing to look at.
    #[error("{0} holds no database that gatehouse has used")]
    NoDatabase(DatabaseLocation),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that a server or a command stands on. Makes what is missing: the
/// data folder, the schema, and for an empty database the key ring.
///
/// # Errors
/// [`StartupError`]; nothing has been changed that would keep a second start
/// from succeeding.
pub async fn open(settings: &Settings) -> Result<App, StartupError> {
    let store = connect(settings).await?;
    let ring = key_ring_text(&settings.key_ring, &store).await?;
    store.migrate().await?;
    let clock = Clock::system();
    let key_ring = ServerKeyRing::open(&store, &settings.key_ring, ring, clock.now()).await?;
    let server = ServerId::generate(clock.now(), &mut Entropy.rng());
    let hasher = Hasher::new(&settings.hasher).map_err(StartupError::Hasher)?;
    let metrics = Arc::new(Metrics::new(&hasher)?);
    metrics.follow(&store, settings.database.system());
    let unkeyed_until = settings.audit_unkeyed_until;
    Ok(App {
        store,
        database_watch: DatabaseWatch::default(),
        key_ring,
        hasher,
        clock,
        entropy: Entropy,
        tasks: Tasks::new(settings.max_in_flight),
        tries: Tries::default(),
        metrics,
        traces: Traces::default(),
        server,
        lookups: Lookups::default(),
        trail: Trail::new(trail::Pace::default(), settings.max_in_flight),
        trail_readers: Semaphore::new(audit::MAX_CONCURRENT_READERS),
        audit_retention: settings.audit_retention.map(|keep| Retention { keep, unkeyed_until }),
        calls_without_key: AtomicU64::new(0),
    })
}

/// Brings the schema up to date, and does nothing else.
///
/// # Errors
/// [`StartupError`].
pub async fn migrate(settings: &Settings) -> Result<(), StartupError> {
    Ok(connect(settings).await?.migrate().await?)
}

/// A database that gatehouse has used, as it is: for what only reads.
///
/// # Errors
/// [`StartupError::NoDatabase`] if there is none. Nothing is made or changed.
pub async fn open_existing(settings: &Settings) -> Result<Store, StartupError> {
    let store = open_unchanged(settings).await?;
    if store.is_empty().await? {
        return Err(StartupError::NoDatabase(settings.database.clone()));
    }
    Ok(store)
}

/// The same with the keys of its ring, of which nothing is noted in the database.
///
/// # Errors
/// [`StartupError`]. Nothing is made or changed.
pub async fn open_to_read(settings: &Settings) -> Result<(Store, Vault), StartupError> {
    let store = open_existing(settings).await?;
    let vault = key_ring::read_vault(&store, &settings.key_ring).await?;
    Ok((store, vault))
}

/// A database as it is, used or not.
///
/// # Errors
/// [`StartupError::NoDatabase`] for a file that is not there. Nothing is made or changed.
pub async fn open_unchanged(settings: &Settings) -> Result<Store, StartupError> {
    if let DatabaseLocation::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return Err(StartupError::NoDatabase(settings.database.clone()));
    }
    Ok(Store::connect(&database(settings)).await?)
}

/// As [`open`], of a database that gatehouse has used: for what would say nothing of
/// an empty one.
///
/// # Errors
/// [`StartupError::NoDatabase`] if there is none. Nothing is made.
pub async fn open_used(settings: &Settings) -> Result<App, StartupError> {
    open_existing(settings).await?;
    open(settings).await
}

/// Says in the log how to make the first key, while there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn announce_missing_owner(app: &App) -> Result<(), StoreError> {
    if !app.store.read().has_owner_key(app.clock.now()).await? {
        tracing::warn!("nobody can administer this server yet: run `gatehouse create-owner-key`");
    }
    Ok(())
}

async fn connect(settings: &Settings) -> Result<Store, StartupError> {
    let folder = &settings.data_dir;
    let in_folder = |path: &Path| path.starts_with(folder);
    let database_in_folder =
        matches!(&settings.database, DatabaseLocation::Sqlite(path) if in_folder(path));
    if database_in_folder || in_folder(&settings.key_ring) {
        file::make_folder(folder)
            .map_err(|source| StartupError::File { path: folder.clone(), source })?;
    }
    if let DatabaseLocation::Sqlite(path) = &settings.database {
        // SQLite would leave its mode to the umask. The files beside it get the same mode.
        file::create(path, "")
            .map_err(|source| StartupError::File { path: path.clone(), source })?;
    }
    Ok(Store::connect(&database(settings)).await?)
}

fn database(settings: &Settings) -> DatabaseSettings {
    DatabaseSettings {
        location: settings.database.clone(),
        max_connections: settings.database_connections,
    }
}

/// The text of the ring at `path`. One is made only for an empty database, and only if
/// nobody else is making it: who comes second reads what the first has made.
async fn key_ring_text(path: &Path, store: &Store) -> Result<Zeroizing<String>, StartupError> {
    let file = |source| StartupError::File { path: path.to_owned(), source };
    // Asked before the file is looked for: a ring is there before its database
    // is in use, so that none is missed between the two.
    let is_empty = store.is_empty().await?;
    let mut text = file::read(path).map_err(file)?;
    if text.is_none() && is_empty {
        let ring = KeyRing::generate(&mut Entropy.rng());
        if file::create(path, &ring.to_text()).map_err(file)? {
            tracing::info!(path = %path.display(), "made a key ring; keep a copy of it apart from the database");
        }
        text = file::read(path).map_err(file)?;
    }
    let text = text.ok_or_else(|| StartupError::KeyRingMissing { path: path.to_owned() })?;
    if file::is_open_to_all(path).map_err(file)? {
        tracing::warn!(path = %path.display(), "every user of this machine may read the key ring");
    }
    Ok(text)
}
