//! `gatehouse backup` and `gatehouse restore-epoch`.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gatehouse_domain::id::name;
use gatehouse_persistence::DatabaseLocation;

use super::counted;
use crate::config::Settings;
use crate::startup::{self, StartupError, file};
use crate::usecase::Call;
use crate::usecase::restore::{self, Restored};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    #[error("a PostgreSQL is backed up with pg_dump, and restored with pg_restore")]
    NotSqlite,
}

pub(super) async fn write(settings: &Settings, path: &Path) -> Result<(), Box<dyn Error>> {
    if !matches!(settings.database, DatabaseLocation::Sqlite(_)) {
        return Err(BackupError::NotSqlite.into());
    }
    let store = startup::open_existing(settings).await?;
    let file_error = |source| StartupError::File { path: path.to_owned(), source };
    let exists = || BackupError::Exists(path.to_owned());
    if path.try_exists().map_err(file_error)? {
        return Err(exists().into());
    }
    // It gets its name when it is whole.
    let copy = file::beside(path).map_err(file_error)?;
    store.copy_to(&copy).await?;
    if file::name(copy, path).map_err(file_error)? { Ok(()) } else { Err(exists().into()) }
}

pub(super) async fn restore_epoch(
    settings: &Settings,
    keep_backup_codes: bool,
) -> Result<(), Box<dyn Error>> {
    let app = startup::open_used(settings).await?;
    app.look_at_database().await?;
    let call = Call::of_server(app.clock.now());
    let restored = restore::begin_epoch(&app, &call, keep_backup_codes).await?;
    print(&mut io::stdout().lock(), &restored, keep_backup_codes)?;
    Ok(())
}

fn print(out: &mut impl Write, restored: &Restored, kept_codes: bool) -> io::Result<()> {
    let ended = &restored.ended;
    writeln!(
        out,
        "ended: {}, {}, {} enrollments and invitations, {}{}; the codes up to now of {}",
        counted(ended.sessions, "session"),
        counted(ended.sign_ins, "sign-in"),
        ended.pending,
        counted(ended.backup_codes, "backup code"),
        if kept_codes { " (kept on request: used ones may work once more)" } else { "" },
        counted(ended.factors, "authenticator"),
    )?;
    let end =
        restored.backup_ends_at.map_or_else(|| "its beginning".to_owned(), |at| at.to_string());
    writeln!(
        out,
        "What happened after {end} is not in this database. See to it that these are done again:\n\
         - suspensions ({} customers are suspended), deletions, changes of policy, and locks of \
         customers who had guessed too often: their counters are back\n\
         - MFA that was set up or replaced: those customers have none, or their former \
         authenticator is good again\n\
         - MFA resets, and changes of passwords and emails: the former ones are good again\n\
         - revocations of API keys. Those that are live now: {}",
        restored.suspended_customers,
        restored.live_api_keys.len(),
    )?;
    list_keys(out, restored)?;
    if let Some(before) = restored.begun_before_at {
        writeln!(
            out,
            "This was done before, at {before}. If that was for the same backup, go by what it \
             printed then: things are missing from then on."
        )?;
    }
    Ok(())
}

fn list_keys(out: &mut impl Write, restored: &Restored) -> io::Result<()> {
    for key in &restored.live_api_keys {
        let used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        writeln!(out, "  {}  last used {used}  {}", name::api_key(key.id), key.display_name)?;
    }
    Ok(())
}
