//! The data folder, the disk, and the key ring.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;

use super::Visit;
use crate::support::{Site, run};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// As the doctor finds it where a file system in memory with these options is mounted on the
/// data folder, for this program alone.
fn on_disk(site: &Site, options: &str) -> Visit {
    let doctor = site.command(&["doctor", "--json"]);
    let mut command = Command::new("unshare");
    // Whoever is not root may mount where they are root.
    command.arg(if geteuid().is_root() { "-m" } else { "-rm" });
    let script = "mount -t tmpfs -o mode=0700,$0 tmpfs \"$1\" && shift && exec \"$@\"";
    command.args(["sh", "-c", script, options]).arg(site.data_dir());
    command.arg(doctor.get_program()).args(doctor.get_args()).current_dir(site.folder());
    for (name, value) in doctor.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Visit::by(command)
}

#[test]
fn a_data_folder_is_its_owners_alone() {
    let site = Site::sqlite();
    site.owner_key();
    let folder = site.data_dir();
    Visit::of(&site, &[]).is_fine("data folder");
    set_mode(&folder, 0o755);
    Visit::of(&site, &[]).tells("data folder", "warning", "others may see what is in");
    set_mode(&folder, 0o770);
    Visit::of(&site, &[]).tells("data folder", "error", "others may put files of theirs into");
    set_mode(&folder, 0o700);
    if geteuid().is_root() {
        // Nobody else can give a folder away.
        chown(&folder, Some(12_345), None).unwrap();
        Visit::of(&site, &[]).tells("data folder", "warning", "is the user 12345's");
    }

    let elsewhere = ["--database-url", "sqlite:other.db", "--key-ring", "other"];
    Visit::of(&site, &elsewhere).tells("data folder", "ok", "none is used");
    let site = Site::sqlite();
    fs::write(site.data_dir(), "").unwrap();
    Visit::of(&site, &[]).tells("data folder", "error", "is no folder");
}

#[test]
fn a_disk_has_to_have_room_and_take_changes() {
    let site = Site::sqlite();
    fs::create_dir(site.data_dir()).unwrap();
    on_disk(&site, "size=2g").is_fine("disk");
    on_disk(&site, "size=512m").tells("disk", "warning", " MiB are left for ");
    on_disk(&site, "size=32m").tells("disk", "error", "32 MiB are left for ");
    on_disk(&site, "ro").tells("data folder", "error", "may not write into");
}

#[test]
fn a_database_is_for_its_owner_alone_and_no_other_file() {
    let site = Site::sqlite();
    site.owner_key();
    let file = site.data_dir().join("gatehouse.db");
    set_mode(&file, 0o644);
    let open = Visit::of(&site, &[]);
    open.tells("database", "error", "every user of this machine may read or write");
    set_mode(&file, 0o600);

    let other = site.folder().join("other.db");
    fs::write(&other, "x".repeat(10_000)).unwrap();
    let url = format!("sqlite:{}", other.display());
    let no_database = Visit::of(&site, &["--database-url", &url]);
    no_database.tells("database", "error", "cannot be used: ");
    assert_eq!(fs::read_to_string(&other).unwrap(), "x".repeat(10_000));
    // An empty one is a database to SQLite, without its log and without a table.
    fs::write(&other, "").unwrap();
    let empty = Visit::of(&site, &["--database-url", &url]);
    empty.tells("database", "warning", "has no write-ahead log");
    empty.tells("schema", "warning", "it lacks m0001");
    assert_eq!(fs::read(&other).unwrap(), b"");
}

#[test]
fn a_key_ring_is_there_is_one_and_is_for_its_owner_alone() {
    let site = Site::sqlite();
    site.owner_key();
    let ring = site.data_dir().join("keyring");
    let (_, cured_by, _) =
        Visit::of(&site, &[]).tells("key ring", "ok", "has sealed for 0").clone();
    assert!(cured_by.contains("keys: 1;"), "{cured_by}");
    set_mode(&ring, 0o604);
    Visit::of(&site, &[]).tells("key ring", "error", "every user of this machine may read");
    set_mode(&ring, 0o600);

    let text = fs::read_to_string(&ring).unwrap();
    fs::write(&ring, "hunter2").unwrap();
    let malformed = Visit::of(&site, &[]);
    malformed.tells("key ring", "error", "is no key ring: ");
    assert!(!format!("{malformed:?}").contains("hunter2"));
    fs::remove_file(&ring).unwrap();
    let missing = Visit::of(&site, &[]);
    missing.tells("key ring", "error", "is not there, and the database is in use");
    fs::create_dir(&ring).unwrap();
    Visit::of(&site, &[]).tells("key ring", "error", "cannot be read: ");
    fs::remove_dir(&ring).unwrap();

    // That of another site has a key of the same name.
    let other = Site::sqlite();
    other.owner_key();
    fs::copy(other.data_dir().join("keyring"), &ring).unwrap();
    Visit::of(&site, &[]).tells("key ring", "error", "is the ring of another database");
    fs::write(&ring, text).unwrap();
    Visit::of(&site, &[]).is_fine("key ring");
}

#[test]
fn a_key_ring_has_every_key_that_is_needed_and_seals_under_none_that_is_retired() {
    let site = Site::sqlite();
    site.owner_key();
    let keys = |arguments: &[&str]| {
        let ended = run(site.command(&[&["keys"], arguments].concat()));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    let ring = site.data_dir().join("keyring");
    let old = fs::read_to_string(&ring).unwrap();
    keys(&["add"]);
    keys(&["promote", "00000002"]);
    let both = fs::read_to_string(&ring).unwrap();
    fs::write(&ring, &old).unwrap();
    let lacks = "lacks the key 00000002, which 0 sealed values, 0 API keys and 0 sessions";
    Visit::of(&site, &[]).tells("key ring", "error", lacks);

    fs::write(&ring, both).unwrap();
    Visit::of(&site, &[]).tells("key ring", "ok", "keys: 2; 00000002 has sealed for 0 days");
    // The owner's key moves when it is used.
    let server = site.serve(&[]);
    let key_file = site.folder().join("owner.key");
    fs::write(&key_file, site.owner_key()).unwrap();
    drop(server);
    fs::write(&ring, old).unwrap();
    Visit::of(&site, &[]).tells("key ring", "error", "1 API keys");
}
