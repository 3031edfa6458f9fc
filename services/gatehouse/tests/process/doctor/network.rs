//! TLS and the ports.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use gatehouse::clock::Clock;
use gatehouse_test_tls::{Authority, ServerFiles, replace};

use super::Visit;
use crate::support::{Site, until};

const DAY: i64 = 24 * 60 * 60;

/// So many days from now.
fn in_days(days: i64) -> i64 {
    // It takes its time until somebody looks.
    Clock::system().now().as_seconds() + days * DAY + DAY / 2
}

fn flags(files: &ServerFiles) -> [&str; 4] {
    let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().unwrap());
    ["--tls-certificate", certificate, "--tls-key", key]
}

#[test]
fn a_certificate_is_for_a_server_and_of_today() {
    let site = Site::sqlite();
    let files = ServerFiles::in_folder(site.folder());
    let servers = Authority::new("servers");
    let visit = || Visit::of(&site, &flags(&files));
    visit().tells("tls", "error", "tls_certificate: cannot read ");
    files.write(&servers.server_until(in_days(31)));
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    visit().tells("tls", "ok", "for localhost, 127.0.0.1, ends in 31 days, at ");
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o604)).unwrap();
    visit().tells("tls", "error", "every user of this machine may read or write ");

    for (identity, level, told) in [
        (servers.server_until(in_days(29)), "warning", "ends in 29 days"),
        (servers.server_until(in_days(6)), "error", "ends in 6 days"),
        (servers.server_until(1_600_000_000), "error", "ended at Sep 13"),
        (servers.server_from(3_900_000_000), "error", "begins at Aug "),
        (servers.client(), "error", "is for no name: every client refuses it"),
        (servers.client(), "error", "is not for a server"),
        (servers.server_and_ca(), "warning", "is a CA's: some clients"),
    ] {
        files.write(&identity);
        visit().tells("tls", level, told);
    }
    let mut chain = servers.server();
    chain.certificate.push_str(&Authority::new("others").pem());
    files.write(&chain);
    visit().tells("tls", "warning", "a certificate is not followed by that of its CA");
    // What it comes from counts, too.
    let ending = Authority::until("ending", in_days(3));
    let mut chain = ending.server();
    chain.certificate.push_str(&ending.pem());
    files.write(&chain);
    visit().tells("tls", "error", "ends in 3 days");
    replace(&files.key, &servers.server().key);
    visit().tells("tls", "error", "is not that of the certificate in ");
}

#[test]
fn cas_of_clients_are_looked_at() {
    let site = Site::sqlite();
    let files = ServerFiles::in_folder(site.folder());
    files.write(&Authority::new("servers").server());
    let client_ca = ["--tls-client-ca", files.client_ca.to_str().unwrap()];
    for (ends, level, told) in [
        (in_days(40), "ok", "CAs of clients: 2"),
        (in_days(20), "warning", "CN=ending ends in 20 days"),
        (in_days(5), "error", "CN=ending ends in 5 days"),
        (1_600_000_000, "error", "CN=ending ended at Sep 13"),
    ] {
        let both = [Authority::new("lasting").pem(), Authority::until("ending", ends).pem()];
        replace(&files.client_ca, &both.concat());
        let visit = Visit::of(&site, &[&flags(&files)[..], &client_ca].concat());
        visit.tells("client ca", level, told);
    }
    replace(&files.client_ca, "");
    let visit = Visit::of(&site, &[&flags(&files)[..], &client_ca].concat());
    visit.tells("tls", "error", "tls_client_ca: ");
}

#[test]
fn who_listens_beyond_this_machine_has_tls_or_asks_for_plaintext() {
    let site = Site::sqlite();
    Visit::of(&site, &[]).tells("tls", "ok", "none, and only this machine reaches");
    let public = ["--listen", "0.0.0.0:0"];
    Visit::of(&site, &public).tells("tls", "error", "there is no TLS: a server does not start");
    let allowed = [&public[..], &["--allow-plaintext", "true"]].concat();
    Visit::of(&site, &allowed).tells("tls", "warning", "as allow_plaintext asks for");
}

#[test]
fn a_port_is_free_or_a_gatehouse_has_it() {
    let site = Site::sqlite();
    let mut server = site.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let listen = server.address.to_string();
    let line = server.process.line("serving metrics, in plain HTTP address=");
    let metrics = line.rsplit_once('=').unwrap().1;
    let at = ["--listen", &listen, "--metrics-listen", metrics];
    let visit = Visit::of(&site, &at);
    visit.tells("listen", "ok", &format!("a gatehouse serves at {listen}"));
    visit.tells("metrics", "ok", &format!("a gatehouse serves metrics at {metrics}"));
    let swapped = Visit::of(&site, &["--listen", metrics, "--metrics-listen", &listen]);
    swapped.tells("listen", "error", "something that is no gatehouse has ");
    swapped.tells("metrics", "error", "that gives no metrics of gatehouse");
    drop(server.process.kill());

    let free = Visit::of(&site, &at);
    free.tells("listen", "ok", "is free: no server runs here");
    free.tells("metrics", "ok", "is free");
    let one = Visit::of(&site, &["--listen", &listen, "--metrics-listen", &listen]);
    one.tells("metrics", "error", "listen and metrics_listen are both");
    // Nobody has this address: RFC 5737.
    let foreign = Visit::of(&site, &["--listen", "192.0.2.1:50051"]);
    foreign.tells("listen", "error", "192.0.2.1:50051 cannot be had: ");

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = other.local_addr().unwrap().to_string();
    thread::spawn(move || other.incoming().for_each(drop));
    let taken = Visit::of(&site, &["--listen", &listen, "--metrics-listen", &listen]);
    taken.tells("listen", "error", "something that is no gatehouse has ");
    taken.tells("metrics", "error", "that gives no metrics of gatehouse");
}

#[test]
fn who_has_a_port_and_says_nothing_may_be_a_gatehouse_that_is_full() {
    let site = Site::sqlite();
    // The system takes connections in its place, as for a gatehouse that takes no more.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = silent.local_addr().unwrap().to_string();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = other.local_addr().unwrap().to_string();
    let visit = Visit::of(&site, &["--listen", &listen, "--metrics-listen", &metrics]);
    for (check, at) in [("listen", &listen), ("metrics", &metrics)] {
        let (_, found, cure) = visit.tells(check, "error", "that is full, frozen or starting");
        assert!(found.contains(at) && found.contains("within 2 s"), "{found}");
        assert!(cure.contains("restart it only if it is frozen"), "{cure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gatehouse_that_is_not_ready_is_told_of() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    let listen = server.address.to_string();
    site.set_for_new_connections("default_transaction_read_only", "on");
    until(|| {
        let visit = Visit::of(&site, &["--listen", &listen]);
        visit.findings["listen"][0].1.contains("NOT_SERVING")
    });
}

#[test]
fn a_gatehouse_with_tls_is_asked_by_its_own_name() {
    let site = Site::sqlite();
    let files = ServerFiles::in_folder(site.folder());
    let [servers, clients] = ["servers", "clients"].map(Authority::new);
    files.write(&servers.server_named("gatehouse.example.com"));
    replace(&files.client_ca, &clients.pem());
    let ca = site.folder().join("ca.pem");
    replace(&ca, &servers.pem());
    let ca = ["--ca-file", ca.to_str().unwrap()];

    let server = site.serve(&flags(&files));
    let listen = server.address.to_string();
    let at = [&flags(&files)[..], &["--listen", &listen]].concat();
    let known = Visit::of(&site, &[&at[..], &ca].concat());
    known.tells("listen", "ok", "a gatehouse serves at ");
    let clients = ["--ca-file", files.client_ca.to_str().unwrap()];
    let unknown = Visit::of(&site, &[&at[..], &clients].concat());
    unknown.tells("listen", "warning", "its certificate comes from no CA that is trusted here");
    drop(server);

    let client_ca = ["--tls-client-ca", files.client_ca.to_str().unwrap()];
    let server = site.serve(&[&flags(&files)[..], &client_ca].concat());
    let listen = server.address.to_string();
    let at = [&flags(&files)[..], &client_ca, &["--listen", &listen], &ca].concat();
    let told = "a server with this certificate is at ";
    Visit::of(&site, &at).tells("listen", "ok", told);
}
