//! Several servers over one PostgreSQL database, and the key ring that they share.

use std::fs;
use std::path::Path;
use std::process::Command;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

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

/// A program of a later version was here, on whose schema programs can run that know so
/// many steps.
fn take_a_later_step(site: &Site, known_steps: u32) {
    site.sql("INSERT INTO schema_migration VALUES ('m9999_later', 0) ON CONFLICT DO NOTHING");
    site.sql(&format!("UPDATE schema_requirement SET known_steps = {known_steps}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_runs_on_a_newer_schema_only_where_the_two_are_compatible() {
    let site = Site::postgres().await;
    let mut server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    take_a_later_step(&site, 3);
    acme.web(&site.serve(&[])).sign_in().await;

    take_a_later_step(&site, 1_000);
    let too_old = "the database belongs to a newer gatehouse: run that version, or a newer one";
    for command in ["serve", "migrate", "create-owner-key"] {
        let line = refusal(site.command(&[command]));
        assert_eq!(line, format!("gatehouse: {too_old}\n"), "{command}");
    }
    // One that was there before says so, too, and is not ready any more.
    server.process.line("watching the database fails");
    let mut health = HealthClient::new(server.channel());
    let status = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(status.status(), ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_check_says_what_there_is_to_do_and_does_nothing() {
    let check = |site: &Site| run(site.command(&["migrate", "--check"]));
    let site = Site::sqlite();
    let ended = check(&site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(!site.data_dir().exists());

    let site = Site::postgres().await;
    let ended = check(&site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("is to be migrated: m0001_initial, "), "{}", ended.stderr);
    assert_eq!(run(site.command(&["migrate"])).code, Some(0));
    let ended = check(&site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "up to date\n"));
    let _server = site.serve(&[]);
    take_a_later_step(&site, 3);
    let ended = check(&site);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, "ahead, and this program can run on it\n");
    take_a_later_step(&site, 1_000);
    assert_eq!(check(&site).code, Some(1));

    site.sql("DELETE FROM schema_migration WHERE version >= 'm0003'");
    let ended = check(&site);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let line = "gatehouse: the database is to be migrated: m0003_replicas, m0004_pages, \
                m0005_foreign_hashes, m0006_keyed_chain\n";
    assert_eq!(ended.stderr, line);
    assert_eq!(refusal(site.command(&["keys", "list"])), line, "a look is no upgrade");
}
