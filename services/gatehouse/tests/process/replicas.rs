//! Several servers over one PostgreSQL database, and the key ring that they share.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Acme, PASSWORD, Process, Server, Site, run};

/// `command` over the database of `site`, with the key ring at `ring`.
fn with_ring(site: &Site, ring: &Path, command: &str) -> Command {
    let mut command = site.command(&[command]);
    command.env("GATEHOUSE_KEY_RING", ring);
    command
}

/// The line on standard error of a server that does not start.
fn refusal(command: Command) -> String {
    let ended = run(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    ended.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn two_started_at_once_on_an_empty_database_make_one_ring_and_serve_as_one() {
    let site = Site::postgres().await;
    let ring = site.folder().join("keyring");
    let starting = [(); 2].map(|()| Process::spawn(with_ring(&site, &ring, "serve")));
    let [one, other] = starting.map(Server::of);

    let made = run(with_ring(&site, &ring, "create-owner-key"));
    let acme = Acme::set_up(&one, made.stdout.trim_end().to_owned()).await;
    // Started on one, proven on the other, finished on the first.
    let started = acme.web(&one).start().await.unwrap();
    let proven = acme.web(&other).password(&started.token, PASSWORD).await.unwrap();
    let enrolled = acme.web(&one).enroll(&proven.token).await;
    acme.web(&other).validate(&enrolled.session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_ring_is_refused() {
    let site = Site::postgres().await;
    let _server = site.serve(&[]);
    let elsewhere = Site::sqlite();
    elsewhere.owner_key();
    let other = elsewhere.data_dir().join("keyring");
    let line = refusal(with_ring(&site, &other, "serve"));
    let start = format!(
        "gatehouse: the key ring {} is not the one that this database is used with;",
        other.display()
    );
    assert!(line.starts_with(&start), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_ring_is_refused_on_a_used_database_and_makes_none() {
    let site = Site::postgres().await;
    let _server = site.serve(&[]);
    let missing = site.folder().join("keyring");
    let line = refusal(with_ring(&site, &missing, "serve"));
    assert!(line.contains(&format!("put it back at {}", missing.display())), "{line}");
    assert!(!fs::exists(missing).unwrap());
}
