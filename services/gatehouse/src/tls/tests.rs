use std::fs;
use std::os::unix::fs::symlink;

use gatehouse_test_tls::{Authority, ServerFiles, replace};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const DAY: Duration = Duration::from_hours(24);

/// The files of a server, and who made its certificate.
struct Site {
    folder: TempDir,
    authority: Authority,
    files: ServerFiles,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = ServerFiles::in_folder(folder.path());
        let authority = Authority::new("servers");
        files.write(&authority.server());
        replace(&files.client_ca, &authority.pem());
        Self { folder, authority, files }
    }

    fn settings(&self) -> TlsSettings {
        TlsSettings {
            certificate: self.files.certificate.clone(),
            key: self.files.key.clone(),
            client_ca: Some(self.files.client_ca.clone()),
        }
    }

    async fn open(&self) -> Result<ServerTls, TlsError> {
        ServerTls::open(&self.settings(), Clock::manual(START).0).await
    }

    async fn open_at(&self, now: Timestamp) -> (ServerTls, ManualClock) {
        let (clock, hand) = Clock::manual(now);
        (ServerTls::open(&self.settings(), clock).await.unwrap(), hand)
    }

    /// Why the files cannot be used, without the folder.
    async fn refusal(&self) -> String {
        let refusal = self.open().await.map(drop).unwrap_err();
        let [certificate, key] = [&self.files.certificate, &self.files.key].map(fs::read_to_string);
        for text in [certificate, key].into_iter().flatten() {
            for line in text.lines().filter(|line| !line.is_empty()) {
                assert!(!format!("{refusal} {refusal:?}").contains(line), "{refusal:?}");
            }
        }
        refusal.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_their_setting_and_not_repeated() {
    let site = Site::new();
    let good = site.authority.server();
    let no_certificate = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
    let no_pem = "-----BEGIN CERTIFICATE-----\nhunter2\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n";
    let sealed = no_key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let ServerFiles { certificate, key, client_ca } = &site.files;
    for (path, text, refusal) in [
        (certificate, "", "tls_certificate: server.pem holds no certificate in PEM form"),
        (certificate, no_pem, "tls_certificate: server.pem is not in PEM form"),
        (
            certificate,
            no_certificate,
            "tls_certificate: server.pem holds what is not an X.509 certificate",
        ),
        (
            key,
            &good.certificate,
            "tls_key: server.key holds no private key in PEM form that is not encrypted",
        ),
        (
            key,
            &sealed,
            "tls_key: server.key holds no private key in PEM form that is not encrypted",
        ),
        (
            key,
            no_key,
            "tls_key: server.key holds a private key that is not ECDSA P-256 or P-384, Ed25519 \
             or RSA",
        ),
        (
            key,
            &site.authority.server().key,
            "tls_key: the key in server.key is not that of the certificate in server.pem",
        ),
        (client_ca, "", "tls_client_ca: clients.pem holds no certificate in PEM form"),
        (client_ca, no_pem, "tls_client_ca: clients.pem is not in PEM form"),
        (
            client_ca,
            no_certificate,
            "tls_client_ca: clients.pem holds what is not an X.509 certificate",
        ),
        (certificate, &"x".repeat(100_000), "tls_certificate: cannot read server.pem"),
    ] {
        site.files.write(&good);
        replace(client_ca, &site.authority.pem());
        replace(path, text);
        assert_eq!(site.refusal().await, refusal);
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_with_its_setting() {
    for (name, setting) in [
        ("server.pem", "tls_certificate"),
        ("server.key", "tls_key"),
        ("clients.pem", "tls_client_ca"),
    ] {
        let site = Site::new();
        fs::remove_file(site.folder.path().join(name)).unwrap();
        assert_eq!(site.refusal().await, format!("{setting}: cannot read {name}"));
    }
}

/// Where what was in use before `change` is still.
async fn refused(tls: &ServerTls, change: impl FnOnce()) -> TlsError {
    let before = tls.config();
    change();
    let refusal = tls.follow().await.unwrap_err();
    assert!(Arc::ptr_eq(&before, &tls.config()));
    refusal
}

/// Where another configuration is in use after `change`.
async fn taken(tls: &ServerTls, change: impl FnOnce()) {
    let before = tls.config();
    change();
    tls.follow().await.unwrap();
    assert!(!Arc::ptr_eq(&before, &tls.config()));
}

#[tokio::test]
async fn what_has_changed_is_taken_and_what_cannot_be_used_is_not() {
    let site = Site::new();
    let tls = site.open().await.unwrap();
    let before = tls.config();
    tls.follow().await.unwrap();
    assert!(Arc::ptr_eq(&before, &tls.config()), "nothing has changed");

    let [one, other] = [(); 2].map(|()| site.authority.server());
    taken(&tls, || site.files.write(&one)).await;
    // The certificate is there before its key.
    let refusal = refused(&tls, || replace(&site.files.certificate, &other.certificate)).await;
    assert!(matches!(refusal, TlsError::Mismatch { .. }), "{refusal}");
    taken(&tls, || replace(&site.files.key, &other.key)).await;

    let refusal = refused(&tls, || fs::remove_file(&site.files.key).unwrap()).await;
    assert!(matches!(refusal, TlsError::File { setting: "tls_key", .. }), "{refusal}");
    let before = tls.config();
    replace(&site.files.key, &other.key);
    tls.follow().await.unwrap();
    assert!(Arc::ptr_eq(&before, &tls.config()), "it is what it was");

    taken(&tls, || replace(&site.files.client_ca, &Authority::new("others").pem())).await;
    let refusal = refused(&tls, || replace(&site.files.client_ca, "")).await;
    assert!(matches!(refusal, TlsError::Content { setting: "tls_client_ca", .. }), "{refusal}");
}

/// As Kubernetes replaces what a volume holds: by one link, which all files are behind.
#[tokio::test]
async fn files_behind_a_link_that_is_swapped_have_changed() {
    let site = Site::new();
    let root = site.folder.path();
    let version = |name: &str| {
        let folder = root.join(name);
        fs::create_dir(&folder).unwrap();
        let files = ServerFiles::in_folder(&folder);
        files.write(&site.authority.server());
        replace(&files.client_ca, &site.authority.pem());
    };
    version("one");
    version("two");
    symlink("one", root.join("data")).unwrap();
    let files = ServerFiles::in_folder(&root.join("data"));
    let settings = TlsSettings { certificate: files.certificate, key: files.key, client_ca: None };
    let tls = ServerTls::open(&settings, Clock::system()).await.unwrap();
    taken(&tls, || {
        symlink("two", root.join("new")).unwrap();
        fs::rename(root.join("new"), root.join("data")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_certificate_is_that_of_the_first_in_its_file() {
    let site = Site::new();
    let end = START + 30 * DAY;
    let mut leaf = site.authority.server_until(end.as_seconds());
    leaf.certificate.push_str(&site.authority.pem());
    site.files.write(&leaf);
    let tls = site.open().await.unwrap();
    assert_eq!(tls.not_after(), end);
    assert_eq!(date(end), "Feb 14 08:00:00 2027 +00:00");

    let der = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    assert_eq!(not_after(&der), Some(end));
    assert_eq!(not_after(&CertificateDer::from(&b"hunter2"[..])), None);
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_of_14_days_before_and_once_it_is_past() {
    let site = Site::new();
    let end = START + 30 * DAY;
    site.files.write(&site.authority.server_until(end.as_seconds()));
    let (tls, hand) = site.open_at(START).await;
    let warned_of = || tls.loaded.read().unwrap().warned_of;
    for (now, told) in [
        (end - 14 * DAY, End::Far),
        (end - 14 * DAY + Duration::from_secs(1), End::Near),
        (end, End::Near),
        (end + Duration::from_secs(1), End::Past),
    ] {
        hand.set(now);
        tls.follow().await.unwrap();
        assert_eq!(warned_of(), told, "{now:?}");
    }
    // One that ends later is no more to be told of.
    site.files.write(&site.authority.server());
    tls.follow().await.unwrap();
    assert_eq!(warned_of(), End::Far);
}
