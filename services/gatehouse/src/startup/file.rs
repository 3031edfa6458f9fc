//! The data folder and the files that are made for their owner alone.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::{NamedTempFile, TempPath};
use zeroize::Zeroizing;

/// No file that is read here is as long.
const MAX_BYTES: u64 = 64 * 1024;
/// For whoever changes a file at the same time.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks whether they are done.
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// Makes the folder, for its owner alone, unless there is one.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The text in the file at `path`, if there is one.
pub(crate) fn read(path: &Path) -> io::Result<Option<Zeroizing<String>>> {
    let is_regular = match fs::metadata(path) {
        Ok(file) => file.is_file() && file.len() <= MAX_BYTES,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !is_regular {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a file of a few lines"));
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(text))
}

/// Whether every user of this machine may read or write the file at `path`.
pub(crate) fn is_open_to_all(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o007 != 0)
}

/// Keeps everybody else waiting who wants to change the file at `path`, until what is
/// returned is dropped.
pub(crate) fn lock_folder(path: &Path) -> io::Result<File> {
    let folder = File::open(folder_of(path))?;
    let begun = Instant::now();
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_TIMEOUT => {
                thread::sleep(LOCK_WAIT);
            }
            Err(TryLockError::WouldBlock) => {
                let busy = "another command is changing it";
                return Err(io::Error::new(ErrorKind::ResourceBusy, busy));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Makes a file at `path` with all of `text`, for its owner alone and safe
/// from a power loss; false if there is one, which then stays as it is.
///
/// No other process ever sees part of it: it gets its name when it is whole.
pub(crate) fn create(path: &Path, text: &str) -> io::Result<bool> {
    name(write_beside(path, text)?, path)
}

/// An empty file beside `path`, for its owner alone, to be written by somebody else and
/// then given that name.
pub(crate) fn beside(path: &Path) -> io::Result<TempPath> {
    write_beside(path, "")
}

/// Gives a file that is written its name, safe from a power loss; false if there is one
/// of that name, which then stays as it is.
pub(crate) fn name(file: TempPath, path: &Path) -> io::Result<bool> {
    File::open(&file)?.sync_all()?;
    match file.persist_noclobber(path) {
        Ok(()) => {
            sync_folder(path)?;
            Ok(true)
        }
        Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Puts all of `text` in the place of the file at `path`, for its owner alone and
/// safe from a power loss: whoever reads it finds the one or the other, whole. A link
/// stays one.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &fs::canonicalize(path)?;
    write_beside(path, text)?.persist(path).map_err(|failed| failed.error)?;
    sync_folder(path)
}

/// A file without its name yet.
fn write_beside(path: &Path, text: &str) -> io::Result<TempPath> {
    let mut file = NamedTempFile::new_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    // Closed before it has its name: closing a database would drop the locks
    // that this process has on it.
    Ok(file.into_temp_path())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder that the file at `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        make_folder(&data).unwrap();
        make_folder(&data).unwrap();
        assert_eq!(mode(&data), 0o700);

        let path = data.join("keyring");
        assert!(create(&path, "keys").unwrap());
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "keys");
    }

    #[test]
    fn what_is_no_file_of_a_few_lines_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("long");
        fs::write(&long, "x".repeat(100_000)).unwrap();
        for path in [folder.path(), &long, Path::new("/dev/zero")] {
            assert_eq!(read(path).unwrap_err().kind(), ErrorKind::InvalidInput, "{path:?}");
        }
    }

    #[test]
    fn a_file_that_is_there_stays_and_no_other_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        assert!(read(&path).unwrap().is_none());
        assert!(create(&path, "first").unwrap());
        assert!(!create(&path, "second").unwrap());
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "first");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_is_replaced_is_for_its_owner_alone_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        fs::write(&path, "old").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_file(link).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn of_many_creators_at_once_one_wins_and_all_read_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let create = |text: String| {
                let won = create(&path, &text).unwrap();
                (won.then_some(text), read(&path).unwrap().unwrap())
            };
            let threads: Vec<_> =
                (0..16).map(|n| scope.spawn(move || create(n.to_string()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<_> = outcomes.iter().filter_map(|(won, _)| won.as_ref()).collect();
        assert_eq!(winners.len(), 1);
        assert!(outcomes.iter().all(|(_, text)| text.as_str() == winners[0]));
    }
}
