//! `gatehouse admin audit tail`: what it prints while servers come and go, and how it ends.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use gatehouse_api::v1;
use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_test_tls::{Authority, ServerFiles};
use rustix::pipe::fcntl_getpipe_size;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::task::block_in_place;

use crate::metrics::scrape;
use crate::support::{Acme, Ended, Keyed, PORTAL, Server, Site, run, until};

type Admin = AdminServiceClient<Keyed>;

/// A tail that prints into a file.
struct Tail {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Tail {
    fn begin(site: &Site, server: &Server, arguments: &[&str]) -> Self {
        let [out, err] = ["tail.out", "tail.err"].map(|name| site.folder().join(name));
        let mut command = tail(site, server, arguments);
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { child: command.stdin(Stdio::null()).spawn().unwrap(), out, err }
    }

    /// Waits until so many lines are printed.
    fn lines(&self, count: usize) -> Vec<String> {
        let lines = || fs::read_to_string(&self.out).unwrap();
        block_in_place(|| until(|| lines().matches('\n').count() >= count));
        lines().lines().map(str::to_owned).collect()
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// How it ends.
    fn ended(mut self) -> Ended {
        let code = block_in_place(|| self.child.wait()).unwrap().code();
        let read = |file: &PathBuf| fs::read_to_string(file).unwrap();
        Ended { code, stdout: read(&self.out), stderr: read(&self.err) }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // Fails only for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its command, with the owner's key that [`set_up`] has left.
fn tail(site: &Site, server: &Server, arguments: &[&str]) -> std::process::Command {
    let mut command = site.command(&[&["admin", "audit", "tail"], arguments].concat());
    command
        .env("GATEHOUSE_ADMIN_SERVER", format!("http://{}", server.address))
        .env("GATEHOUSE_ADMIN_KEY_FILE", site.folder().join("owner.key"));
    command
}

async fn set_up(site: &Site, server: &Server) -> Acme {
    Acme::set_up(server, block_in_place(|| site.keep_owner_key())).await
}

/// Where the trail of new customers ends now.
async fn token(admin: &mut Admin) -> String {
    let request = v1::WatchAuditEventsRequest { filter: Some(filter()), ..Default::default() };
    let mut stream = admin.watch_audit_events(request).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap().resume_token
}

fn filter() -> v1::AuditEventFilter {
    let types = vec!["customer.created".to_owned()];
    v1::AuditEventFilter { resource: PORTAL.to_owned(), types, ..Default::default() }
}

const FILTER: [&str; 3] = ["acme", "--type", "customer.created"];

async fn create(admin: &mut Admin, names: &str, count: usize) {
    for n in 0..count {
        let email = format!("{names}{n}@example.com");
        let customer = Some(v1::Customer { email, ..Default::default() });
        let parent = PORTAL.to_owned();
        let request = v1::CreateCustomerRequest { parent, customer, ..Default::default() };
        admin.create_customer(request).await.unwrap();
    }
}

/// The names of all new customers' events but the first, in the order of their numbers.
fn numbered(site: &Site) -> Vec<String> {
    let sql = "SELECT 'auditEvents/' || id FROM audit_event
                WHERE kind = 'customer.created' ORDER BY number OFFSET 1";
    site.sql(sql).lines().map(str::to_owned).collect()
}

fn name(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["name"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_whose_server_is_killed_goes_on_without_a_gap_and_prints_nothing_twice() {
    let site = Site::postgres().await;
    let one = block_in_place(|| site.serve(&[]));
    let acme = set_up(&site, &one).await;
    let other = block_in_place(|| site.serve(&[]));
    let (mut of_one, mut of_other) = (acme.admin(&one), acme.admin(&other));
    // What happened just before would be told, too.
    let unnumbered = "SELECT count(*) FROM audit_event WHERE number IS NULL";
    block_in_place(|| until(|| site.sql(unnumbered) == "0\n"));
    let since = token(&mut of_one).await;
    let arguments = [&FILTER[..], &["--json", "--since-token", &since]].concat();
    let tail = Tail::begin(&site, &one, &arguments);
    tokio::join!(create(&mut of_one, "a", 10), create(&mut of_other, "b", 10));
    tail.lines(20);

    let address = one.address.to_string();
    block_in_place(|| one.process.kill());
    create(&mut of_other, "c", 10).await;
    let _one = block_in_place(|| site.serve(&["--listen", &address]));
    create(&mut of_other, "d", 10).await;
    let printed = tail.lines(40);
    let names: Vec<_> = printed.iter().map(|line| name(line)).collect();
    assert_eq!(names, numbered(&site));

    tail.interrupt();
    let ended = tail.ended();
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 40), "{}", ended.stderr);
    assert!(ended.stderr.contains("; going on\n"), "{}", ended.stderr);
    let (_, since) = ended.stderr.rsplit_once("to go on from here: --since-token ").unwrap();
    create(&mut of_other, "e", 1).await;
    let arguments = [&FILTER[..], &["--json", "--since-token", since.trim_end()]].concat();
    let printed = Tail::begin(&site, &other, &arguments).lines(1);
    assert_eq!(name(&printed[0]), numbered(&site)[40]);
    assert_eq!(printed.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_prints_a_table_and_ends_with_its_key() {
    let site = Site::sqlite();
    let server = block_in_place(|| site.serve(&[]));
    let acme = set_up(&site, &server).await;
    let mut admin = acme.admin(&server);
    let since = token(&mut admin).await;
    let tail = Tail::begin(&site, &server, &[&FILTER[..], &["--since-token", &since]].concat());
    create(&mut admin, "a", 1).await;
    let printed = tail.lines(2);
    assert!(printed[0].starts_with("TIME                  EVENT  "), "{}", printed[0]);
    let told: Vec<_> = printed[1].split_whitespace().collect();
    assert_eq!(told[1], "customer.created");
    assert!(told[2].starts_with("portals/acme/customers/"), "{}", printed[1]);

    let listed = admin.list_api_keys(v1::ListApiKeysRequest::default()).await.unwrap().into_inner();
    let owner = listed.api_keys.into_iter().find(|key| key.display_name == "owner").unwrap();
    admin.revoke_api_key(v1::RevokeApiKeyRequest { name: owner.name }).await.unwrap();
    let ended = tail.ended();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("(ERROR_REASON_API_KEY_INVALID)"), "{}", ended.stderr);
}

/// Its headings are one line too many for the pipe.
#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_waits_for_its_reader_ends_when_it_is_interrupted() {
    let site = Site::sqlite();
    let mut server = block_in_place(|| site.serve(&["--metrics-listen", "127.0.0.1:0"]));
    let line = server.process.line("serving metrics, in plain HTTP address=");
    let metrics = line.rsplit_once('=').unwrap().1;
    set_up(&site, &server).await;
    let (_unread, out) = io::pipe().unwrap();
    let held = vec![b'x'; fcntl_getpipe_size(&out).unwrap()];
    block_in_place(|| (&out).write_all(&held)).unwrap();
    let mut command = tail(&site, &server, &FILTER);
    let err = out.try_clone().unwrap();
    let mut full = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
    block_in_place(|| until(|| scrape(metrics).contains("\ngatehouse_audit_watchers 1\n")));
    kill_process(Pid::from_child(&full), Signal::INT).unwrap();
    // Nor is it kept by what it would say at its end.
    assert_eq!(block_in_place(|| full.wait()).unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_whose_server_with_tls_is_killed_says_what_happened() {
    let site = Site::sqlite();
    let files = ServerFiles::in_folder(site.folder());
    let servers = Authority::new("servers");
    files.write(&servers.server());
    let ca = site.folder().join("ca.pem");
    fs::write(&ca, servers.pem()).unwrap();
    block_in_place(|| site.keep_owner_key());
    let [certificate, key] = [&files.certificate, &files.key].map(|path| path.to_str().unwrap());
    let server =
        block_in_place(|| site.serve(&["--tls-certificate", certificate, "--tls-key", key]));
    let url = format!("https://{}", server.address);
    let arguments = ["--server", &url, "--ca-file", ca.to_str().unwrap()];
    let tail = Tail::begin(&site, &server, &arguments);
    tail.lines(1);
    block_in_place(|| server.process.kill());
    let told = || fs::read_to_string(&tail.err).unwrap();
    block_in_place(|| until(|| told().contains('\n')));
    let lost = "the connection failed: the server ended it, or was ended; going on\n";
    assert!(told().starts_with(lost), "{}", told());
    tail.interrupt();
    assert_eq!(tail.ended().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_nobody_reads_ends_and_one_that_is_refused_says_why() {
    let site = Site::sqlite();
    let server = block_in_place(|| site.serve(&[]));
    set_up(&site, &server).await;
    let mut command = tail(&site, &server, &FILTER);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut unread = command.spawn().unwrap();
    // Nothing happens that it could fail to print.
    drop(unread.stdout.take());
    assert_eq!(block_in_place(|| unread.wait()).unwrap().code(), Some(0));

    let refused = |arguments: &[&str], told: &str| {
        let ended = block_in_place(|| run(tail(&site, &server, arguments)));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    };
    refused(&["--since-token", "x"], "resume_token: must come from");
    refused(&["--type", "A!"], "filter.types[0]: ");
    refused(&["acme/eve@example.com"], "nobody at portals/acme has the address");
    let away = block_in_place(|| site.serve(&[]));
    let address = away.address;
    block_in_place(|| away.process.kill());
    refused(&["--server", &format!("http://{address}")], "no server answers at http://");
}
