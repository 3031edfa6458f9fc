//! The data folder and the database's file: whose they are, who else may, and how much room
//! there is.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use gatehouse_persistence::DatabaseLocation;
use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;

use super::{Finding, unknown};
use crate::config::Settings;
use crate::startup::file;

/// Of a disk: below this SQLite is about to refuse every change.
const LEAST_ROOM: u64 = 64 << 20;
/// Some days of the events of a busy portal, and room for a backup of a small database.
const LITTLE_ROOM: u64 = 1 << 30;

/// The folder of the default database and key ring.
pub(super) fn data_folder(settings: &Settings) -> Finding {
    const CHECK: &str = "data folder";
    let folder = &settings.data_dir;
    let has_database =
        matches!(&settings.database, DatabaseLocation::Sqlite(path) if path.starts_with(folder));
    if !has_database && !settings.key_ring.starts_with(folder) {
        return Finding::ok(CHECK, "none is used: database and key ring are elsewhere");
    }
    let shown = folder.display();
    let of = match fs::metadata(folder) {
        Ok(of) => of,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::warning(
                CHECK,
                format!("{shown} is not there: the first start makes it, empty"),
                "name the right one with data_dir, if this server has been used before",
            );
        }
        Err(error) => return unknown(CHECK, &error),
    };
    let mode = of.permissions().mode();
    let me = geteuid();
    if !of.is_dir() {
        let cure = "move it away, or name another folder with data_dir";
        Finding::error(CHECK, format!("{shown} is no folder"), cure)
    } else if mode & 0o022 != 0 {
        Finding::error(
            CHECK,
            format!("others may put files of theirs into {shown}"),
            format!("chmod 700 {shown}"),
        )
    } else if !may_write(folder) {
        Finding::error(
            CHECK,
            format!("this user ({}) may not write into {shown}", me.as_raw()),
            format!(
                "run gatehouse as the user {}, or give that folder to the one it runs as",
                of.uid()
            ),
        )
    } else if of.uid() != me.as_raw() {
        Finding::warning(
            CHECK,
            format!("{shown} is the user {}'s, and this is the user {}", of.uid(), me.as_raw()),
            "run this as the user that gatehouse runs as: what it makes is for that one alone",
        )
    } else if mode & 0o055 != 0 {
        Finding::warning(
            CHECK,
            format!("others may see what is in {shown}"),
            format!("chmod 700 {shown}"),
        )
    } else {
        Finding::ok(CHECK, format!("{shown}, for its owner alone"))
    }
}

/// A file that is for its owner alone, and is not.
pub(super) fn open_to_all(check: &'static str, path: &Path, then: &str) -> Option<Finding> {
    match file::is_open_to_all(path) {
        Ok(false) => None,
        Ok(true) => {
            let shown = path.display();
            let found = format!("every user of this machine may read or write {shown}");
            Some(Finding::error(check, found, format!("chmod 600 {shown}{then}")))
        }
        Err(error) => Some(unknown(check, &error)),
    }
}

/// The file of SQLite. That there is none is told of where it is opened.
pub(super) fn database(path: &Path) -> Vec<Finding> {
    const CHECK: &str = "database";
    if !path.exists() {
        return Vec::new();
    }
    let mut findings = Vec::from_iter(open_to_all(CHECK, path, "*"));
    if !may_write(path) || !may_write(file::folder_of(path)) {
        findings.push(Finding::error(
            CHECK,
            format!("this user may not write {}, or its folder", path.display()),
            "run gatehouse as the user whose it is, or give both to the one it runs as",
        ));
    }
    findings
}

/// What is left on the disk of SQLite's file.
pub(super) fn room(path: &Path) -> Finding {
    const CHECK: &str = "disk";
    let folder = existing(file::folder_of(path));
    let disk = match statvfs(folder) {
        Ok(disk) => disk,
        Err(error) => return unknown(CHECK, &io::Error::from(error)),
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{} MiB are left for {}", free >> 20, folder.display());
    let cure = "make room, or move the database to a larger disk";
    if free < LEAST_ROOM {
        Finding::error(CHECK, found, cure)
    } else if free < LITTLE_ROOM {
        Finding::warning(CHECK, found, cure)
    } else {
        Finding::ok(CHECK, found)
    }
}

fn may_write(path: &Path) -> bool {
    access(path, Access::WRITE_OK).is_ok()
}

/// The folder, or the first around it that is there.
fn existing(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."))
}
