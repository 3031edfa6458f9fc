//! Certificates in files, replaced while the program serves; and no plaintext beyond this machine
//! that nobody asked for.

use std::cell::Cell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;

use gatehouse_api::v1;
use gatehouse_test_tls::{Authority, Client, ServerFiles, replace};
use tonic::transport::Channel;

use crate::support::{Acme, Server, Site, run};

const CHANGED: &str = "the TLS files have changed";
const FAILS: &str = "following the TLS certificate fails";
const WORKS: &str = "following the TLS certificate works again";

/// A site with TLS, and who made its certificates.
struct Certified {
    site: Site,
    files: ServerFiles,
    authority: Authority,
    clients: Authority,
}

impl Certified {
    fn new() -> Self {
        let site = Site::sqlite();
        let files = ServerFiles::in_folder(site.folder());
        let [authority, clients] = ["servers", "clients"].map(Authority::new);
        files.write(&authority.server());
        replace(&files.client_ca, &clients.pem());
        Self { site, files, authority, clients }
    }

    /// A server that lets every client in.
    fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// One that lets in who has a certificate.
    fn serve_known_clients(&self) -> Server {
        self.serve_with(&["--tls-client-ca", self.files.client_ca.to_str().unwrap()])
    }

    fn serve_with(&self, flags: &[&str]) -> Server {
        self.site.serve(&[&self.flags(), flags].concat())
    }

    fn flags(&self) -> [&str; 4] {
        let ServerFiles { certificate, key, .. } = &self.files;
        let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap());
        ["--tls-certificate", certificate, "--tls-key", key]
    }

    fn client(&self) -> Client {
        Client::new(&self.authority, None)
    }

    /// The certificate that a handshake shows that is made now.
    async fn shown(&self, server: &Server) -> Vec<u8> {
        let stream = self.client().tls(server.address).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

async fn list_portals(acme: &Acme, channel: Channel) -> Result<usize, tonic::Status> {
    let request = v1::ListPortalsRequest::default();
    let answer = acme.admin_on(channel).list_portals(request).await?;
    Ok(answer.into_inner().portals.len())
}

/// The command line's own answer, which is known to the letter.
fn plaintext_refusal(listen: &str) -> String {
    format!(
        "gatehouse: listen: {listen} can be reached from other machines, and there is no TLS: give \
         tls_certificate and tls_key, or set allow_plaintext to true where a proxy on a private \
         network does TLS\n"
    )
}

#[test]
fn plaintext_beyond_this_machine_is_refused_before_anything_is_made() {
    let site = Site::sqlite();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let ended = run(site.command(&["serve", "--listen", listen]));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert_eq!(ended.stderr, plaintext_refusal(listen));
        assert!(!site.data_dir().exists());
    }
    // Nothing else listens.
    let mut command = site.command(&["create-owner-key"]);
    command.env("GATEHOUSE_LISTEN", "0.0.0.0:0");
    let made = run(command);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_beyond_this_machine_is_served_where_it_is_asked_for_by_name() {
    let site = Site::sqlite();
    let mut server = site.serve(&["--listen", "0.0.0.0:0", "--allow-plaintext", "true"]);
    assert!(server.process.log().contains("without TLS"), "{}", server.process.log());
    assert_eq!(server.address.ip(), Ipv4Addr::UNSPECIFIED);
    server.address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.address.port()));
    Acme::set_up(&server, site.owner_key()).await;
}

#[test]
fn files_that_cannot_be_used_are_named_and_nothing_listens() {
    let certified = Certified::new();
    replace(&certified.files.key, &certified.authority.server().key);
    let ended = run(certified.site.command(&[&["serve"][..], &certified.flags()].concat()));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let ServerFiles { certificate, key, .. } = &certified.files;
    let expected = format!(
        "gatehouse: tls_key: the key in {} is not that of the certificate in {}",
        key.display(),
        certificate.display()
    );
    assert_eq!(ended.stderr.lines().last(), Some(expected.as_str()), "{}", ended.stderr);

    fs::remove_file(certificate).unwrap();
    let ended = run(certified.site.command(&[&["serve"][..], &certified.flags()].concat()));
    let expected = format!(
        "gatehouse: tls_certificate: cannot read {}: entity not found",
        certificate.display()
    );
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr.lines().last(), Some(expected.as_str()), "{}", ended.stderr);
}

#[test]
fn a_key_that_everybody_may_read_and_a_certificate_that_has_ended_are_told_of() {
    let certified = Certified::new();
    let told = |flag: &str| {
        let server = certified.serve();
        assert!(server.process.log().contains(flag), "{}", server.process.log());
    };
    fs::set_permissions(&certified.files.key, fs::Permissions::from_mode(0o644)).unwrap();
    told("every user of this machine may read the TLS key");
    certified.files.write(&certified.authority.server_until(1_600_000_000));
    told("the TLS certificate has ended");
    fs::set_permissions(&certified.files.key, fs::Permissions::from_mode(0o600)).unwrap();
    let log = certified.serve().process.log().to_owned();
    assert!(!log.contains("may read"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_by_tls_is_recorded_by_their_address() {
    let certified = Certified::new();
    let server = certified.serve();
    let acme = Acme::set_up_on(
        certified.client().connect(server.address).await.unwrap(),
        certified.site.owner_key(),
    )
    .await;
    let channel = certified.client().connect(server.address).await.unwrap();
    let request = v1::ListAuditEventsRequest::default();
    let events = acme.admin_on(channel).list_audit_events(request).await.unwrap().into_inner();
    let made = events.audit_events.iter().find(|event| event.r#type == "portal.created").unwrap();
    let address: SocketAddr = made.caller_address.parse().unwrap();
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_replaced_under_load_without_one_failed_call() {
    let certified = Certified::new();
    let mut server = certified.serve();
    let address = server.address;
    let lasting = certified.client().connect(address).await.unwrap();
    let acme = Acme::set_up_on(lasting.clone(), certified.site.owner_key()).await;

    let (calls, connections) = (Cell::new(0), Cell::new(0));
    let load = async || loop {
        assert_eq!(list_portals(&acme, lasting.clone()).await.unwrap(), 1);
        calls.set(calls.get() + 1);
    };
    let connect = async || loop {
        let channel = certified.client().connect(address).await.unwrap();
        assert_eq!(list_portals(&acme, channel).await.unwrap(), 1);
        connections.set(connections.get() + 1);
    };
    let renew = async {
        for _ in 0..2 {
            let next = certified.authority.server();
            let so_far = (calls.get(), connections.get());
            certified.files.write(&next);
            while certified.shown(&server).await != next.der() {}
            assert!(calls.get() > so_far.0 && connections.get() > so_far.1);
        }
    };
    tokio::select! {
        () = renew => {}
        () = load() => unreachable!("it has no end"),
        () = connect() => unreachable!("it has no end"),
    }
    server.process.line(CHANGED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_does_not_match_is_named_and_the_one_before_stays_in_use() {
    let certified = Certified::new();
    let mut server = certified.serve();
    let [next, other] = [(); 2].map(|()| certified.authority.server());
    let before = certified.shown(&server).await;

    replace(&certified.files.key, &other.key);
    let line = server.process.line(FAILS);
    assert!(line.contains("ERROR") && line.contains("server.key"), "{line}");
    assert_eq!(certified.shown(&server).await, before);

    replace(&certified.files.certificate, "not a certificate");
    replace(&certified.files.key, &next.key);
    replace(&certified.files.certificate, &next.certificate);
    server.process.line(CHANGED);
    server.process.line(WORKS);
    assert_eq!(certified.shown(&server).await, next.der());

    let key_text = [&next, &other].map(|identity| identity.key.lines().nth(1).unwrap().to_owned());
    let log = server.process.kill().stderr;
    assert!(!key_text.iter().any(|line| log.contains(line)), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_judged_by_the_cas_that_are_in_the_file_now() {
    let certified = Certified::new();
    let mut server = certified.serve_known_clients();
    let address = server.address;
    let known = Client::new(&certified.authority, Some(&certified.clients.client()));
    let lasting = known.connect(address).await.unwrap();
    let acme = Acme::set_up_on(lasting.clone(), certified.site.owner_key()).await;

    let others = Authority::new("other clients");
    let other = Client::new(&certified.authority, Some(&others.client()));
    let is_let_in = async |client: &Client| match client.connect(address).await {
        Ok(channel) => list_portals(&acme, channel).await.is_ok(),
        Err(_) => false,
    };
    assert!(is_let_in(&known).await && !is_let_in(&other).await);
    replace(&certified.files.client_ca, &others.pem());
    server.process.line(CHANGED);
    assert!(!is_let_in(&known).await && is_let_in(&other).await);
    // Who was let in before goes on.
    assert_eq!(list_portals(&acme, lasting).await.unwrap(), 1);
}
