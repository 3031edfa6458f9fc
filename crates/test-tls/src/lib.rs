//! Certificates for tests, made as they are needed, and clients that use them.

#![expect(
    missing_docs,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Error, Uri};
use tower::service_fn;

/// Longer than any test's clock shows.
const FAR: i64 = 4_000_000_000;

/// A CA.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM form.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Identity {
    /// The certificate as a handshake shows it.
    pub fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap().to_vec()
    }
}

/// The files of a server.
pub struct ServerFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub client_ca: PathBuf,
}

impl ServerFiles {
    /// Where they are in `folder`, without making them.
    pub fn in_folder(folder: &Path) -> Self {
        let [certificate, key, client_ca] =
            ["server.pem", "server.key", "clients.pem"].map(|name| folder.join(name));
        Self { certificate, key, client_ca }
    }

    /// Puts both in the place of what was there, each as a whole.
    pub fn write(&self, identity: &Identity) {
        replace(&self.certificate, &identity.certificate);
        replace(&self.key, &identity.key);
    }
}

/// Puts `text` in the place of a file, as a whole: written beside it, and renamed.
pub fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

impl Authority {
    /// A CA of this name.
    pub fn new(name: &str) -> Self {
        Self::until(name, FAR)
    }

    /// One that ends at `not_after`, in seconds since the epoch.
    pub fn until(name: &str, not_after: i64) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = OffsetDateTime::from_unix_timestamp(not_after).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, in PEM form.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server at `localhost` and 127.0.0.1.
    pub fn server(&self) -> Identity {
        self.server_until(FAR)
    }

    /// One that ends at `not_after`, in seconds since the epoch.
    pub fn server_until(&self, not_after: i64) -> Identity {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).unwrap();
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth, not_after)
    }

    /// One that begins at `not_before`, in seconds since the epoch.
    pub fn server_from(&self, not_before: i64) -> Identity {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = OffsetDateTime::from_unix_timestamp(not_before).unwrap();
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth, FAR)
    }

    /// A certificate for a server of this name, which no machine has.
    pub fn server_named(&self, name: &str) -> Identity {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth, FAR)
    }

    /// A certificate for a server that is a CA's, as `openssl req -x509` makes them.
    pub fn server_and_ca(&self) -> Identity {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth, FAR)
    }

    /// A certificate for a client.
    pub fn client(&self) -> Identity {
        self.client_until(FAR)
    }

    /// One that ends at `not_after`, in seconds since the epoch.
    pub fn client_until(&self, not_after: i64) -> Identity {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a portal's backend");
        self.issue(params, ExtendedKeyUsagePurpose::ClientAuth, not_after)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        not_after: i64,
    ) -> Identity {
        params.extended_key_usages = vec![usage];
        params.not_after = OffsetDateTime::from_unix_timestamp(not_after).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A client of servers with a certificate by a CA.
#[derive(Clone)]
pub struct Client(ClientConfig);

impl Client {
    /// One that shows `identity`, if any, to a server with a certificate by `authority`.
    pub fn new(authority: &Authority, identity: Option<&Identity>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self(config)
    }

    /// The same, asking for other protocols than HTTP/2.
    pub fn asking_for(mut self, protocols: &[&[u8]]) -> Self {
        self.0.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        self
    }

    /// TLS to a server, agreed on as far as the client can tell.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn tls(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::from(address.ip());
        TlsConnector::from(Arc::new(self.0.clone())).connect(name, stream).await
    }

    /// gRPC to a server, over a connection that is made now.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn connect(&self, address: SocketAddr) -> Result<Channel, Error> {
        let client = self.clone();
        let connector = service_fn(move |_: Uri| {
            let client = client.clone();
            async move { client.tls(address).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        endpoint.connect_with_connector(connector).await
    }
}
