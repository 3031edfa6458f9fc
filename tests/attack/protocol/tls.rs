//! TLS, and those who would not get through it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::ApiKeyInvalid;
use gatehouse_test_tls::{Authority, Client, ServerFiles, replace};
use gatehouse_tests::frames::{End, Frames, PREFACE, SETTINGS, frame_of};
use gatehouse_tests::{Admin, Answer, Program, Refusal, refused};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For an end that comes by itself after 5 s at the latest.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first byte of a record (RFC 8446, section 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// What an alert says (section 6).
const PROTOCOL_VERSION: u8 = 70;

/// A program that speaks TLS, and those who make certificates for it.
struct Ground {
    program: Program,
    servers: Authority,
    clients: Authority,
    _folder: TempDir,
}

impl Ground {
    /// One that lets every client in.
    fn new() -> Self {
        Self::with(false)
    }

    /// One that lets in who has a certificate.
    fn for_known_clients() -> Self {
        Self::with(true)
    }

    fn with(only_known_clients: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = ServerFiles::in_folder(folder.path());
        let [servers, clients] = ["servers", "clients"].map(Authority::new);
        files.write(&servers.server());
        replace(&files.client_ca, &clients.pem());
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let mut flags =
            vec![flag("tls-certificate", &files.certificate), flag("tls-key", &files.key)];
        if only_known_clients {
            flags.push(flag("tls-client-ca", &files.client_ca));
        }
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let program = Program::serve(env!("CARGO_BIN_EXE_gatehouse-for-tests"), &flags);
        Self { program, servers, clients, _folder: folder }
    }

    fn address(&self) -> SocketAddr {
        self.program.address
    }

    /// A client without a certificate.
    fn client(&self) -> Client {
        Client::new(&self.servers, None)
    }

    /// A client with a certificate that the server knows.
    fn known(&self) -> Client {
        Client::new(&self.servers, Some(&self.clients.client()))
    }

    /// An administrator, on a connection that is made now.
    async fn admin(&self, client: &Client) -> Admin {
        let channel = timeout(PATIENCE, client.connect(self.address())).await;
        let channel = channel.expect("an end in time").expect("a connection");
        self.program.admin_on(channel, self.program.owner_key())
    }

    /// Holds the server to answer somebody who comes now.
    async fn assert_others_are_answered(&self) {
        list_portals(&self.admin(&self.client()).await).await.unwrap();
    }

    /// Says `bytes` without TLS.
    async fn say(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Why a client is not let in. In TLS 1.3 it learns so after its own part is done.
    async fn refusal(&self, client: &Client) -> String {
        let error = match client.tls(self.address()).await {
            Err(error) => error,
            Ok(mut stream) => {
                let read = timeout(PATIENCE, stream.read_u8()).await;
                read.expect("an end in time").unwrap_err()
            }
        };
        error.to_string()
    }
}

async fn list_portals(admin: &Admin) -> Answer<()> {
    admin.client().list_portals(v1::ListPortalsRequest::default()).await.map(drop)
}

/// What the server says until it ends the connection.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // It may be reset with what was not read any more.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("an end in time");
    rest
}

/// A record with a ClientHello of a version (RFC 5246, section 7.4.1.2).
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    // Signatures by ECDSA with P-256 and SHA-256 and by RSA, and the group P-256.
    let extensions = b"\x00\x0d\x00\x06\x00\x04\x04\x03\x04\x01\x00\x0a\x00\x04\x00\x02\x00\x17";
    let mut hello = version.to_vec();
    hello.extend_from_slice(&[7; 32]);
    // No session; two cipher suites, one of which TLS 1.2 has too; no compression.
    hello.extend_from_slice(b"\x00\x00\x04\xc0\x09\xc0\x2b\x01\x00");
    hello.extend_from_slice(&u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend_from_slice(extensions);
    let length = u32::try_from(hello.len()).unwrap().to_be_bytes();
    record(&[&[1], &length[1..], &hello].concat())
}

fn record(handshake: &[u8]) -> Vec<u8> {
    let length = u16::try_from(handshake.len()).unwrap().to_be_bytes();
    [&[HANDSHAKE, 3, 1], &length[..], handshake].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_tls_is_told_so_and_others_are_answered() {
    let ground = Ground::new();
    let mut plaintext = Frames::silent(ground.address()).await;
    plaintext.write(&[PREFACE, &frame_of(SETTINGS, 0, 0, &[])].concat()).await;
    assert_eq!(plaintext.end().await, End::Closed);
    for said in [PREFACE, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", &[0; 64], &[0xff; 4096]] {
        let end = rest(ground.say(said).await).await;
        assert!(end.is_empty() || end[0] == ALERT, "{end:?}");
    }
    ground.assert_others_are_answered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_and_other_protocols_are_refused() {
    let ground = Ground::new();
    for version in [[3, 0], [3, 1], [3, 2]] {
        let end = rest(ground.say(&client_hello(version)).await).await;
        let [ALERT, _, _, 0, 2, 2, PROTOCOL_VERSION] = end[..] else { panic!("{end:?}") };
    }
    // The same is understood in the version that is spoken.
    let mut hello = ground.say(&client_hello([3, 3])).await;
    assert_eq!(hello.read_u8().await.unwrap(), HANDSHAKE);

    for protocols in [&[&b"http/1.1"[..]][..], &[b"h3", b"h2c"], &[]] {
        let client = ground.client().asking_for(protocols);
        let refusal = ground.refusal(&client).await;
        let expected = if protocols.is_empty() { "eof" } else { "NoApplicationProtocol" };
        assert!(refusal.contains(expected), "{refusal}");
    }
    ground.assert_others_are_answered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_certificate_of_the_right_ca_is_let_in() {
    let ground = Ground::for_known_clients();
    let with = |identity| Client::new(&ground.servers, Some(&identity));
    for (client, alert) in [
        (ground.client(), "CertificateRequired"),
        (with(Authority::new("other clients").client()), "UnknownCA"),
        // One of the same name with another key.
        (with(Authority::new("clients").client()), "DecryptError"),
        (with(ground.servers.client()), "UnknownCA"),
        (with(ground.clients.client_until(1_600_000_000)), "CertificateExpired"),
        (with(ground.clients.server()), "UnsupportedCertificate"),
    ] {
        let refusal = ground.refusal(&client).await;
        assert!(refusal.contains(alert), "{alert}: {refusal}");
    }
    list_portals(&ground.admin(&ground.known()).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_stands_in_for_no_key() {
    let ground = Ground::for_known_clients();
    let channel = ground.known().connect(ground.address()).await.unwrap();
    let stranger = ground.program.admin_on(channel, "gha_stranger");
    let refusal = refused(list_portals(&stranger).await);
    assert_eq!(refusal, Refusal::of(ApiKeyInvalid));
}

/// Slowloris. Each is cut off after 5 s (`service::server::connection::tests`).
#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_stall_keep_nobody_waiting() {
    let ground = Ground::new();
    let calm = ground.program.forget_peak();
    let hello = client_hello([3, 3]);
    let mut stalled = Vec::new();
    for n in 0..200 {
        // Nothing, half a hello, all of it.
        stalled.push(ground.say(&hello[..hello.len() * (n % 3) / 2]).await);
    }
    assert!(ground.program.usage().open_files > 100);
    ground.assert_others_are_answered().await;
    drop(stalled);
    let grown = ground.program.usage().peak_kib - calm.resident_kib;
    assert!(grown < 16 * 1024, "{grown} KiB");
}

/// A handshake message of 64 KiB, of which the last part never comes.
#[tokio::test(flavor = "multi_thread")]
async fn handshakes_without_end_fill_no_more_than_64_kib_each() {
    let ground = Ground::new();
    let calm = ground.program.forget_peak();
    let mut part = record(&[&b"\x01\x00\xff\xff"[..], &[0; 16_000]].concat());
    for _ in 0..2 {
        part.extend_from_slice(&record(&[0; 16_000]));
    }
    let mut endless = Vec::new();
    for _ in 0..100 {
        endless.push(ground.say(&part).await);
    }
    ground.assert_others_are_answered().await;
    // One that is longer than any is ended.
    let long = record(&[&b"\x01\x02\x00\x00"[..], &[0; 1_000]].concat());
    let end = rest(ground.say(&long).await).await;
    assert!(end.is_empty() || end[0] == ALERT, "{end:?}");
    let grown = ground.program.usage().peak_kib - calm.resident_kib;
    assert!(grown < 24 * 1024, "{grown} KiB");
    drop(endless);
}
