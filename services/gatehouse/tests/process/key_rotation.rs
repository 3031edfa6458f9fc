//! `gatehouse keys`, beside servers that serve.

use std::fs;
use std::path::Path;
use std::process::Command;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason;

use crate::support::{Acme, Ended, PASSWORD, Process, Server, Site, refused, run, session, until};

on_each_database! {
    every_sign_in_works_while_keys_rotate,
    a_key_that_nothing_needs_is_retired,
}

const OLD: &str = "00000001";
const NEW: &str = "00000002";

fn keys(site: &Site, arguments: &[&str]) -> Ended {
    run(site.command(&[&["keys"], arguments, &["--log", "error"]].concat()))
}

/// Runs a command that succeeds; gives what it prints.
fn done(site: &Site, arguments: &[&str]) -> String {
    let ended = keys(site, arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    ended.stdout
}

/// The line on standard error of a command that changes nothing.
fn refusal(site: &Site, arguments: &[&str]) -> String {
    let ended = keys(site, arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    ended.stderr
}

/// The words of a key's line in the list: id, role, servers, sealed, API keys, passing.
fn status(site: &Site, key: &str) -> Vec<String> {
    let list = done(site, &["list"]);
    let line = list.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{list}"));
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Waits until `servers` of all servers have this key.
fn until_known(site: &Site, key: &str, servers: &str) {
    until(|| status(site, key)[2] == servers);
}

fn promote(site: &Site, server: &mut Server) {
    until_known(site, NEW, "1/1");
    done(site, &["promote", NEW]);
    server.process.line(&format!("the key ring has changed primary={NEW}"));
}

async fn every_sign_in_works_while_keys_rotate(site: Site) {
    let mut server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    let ana = web.enroll(&web.sign_in().await.token).await;
    let mut codes = ana.backup_codes.iter();
    let mut sign_in = async || {
        let signed_in = web.sign_in_with_backup_code(codes.next().unwrap()).await.unwrap();
        session(&signed_in)
    };
    let before = sign_in().await;
    let started = web.start().await.unwrap();

    assert_eq!(done(&site, &["add"]), format!("{NEW}\n"));
    let added = sign_in().await;
    promote(&site, &mut server);
    let promoted = sign_in().await;
    // A password, a secret, and five codes, used or not.
    until(|| status(&site, OLD)[3] == "0");
    assert_eq!(status(&site, NEW)[..4], [NEW, "primary", "1/1", "7"]);
    sign_in().await;
    let proven = web.password(&started.token, PASSWORD).await.unwrap();
    web.totp(&proven.token, &ana.phone.second_code()).await.unwrap();
    for token in [&ana.session, &before, &added, &promoted] {
        web.validate(token).await.unwrap();
    }

    let line = refusal(&site, &["retire", OLD]);
    let start = format!("gatehouse: the key {OLD} is still needed by 0 sealed values, ");
    assert!(line.starts_with(&start), "{line}");
    drop(server);
    acme.web(&site.serve(&[])).validate(&before).await.unwrap();
}

async fn a_key_that_nothing_needs_is_retired(site: Site) {
    let mut server = site.serve(&[]);
    let owner_key = site.owner_key();
    done(&site, &["add"]);
    promote(&site, &mut server);
    let line = refusal(&site, &["retire", OLD]);
    assert!(line.contains("1 API keys"), "{line}");
    let kept = fs::read_to_string(site.data_dir().join("keyring")).unwrap();

    // With its first use the owner's key moves to the new one; so does what it makes.
    let acme = Acme::set_up(&server, owner_key).await;
    assert_eq!(done(&site, &["retire", OLD]), "");
    server.process.line(&format!("the key ring has changed primary={NEW}"));
    assert!(!done(&site, &["list"]).contains(OLD));
    // What is left of the old key verifies what was chained under it, and does nothing else.
    let ring = site.data_dir().join("keyring");
    let left = fs::read_to_string(&ring).unwrap();
    assert!(left.contains(&format!("\nchain {OLD} ")) && !left.contains(&format!("other {OLD}")));
    let verify = || run(site.command(&["audit", "verify", "--log", "error"]));
    assert_eq!(verify().code, Some(0), "{}", verify().stdout);
    acme.web(&server).enroll(&acme.web(&server).sign_in().await.token).await;
    drop(server);
    let server = site.serve(&[]);
    acme.web(&server).sign_in().await;
    drop(server);

    // A copy of the ring that still has the key is good, and its number is not given again.
    fs::write(&ring, &kept).unwrap();
    let mut server = site.serve(&[]);
    assert_eq!(verify().code, Some(0), "{}", verify().stdout);
    acme.web(&server).sign_in().await;
    assert_eq!(done(&site, &["add"]), "00000003\n");
    assert_eq!(
        refusal(&site, &["promote", OLD]),
        format!("gatehouse: the key {OLD} has been retired\n")
    );

    // One by which it would seal is not.
    let before = kept.replace("other", "primary of old").replace("primary 0", "other 0");
    fs::write(&ring, before.replace("primary of old", "primary")).unwrap();
    let line = server.process.line("following the key ring fails");
    let retired =
        format!("the primary key {OLD} of the key ring {} has been retired", ring.display());
    assert!(line.contains(&retired), "{line}");
    drop(server);
    let ended = run(site.command(&["serve", "--log", "error"]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&retired), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_while_its_key_was_retired_stops_using_it() {
    let site = Site::postgres().await;
    let mut server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    // As others do it who have not heard of this one for a while.
    site.sql("UPDATE key_canary SET retired_at = 1");
    let line = server.process.line("watching the database fails");
    assert!(line.contains(&format!("the primary key {OLD} has been retired")), "{line}");
    let refusal = refused(acme.web(&server).start().await);
    assert_eq!(refusal.reason, ErrorReason::StoreUnavailable.as_str_name());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_while_another_key_was_promoted_calls_nothing_invalid() {
    let site = Site::postgres().await;
    let mut server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    site.sql("INSERT INTO key_canary (key_id, sealed, sealing_since_at) VALUES (9, 'x', 1)");
    let line = server.process.line("watching the database fails");
    assert!(line.contains("this server's key ring lacks the key 00000009"), "{line}");
    // What others made meanwhile this one would not find.
    let unknown = Acme { portal_key: format!("ghp_{}", "A".repeat(43)), ..acme };
    let refusal = refused(unknown.web(&server).start().await);
    assert_eq!(refusal.reason, ErrorReason::StoreUnavailable.as_str_name());
    site.sql("DELETE FROM key_canary WHERE key_id = 9");
    server.process.line("watching the database works again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_is_no_file_any_more_holds_up_nobody() {
    let site = Site::sqlite();
    let mut server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let ring = site.data_dir().join("keyring");
    fs::remove_file(&ring).unwrap();
    assert!(Command::new("mkfifo").arg(&ring).status().unwrap().success());
    server.process.line("following the key ring fails");
    acme.web(&server).sign_in().await;
    server.process.terminate();
    assert_eq!(server.process.ended().code, Some(0));
}

#[test]
fn a_new_key_that_was_lost_before_it_sealed_is_missed_by_nobody() {
    let site = Site::sqlite();
    site.owner_key();
    let ring = site.data_dir().join("keyring");
    let before = fs::read_to_string(&ring).unwrap();
    assert_eq!(done(&site, &["add"]), format!("{NEW}\n"));
    fs::write(&ring, before).unwrap();
    site.serve(&[]);
    assert_eq!(done(&site, &["add"]), "00000003\n");
}

#[test]
fn keys_that_are_added_at_once_are_all_there() {
    let site = Site::sqlite();
    site.owner_key();
    let add = || Process::spawn(site.command(&["keys", "add", "--log", "error"]));
    let mut added: Vec<_> = [(); 4].map(|()| add()).map(|one| one.ended().stdout).into();
    added.sort_unstable();
    assert_eq!(added, [2, 3, 4, 5].map(|id| format!("{id:08x}\n")));
    let list = done(&site, &["list"]);
    assert!(added.iter().all(|id| list.contains(id.trim_end())), "{list}");
}

fn copy_ring(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_promoted_that_a_server_lacks_nor_retired_while_one_seals_with_it() {
    let site = Site::postgres().await;
    let ring = site.data_dir().join("keyring");
    let other_ring = site.folder().join("other-keyring");
    let _one = site.serve(&[]);
    copy_ring(&ring, &other_ring);
    let mut other = site.serve(&["--key-ring", other_ring.to_str().unwrap()]);
    let owner_key = site.owner_key();
    until_known(&site, OLD, "2/2");
    let line = other.process.line("the id by which `gatehouse keys` names this server server=");
    let id = line.rsplit_once('=').unwrap().1.to_owned();

    done(&site, &["add"]);
    until_known(&site, NEW, "1/2");
    let line = refusal(&site, &["promote", NEW]);
    assert!(line.contains(&format!("the server {id} does not have the key {NEW} yet")), "{line}");
    copy_ring(&ring, &other_ring);
    until_known(&site, NEW, "2/2");
    done(&site, &["promote", NEW]);

    let line = refusal(&site, &["retire", OLD]);
    assert!(line.contains(&format!("still seals under the key {OLD}")), "{line}");
    copy_ring(&ring, &other_ring);
    other.process.line(&format!("the key ring has changed primary={NEW}"));
    let mut admin = Acme::set_up(&other, owner_key).await.admin(&other);
    done(&site, &["retire", OLD]);
    // The ring of the other still has the key, and does no harm.
    let list = v1::ListPortalsRequest::default();
    assert_eq!(admin.list_portals(list).await.unwrap().into_inner().portals.len(), 1);

    other.process.terminate();
    assert_eq!(other.process.ended().code, Some(0));
    assert_eq!(status(&site, NEW)[2], "1/1", "who ends says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_cannot_be_used_leaves_the_server_with_the_one_it_has() {
    let site = Site::sqlite();
    let mut server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let ring = site.data_dir().join("keyring");
    let good = fs::read_to_string(&ring).unwrap();
    for bad in ["", "primary hunter2", &good.replace(OLD, "00000007")] {
        fs::write(&ring, bad).unwrap();
        let line = server.process.line("following the key ring fails");
        assert!(!line.contains("hunter2"), "{line}");
        acme.web(&server).sign_in().await;
        fs::write(&ring, &good).unwrap();
        server.process.line("following the key ring works again");
    }
}

#[test]
fn keys_that_are_not_there_or_seal_are_named() {
    let site = Site::sqlite();
    let line = refusal(&site, &["list"]);
    assert!(line.contains("no database that gatehouse has used"), "{line}");
    assert!(!site.data_dir().exists());
    site.owner_key();
    for command in ["promote", "retire"] {
        let line = refusal(&site, &[command, "00000009"]);
        assert_eq!(line, "gatehouse: the key ring has no key 00000009\n");
        let line = refusal(&site, &[command, OLD]);
        assert_eq!(line, format!("gatehouse: the key {OLD} is the primary one\n"));
        let ended = keys(&site, &[command, "one"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains("8 lower-case hexadecimal digits"), "{}", ended.stderr);
    }
}
