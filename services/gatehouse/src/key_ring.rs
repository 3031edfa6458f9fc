//! The key ring of this server: read from its file, held against the database, and
//! read again when the file changes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{KeyRing, OpenError, Vault};
use gatehouse_persistence::{Canary, Store};
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::startup::StartupError;
use crate::startup::file;

/// A ring that its database has accepted, and what it seals and opens with.
pub struct ServerKeyRing {
    path: PathBuf,
    loaded: RwLock<Loaded>,
}

struct Loaded {
    text: Zeroizing<String>,
    vault: Arc<Vault>,
}

impl ServerKeyRing {
    /// The ring in the file at `path`, whose text is `text`, once it is sure that it
    /// has every key that the database is used with.
    pub(crate) async fn open(
        store: &Store,
        path: &Path,
        text: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<Self, StartupError> {
        let vault = check(store, path, &text, now).await?;
        Ok(Self { path: path.to_owned(), loaded: RwLock::new(Loaded { text, vault }) })
    }

    /// What seals and opens, under the ring as it is now.
    #[must_use]
    pub fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner).vault)
    }

    /// Puts the ring to use that is in the file now; whether it is another one.
    ///
    /// # Errors
    /// Why the ring in the file cannot be used. The one that was in use still is.
    pub async fn reload(&self, store: &Store, now: Timestamp) -> Result<bool, StartupError> {
        // Elsewhere: the disk of the file may not answer, and calls are not to wait for it.
        let path = self.path.clone();
        let text = tokio::task::spawn_blocking(move || read(&path)).await;
        let text = text.map_err(|defect| self.file_error(io::Error::other(defect)))??;
        if *text == *self.loaded.read().unwrap_or_else(PoisonError::into_inner).text {
            return Ok(false);
        }
        let vault = check(store, &self.path, &text, now).await?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Loaded { text, vault };
        Ok(true)
    }

    /// The ring in the file, to be changed by this caller alone.
    ///
    /// # Errors
    /// [`StartupError`].
    pub fn edit(&self) -> Result<EditedRing<'_>, StartupError> {
        let lock = file::lock_folder(&self.path).map_err(|source| self.file_error(source))?;
        let ring = parse(&self.path, &read(&self.path)?)?;
        Ok(EditedRing { of: self, ring, _lock: lock })
    }

    fn file_error(&self, source: io::Error) -> StartupError {
        StartupError::File { path: self.path.clone(), source }
    }
}

/// A ring that is being changed. Others who want to change it wait.
pub struct EditedRing<'a> {
    of: &'a ServerKeyRing,
    /// As it is to be.
    pub ring: KeyRing,
    _lock: File,
}

impl EditedRing<'_> {
    /// Writes it to the file, and puts it to use.
    ///
    /// # Errors
    /// [`StartupError::File`]: the file is as it was. Others come after the file was
    /// written.
    pub async fn save(self, store: &Store, now: Timestamp) -> Result<(), StartupError> {
        file::replace(&self.of.path, &self.ring.to_text())
            .map_err(|source| self.of.file_error(source))?;
        self.of.reload(store, now).await.map(drop)
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, StartupError> {
    let text =
        file::read(path).map_err(|source| StartupError::File { path: path.to_owned(), source })?;
    text.ok_or_else(|| StartupError::KeyRingMissing { path: path.to_owned() })
}

fn parse(path: &Path, text: &str) -> Result<KeyRing, StartupError> {
    text.parse().map_err(|source| StartupError::KeyRing { path: path.to_owned(), source })
}

/// What the ring at `path` opens, whatever it is used with.
pub(crate) fn parse_vault(path: &Path) -> Result<Vault, StartupError> {
    Ok(Vault::new(&parse(path, &read(path)?)?))
}

/// The same for what only reads: the ring has to be the one that the database
/// is used with, and leaves no canary there.
pub(crate) async fn read_vault(store: &Store, path: &Path) -> Result<Vault, StartupError> {
    let vault = parse_vault(path)?;
    open_all(&vault, &store.read().key_canaries().await?)
        .map_err(|source| StartupError::KeyRingForeign { path: path.to_owned(), source })?;
    Ok(vault)
}

/// The vault of a ring that has every key that the database is used with; leaves a
/// canary for those that are new.
///
/// Of two servers that made rings of their own for one empty database the
/// canary decides: there is one place for the first key, and who comes second
/// finds another's canary in it.
async fn check(
    store: &Store,
    path: &Path,
    text: &str,
    now: Timestamp,
) -> Result<Arc<Vault>, StartupError> {
    let vault = Vault::new(&parse(path, text)?);
    let foreign = |source| StartupError::KeyRingForeign { path: path.to_owned(), source };
    let known = store.read().key_canaries().await?;
    open_all(&vault, &known).map_err(foreign)?;
    for id in vault.key_ids().filter(|id| !known.iter().any(|canary| canary.key == *id)) {
        let canary = vault.canary(&mut Entropy.rng(), id).map_err(foreign)?;
        store.insert_key_canary(id, canary).await?;
    }
    open_all(&vault, &store.read().key_canaries().await?).map_err(foreign)?;
    // Written before anything is sealed under it.
    if store.seal_under_key(vault.primary(), now).await? {
        Ok(Arc::new(vault))
    } else {
        Err(StartupError::KeyRetired { path: path.to_owned(), key: vault.primary() })
    }
}

/// Those of keys that are needed, and of all others that the ring has.
fn open_all(vault: &Vault, canaries: &[Canary]) -> Result<(), OpenError> {
    let mut opened = canaries
        .iter()
        .filter(|canary| canary.is_needed() || vault.key_ids().any(|id| id == canary.key));
    opened.try_for_each(|canary| vault.check_canary(canary.key, &canary.sealed))
}
