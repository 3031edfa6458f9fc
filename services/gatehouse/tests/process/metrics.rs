//! The port of metrics, as the program opens and closes it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use gatehouse_test_tls::{Authority, ServerFiles};

use crate::support::{Acme, Process, Site, run, until};

const ANY_PORT: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

pub fn scrape(address: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nhost: metrics\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_from_the_start_to_the_end() {
    let site = Site::sqlite();
    let mut server = site.serve(&ANY_PORT);
    let line = server.process.line("serving metrics, in plain HTTP address=");
    let address = line.rsplit_once('=').unwrap().1;
    let acme = Acme::set_up(&server, site.owner_key()).await;
    acme.web(&server).sign_in().await;
    let answer = scrape(address);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for series in [
        "gatehouse_ready 1\n",
        "gatehouse_audit_events_total{reason=\"\",type=\"sign_in.password_verified\"} 1\n",
        "method=\"VerifyPassword\",reason=\"\",service=\"gatehouse.v1.PortalAuthService\"} 1\n",
    ] {
        assert!(answer.contains(series), "{series} in {answer}");
    }
    let silent = TcpStream::connect(address).unwrap();
    server.process.terminate();
    assert_eq!(server.process.ended().code, Some(0));
    TcpStream::connect(address).unwrap_err();
    drop(silent);
}

#[test]
fn the_end_of_the_certificate_in_use_is_told_and_follows_its_file() {
    const NAME: &str = "gatehouse_tls_certificate_not_after_timestamp_seconds";

    let site = Site::sqlite();
    let files = ServerFiles::in_folder(site.folder());
    let servers = Authority::new("servers");
    files.write(&servers.server_until(2_000_000_000));
    let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().unwrap());
    let tls = ["--tls-certificate", certificate, "--tls-key", key];
    let mut server = site.serve(&[&ANY_PORT[..], &tls].concat());
    let line = server.process.line("serving metrics, in plain HTTP address=");
    let address = line.rsplit_once('=').unwrap().1;
    assert!(scrape(address).contains(&format!("\n{NAME} 2000000000\n")));
    files.write(&servers.server_until(2_100_000_000));
    until(|| scrape(address).contains(&format!("\n{NAME} 2100000000\n")));
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let site = Site::sqlite();
    let ended = run(site.command(&["serve", "--metrics-listen", &address]));
    assert_eq!(ended.code, Some(1));
    let last = ended.stderr.lines().last().unwrap();
    let said = format!("gatehouse: cannot listen on {address}, which metrics_listen asks for: ");
    assert!(last.starts_with(&said), "{last}");
}

#[test]
fn nothing_listens_that_was_not_asked_for() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    server.process.terminate();
    let ended = Process::ended(server.process);
    assert!(!ended.stderr.contains("metrics"), "{}", ended.stderr);
}

#[test]
fn an_address_that_is_none_is_refused_by_its_setting() {
    let site = Site::sqlite();
    let ended = run(site.command(&["serve", "--metrics-listen", "9464"]));
    assert_eq!(ended.code, Some(2));
    let said = "metrics_listen (from --metrics-listen): ";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}
