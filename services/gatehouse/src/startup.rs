//! From settings to an [`App`]: the data folder, the key ring, the database.

mod file;

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use gatehouse_domain::id::ServerId;
use gatehouse_domain::vault::{KeyId, KeyRing, KeyRingError, OpenError, Vault};
use gatehouse_persistence::{DatabaseLocation, DatabaseSettings, Store, StoreError};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Settings;
use crate::entropy::Entropy;
use crate::hasher::Hasher;
use crate::tasks::Tasks;
use crate::usecase::audit;

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
    /// There is nothing to look at.
    #[error("{0:?} is no database that gatehouse has used")]
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
    let ring = key_ring(&settings.key_ring, &store).await?;
    let vault = Vault::new(&ring);
    store.migrate().await?;
    check_canaries(&store, &vault, &settings.key_ring).await?;
    let clock = Clock::system();
    let server = ServerId::generate(clock.now(), &mut Entropy.rng());
    Ok(App {
        store,
        vault,
        hasher: Hasher::new(&settings.hasher),
        clock,
        entropy: Entropy,
        tasks: Tasks::new(settings.max_in_flight),
        server,
        trail_readers: Semaphore::new(audit::MAX_CONCURRENT_READERS),
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
    let no_database = || StartupError::NoDatabase(settings.database.clone());
    if let DatabaseLocation::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return Err(no_database());
    }
    let store = Store::connect(&database(settings)).await?;
    if store.is_empty().await? { Err(no_database()) } else { Ok(store) }
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

/// The ring at `path`. One is made only for an empty database, and only if
/// nobody else is making it: who comes second reads what the first has made.
async fn key_ring(path: &Path, store: &Store) -> Result<KeyRing, StartupError> {
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
    text.parse().map_err(|source| StartupError::KeyRing { path: path.to_owned(), source })
}

/// Whether the ring has every key that the database was ever used with; leaves
/// a canary for those that are new.
///
/// Of two servers that made rings of their own for one empty database the
/// canary decides: there is one place for the first key, and who comes second
/// finds another's canary in it.
async fn check_canaries(store: &Store, vault: &Vault, path: &Path) -> Result<(), StartupError> {
    let foreign = |source| StartupError::KeyRingForeign { path: path.to_owned(), source };
    let known = store.read().key_canaries().await?;
    open_all(vault, &known).map_err(foreign)?;
    for id in vault.key_ids().filter(|id| !known.iter().any(|(other, _)| other == id)) {
        let canary = vault.canary(&mut Entropy.rng(), id).map_err(foreign)?;
        store.insert_key_canary(id, canary).await?;
    }
    open_all(vault, &store.read().key_canaries().await?).map_err(foreign)
}

fn open_all(vault: &Vault, canaries: &[(KeyId, Vec<u8>)]) -> Result<(), OpenError> {
    canaries.iter().try_for_each(|(id, sealed)| vault.check_canary(*id, sealed))
}
