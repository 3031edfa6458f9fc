//! `gatehouse admin` and `gatehouse healthcheck` towards servers with TLS.

use std::fs;

use gatehouse_test_tls::{Authority, Identity, ServerFiles, replace};

use crate::support::{Ended, Server, Site, blocks, run, shell};

const GUIDE: &str = include_str!("../../../../docs/administering.md");

/// A server with TLS, and an administrator's terminal.
struct Desk {
    site: Site,
    files: ServerFiles,
    servers: Authority,
    clients: Authority,
}

/// What a terminal is told beside the command.
type Variables<'a> = [(&'a str, &'a str)];

impl Desk {
    fn new() -> Self {
        let site = Site::sqlite();
        let files = ServerFiles::in_folder(site.folder());
        let [servers, clients] = ["servers", "clients"].map(Authority::new);
        files.write(&servers.server());
        replace(&files.client_ca, &clients.pem());
        let desk = Self { site, files, servers, clients };
        desk.write("ca.pem", &desk.servers.pem());
        desk.site.keep_owner_key();
        desk
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.site.folder().join(name), text).unwrap();
    }

    /// Writes a client's certificate and key to `{name}.pem` and `{name}.key`.
    fn write_identity(&self, name: &str, identity: &Identity) {
        self.write(&format!("{name}.pem"), &identity.certificate);
        self.write(&format!("{name}.key"), &identity.key);
    }

    fn flags(&self) -> [&str; 4] {
        let ServerFiles { certificate, key, .. } = &self.files;
        let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap());
        ["--tls-certificate", certificate, "--tls-key", key]
    }

    fn serve(&self) -> Server {
        self.site.serve(&self.flags())
    }

    /// One that lets in who has a certificate.
    fn serve_known_clients(&self) -> Server {
        let client_ca = ["--tls-client-ca", self.files.client_ca.to_str().unwrap()];
        self.site.serve(&[&self.flags()[..], &client_ca].concat())
    }

    /// `gatehouse admin portals list` at `server`.
    fn lists(&self, server: &str, variables: &Variables) -> Ended {
        let mut command = self.site.command(&["admin", "portals", "list", "--server", server]);
        command.env("GATEHOUSE_ADMIN_KEY_FILE", self.site.folder().join("owner.key"));
        command.envs(variables.iter().copied());
        run(command)
    }

    #[track_caller]
    fn is_let_in(&self, server: &str, variables: &Variables) {
        let ended = self.lists(server, variables);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.starts_with("PORTAL"), "{}", ended.stdout);
    }

    /// The one line with which it fails, without the program's name.
    #[track_caller]
    fn refusal(&self, server: &str, variables: &Variables) -> String {
        let ended = self.lists(server, variables);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        ended.stderr.trim_end().strip_prefix("gatehouse: ").unwrap().to_owned()
    }

    #[track_caller]
    fn disagrees(&self, server: &str, variables: &Variables, why: &str) {
        assert_eq!(self.refusal(server, variables), format!("no TLS with {server}: {why}"));
    }
}

fn at(server: &Server) -> String {
    format!("https://{}", server.address)
}

const BY_CA: &Variables = &[("GATEHOUSE_ADMIN_CA_FILE", "ca.pem")];

fn showing<'a>(certificate: &'a str, key: &'a str) -> [(&'a str, &'a str); 3] {
    [
        BY_CA[0],
        ("GATEHOUSE_ADMIN_CLIENT_CERTIFICATE", certificate),
        ("GATEHOUSE_ADMIN_CLIENT_KEY", key),
    ]
}

#[test]
fn a_server_is_known_by_a_ca_in_a_file_or_by_those_of_the_machine() {
    let desk = Desk::new();
    let server = desk.serve();
    let url = at(&server);
    desk.is_let_in(&url, BY_CA);
    desk.is_let_in(&format!("https://localhost:{}", server.address.port()), BY_CA);
    // What a machine keeps, as OpenSSL's variable names it.
    desk.is_let_in(&url, &[("SSL_CERT_FILE", "ca.pem")]);

    let unknown = "its certificate comes from no CA that is trusted here: name the file of its CA \
                   with --ca-file";
    desk.write("other.pem", &Authority::new("servers").pem());
    desk.disagrees(&url, &[("SSL_CERT_FILE", "other.pem")], unknown);
    desk.write("nobody.pem", &desk.clients.pem());
    desk.disagrees(&url, &[("GATEHOUSE_ADMIN_CA_FILE", "nobody.pem")], unknown);
    desk.write("empty.pem", "");
    let nobody = [("SSL_CERT_FILE", "empty.pem"), ("SSL_CERT_DIR", "data")];
    let nobody = desk.refusal(&url, &nobody);
    assert!(nobody.starts_with("this machine keeps no certificates of CAs"), "{nobody}");
    for (file, why) in [
        ("empty.pem", "--ca-file: empty.pem holds no certificate in PEM form"),
        ("absent.pem", "--ca-file: cannot read absent.pem: entity not found"),
    ] {
        assert_eq!(desk.refusal(&url, &[("GATEHOUSE_ADMIN_CA_FILE", file)]), why);
    }
}

#[test]
fn a_certificate_that_is_not_the_servers_or_not_of_today_is_told_of_as_such() {
    let desk = Desk::new();
    for (identity, why) in [
        (
            desk.servers.server_until(1_600_000_000),
            "its certificate ended at Sep 13 12:26:40 2020 +00:00",
        ),
        (
            desk.servers.server_from(3_900_000_000),
            "its certificate begins at Aug  1 21:20:00 2093 +00:00: look at the clocks",
        ),
        (
            desk.servers.server_and_ca(),
            "its certificate is a CA's, and not a server's: give the server one with CA:FALSE",
        ),
        (
            desk.servers.server_named("gatehouse.example.com"),
            "its certificate is for gatehouse.example.com, not for localhost: name one of those \
             with --server-name if this is the right server",
        ),
    ] {
        desk.files.write(&identity);
        let server = desk.serve();
        let url = format!("https://localhost:{}", server.address.port());
        desk.disagrees(&url, BY_CA, why);
    }
    let server = desk.serve();
    let named = ("GATEHOUSE_ADMIN_SERVER_NAME", "gatehouse.example.com");
    desk.is_let_in(&at(&server), &[BY_CA[0], named]);

    // It knows its own name.
    let address = server.address.to_string();
    let here = ["healthcheck", "--listen", &address, "--ca-file", "ca.pem"];
    let well = run(desk.site.command(&[&here[..], &desk.flags()].concat()));
    assert_eq!((well.code, well.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_server_that_knows_its_clients_is_shown_a_certificate() {
    let desk = Desk::new();
    let server = desk.serve_known_clients();
    let url = at(&server);
    desk.write_identity("known", &desk.clients.client());
    desk.write_identity("ended", &desk.clients.client_until(1_600_000_000));
    desk.write_identity("foreign", &Authority::new("others").client());
    desk.is_let_in(&url, &showing("known.pem", "known.key"));
    desk.disagrees(
        &url,
        BY_CA,
        "it lets in only clients with a certificate: name one with --client-certificate, and its \
         key with --client-key",
    );
    let refused = "it does not take the certificate of --client-certificate: it";
    let why = format!("{refused} has ended");
    desk.disagrees(&url, &showing("ended.pem", "ended.key"), &why);
    let why = format!("{refused} comes from no CA that the server trusts");
    desk.disagrees(&url, &showing("foreign.pem", "foreign.key"), &why);

    // What cannot be shown is told of before anything is sent.
    assert_eq!(
        desk.refusal(&url, &showing("known.pem", "ended.key")),
        "--client-key: the key in ended.key is not that of the certificate in known.pem"
    );
    let half = &showing("known.pem", "")[..2];
    assert_eq!(desk.refusal(&url, half), "--client-certificate needs --client-key");
}

#[test]
fn the_wrong_scheme_is_told_of() {
    let desk = Desk::new();
    let plain = desk.site.serve(&[]);
    let why = "it speaks no TLS: say http:// instead of https://";
    desk.disagrees(&at(&plain), BY_CA, why);

    let server = desk.serve();
    let refusal = desk.refusal(&format!("http://{}", server.address), &[]);
    assert!(refusal.starts_with("the connection failed: "), "{refusal}");
    assert!(refusal.ends_with("(a server with TLS is at https://)"), "{refusal}");
}

#[test]
fn a_key_is_sent_in_clear_to_this_machine_alone() {
    let desk = Desk::new();
    // Nobody has this address (RFC 5737): it is not even asked.
    let url = "http://192.0.2.1:50051";
    let refusal = desk.refusal(url, &[]);
    assert!(refusal.contains("the admin key would cross the network in clear"), "{refusal}");
    // Linux takes this one for this machine, and nobody else does.
    let server = desk.site.serve(&[]);
    let url = format!("http://{}", server.address).replace("127.0.0.1", "0.0.0.0");
    assert!(desk.refusal(&url, &[]).contains("--key-in-clear"));
    desk.is_let_in(&url, &[("GATEHOUSE_ADMIN_KEY_IN_CLEAR", "true")]);
}

/// The guide's command, to a server of another address.
#[test]
fn the_guide_shows_how_a_server_with_tls_is_administered() {
    let desk = Desk::new();
    desk.write_identity("ana", &desk.clients.client());
    fs::rename(desk.site.folder().join("ana.key"), desk.site.folder().join("ana-tls.key")).unwrap();
    let server = desk.serve_known_clients();
    let [block] = blocks(GUIDE, "sh tls")[..] else { panic!("one block") };
    let here = block.replace("https://gatehouse.example.com:50051", &at(&server));
    assert_ne!(here, block, "the server is named");
    let mut typed = shell(&desk.site, &server, "-eu", &here);
    typed.env("GATEHOUSE_ADMIN_KEY_FILE", "owner.key");
    let ended = run(typed);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("PORTAL"), "{}", ended.stdout);
}
