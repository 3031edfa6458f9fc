//! The first start on SQLite, and the first key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Acme, Process, Server, Site, gatehouse, run};

const NO_OWNER: &str = "run `gatehouse create-owner-key`";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn serving_on_nothing_makes_a_private_folder_a_private_key_ring_and_a_database() {
    let site = Site::sqlite();
    let _server = site.serve(&[]);
    assert_eq!(mode(&site.data_dir()), 0o700);
    assert_eq!(mode(&site.data_dir().join("keyring")), 0o600);
    let database = fs::read(site.data_dir().join("gatehouse.db")).unwrap();
    assert!(database.starts_with(b"SQLite format 3\0"));
}

#[test]
fn a_start_says_how_to_make_an_owner_key_while_there_is_none() {
    let site = Site::sqlite();
    for _ in 0..2 {
        let server = site.serve(&[]);
        assert!(server.process.log().contains(NO_OWNER), "{}", server.process.log());
    }
    site.owner_key();
    let server = site.serve(&[]);
    assert!(!server.process.log().contains(NO_OWNER), "{}", server.process.log());
}

#[test]
fn without_a_command_it_serves_with_its_data_in_the_working_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = gatehouse();
    command.current_dir(&folder).env("GATEHOUSE_LISTEN", "127.0.0.1:0");
    let _server = Server::of(Process::spawn(command));
    assert!(folder.path().join("gatehouse-data/gatehouse.db").is_file());
}

#[test]
fn an_owner_key_stands_alone_on_standard_output() {
    let site = Site::sqlite();
    let made = run(site.command(&["create-owner-key", "--log", "trace"]));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let key = made.stdout.strip_suffix('\n').unwrap();
    let random = key.strip_prefix("gha_").unwrap();
    assert_eq!(random.len(), 43);
    assert!(random.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)));
    assert!(!made.stderr.contains(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_key_works_at_once_on_the_server_that_it_was_made_beside() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    Acme::set_up(&server, site.owner_key()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_key_made_in_an_empty_folder_works_on_the_server_started_later() {
    let site = Site::sqlite();
    let key = site.owner_key();
    let ring = fs::read(site.data_dir().join("keyring")).unwrap();
    Acme::set_up(&site.serve(&[]), key).await;
    assert_eq!(fs::read(site.data_dir().join("keyring")).unwrap(), ring);
}

#[test]
fn an_owner_key_is_called_what_it_was_given_for_a_name() {
    let site = Site::sqlite();
    let made = run(site.command(&["create-owner-key", "--display-name", "Ana's terminal"]));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(site.stores(b"Ana's terminal"));

    let refused = run(site.command(&["create-owner-key", "--display-name", "two\nlines"]));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("--display-name"), "{}", refused.stderr);
}
