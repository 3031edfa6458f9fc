//! TLS towards a server, for commands that call one: whom they trust, what they show, and
//! what went wrong, in words for who typed the command.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::pem::{Pair, authorities, certified, date, read_one};
use super::{ALPN, ClockTime, TlsError};
use crate::clock::Clock;

/// For the first bytes of HTTP/2, which a server sends as soon as it has TLS. One that lets
/// the client begin is taken as it is.
const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(1);

/// The files that a client is told, in PEM form.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientFiles {
    /// The CAs of servers; none for those that this machine trusts.
    pub(crate) ca: Option<PathBuf>,
    /// A certificate to show, with those between it and its CA, and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// TLS to one server.
#[derive(Clone)]
pub(crate) struct ClientTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    shows_certificate: bool,
}

/// What HTTP/2 is spoken over.
pub(crate) type Agreed = BufReader<TlsStream<TcpStream>>;

impl ClientTls {
    /// To a server whose certificate is for `name`.
    ///
    /// # Errors
    /// [`TlsError`], which names the option.
    pub(crate) fn new(files: &ClientFiles, name: ServerName<'static>) -> Result<Self, TlsError> {
        let roots = match &files.ca {
            Some(path) => authorities("--ca-file", path, &read_one("--ca-file", path)?)?,
            None => authorities_of_this_machine()?,
        };
        let time = Arc::new(ClockTime(Clock::system()));
        let builder = ClientConfig::builder_with_details(ring::default_provider().into(), time)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match &files.identity {
            Some((certificate, key)) => {
                let identity = identity(certificate, key)?;
                builder.with_client_cert_resolver(Arc::new(identity))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        let shows_certificate = files.identity.is_some();
        Ok(Self { config: Arc::new(config), name, shows_certificate })
    }

    /// Agrees on TLS over a connection.
    ///
    /// # Errors
    /// [`HandshakeError`] within an [`io::Error`] where the two do not agree, and others where
    /// the connection fails.
    pub(crate) async fn agree(&self, stream: TcpStream) -> io::Result<Agreed> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(self.name.clone(), stream).await;
        let stream = stream.map_err(|error| self.explain(error))?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::other(HandshakeError::NoHttp2));
        }
        // By TLS 1.3 the client is done before the server has judged its certificate. The
        // refusal is read here, and not by HTTP/2, which would make little of it.
        let mut stream = BufReader::new(stream);
        match timeout(FIRST_FRAME_LIMIT, stream.fill_buf()).await {
            Ok(Err(error)) => return Err(self.explain(error)),
            Ok(Ok([])) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(Ok(_)) | Err(_) => {}
        }
        Ok(stream)
    }

    /// `error` in other words, where TLS is what it is about.
    fn explain(&self, error: io::Error) -> io::Error {
        match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
            Some(tls) => io::Error::other(HandshakeError::of(tls, self.shows_certificate)),
            None => error,
        }
    }
}

/// Those that the files hold which this machine keeps for all programs.
fn authorities_of_this_machine() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some that machines keep are of forms that nobody uses any more.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() { Err(TlsError::NoAuthorities(found.errors)) } else { Ok(roots) }
}

fn identity(certificate: &Path, key: &Path) -> Result<SingleCertAndKey, TlsError> {
    let pair =
        Pair { certificate: ("--client-certificate", certificate), key: ("--client-key", key) };
    let read = |(setting, path)| read_one(setting, path);
    let (certified, _) = certified(&pair, &read(pair.certificate)?, &read(pair.key)?)?;
    Ok(certified.into())
}

/// Why a client and a server do not agree on TLS, of the server's certificate first, then of
/// the client's.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error(
        "its certificate comes from no CA that is trusted here: name the file of its CA with \
         --ca-file"
    )]
    UnknownIssuer,
    #[error("its certificate ended{}", on(*.0))]
    Ended(Option<Timestamp>),
    #[error("its certificate begins{}: look at the clocks", on(*.0))]
    NotYet(Option<Timestamp>),
    #[error(
        "its certificate is for {presented}, not for {expected}: name one of those with \
         --server-name if this is the right server"
    )]
    OtherName { presented: String, expected: String },
    #[error("its certificate is a CA's, and not a server's: give the server one with CA:FALSE")]
    OfAuthority,
    #[error("its certificate cannot be used: {0}")]
    Certificate(CertificateError),
    #[error(
        "it lets in only clients with a certificate: name one with --client-certificate, and its \
         key with --client-key"
    )]
    CertificateWanted,
    #[error("it does not take the certificate of --client-certificate: {}", told(*.0))]
    CertificateRefused(AlertDescription),
    #[error("it speaks no TLS: say http:// instead of https://")]
    NoTls,
    #[error("it speaks no HTTP/2")]
    NoHttp2,
    #[error("{0}")]
    Other(rustls::Error),
}

impl HandshakeError {
    fn of(error: &rustls::Error, shows_certificate: bool) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert, shows_certificate),
            rustls::Error::InvalidMessage(_) => Self::NoTls,
            rustls::Error::NoApplicationProtocol => Self::NoHttp2,
            other => Self::Other(other.clone()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        let time = |time: &rustls::pki_types::UnixTime| {
            i64::try_from(time.as_secs()).ok().map(Timestamp::from_seconds)
        };
        match error {
            // The second: by another CA of a name that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::Expired => Self::Ended(None),
            CertificateError::ExpiredContext { not_after, .. } => Self::Ended(time(not_after)),
            CertificateError::NotValidYet => Self::NotYet(None),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYet(time(not_before))
            }
            CertificateError::NotValidForNameContext { expected, presented } => Self::OtherName {
                presented: names(presented),
                expected: expected.to_str().into_owned(),
            },
            // What checks certificates has no other name for it here.
            CertificateError::Other(error) if error.to_string() == "CaUsedAsEndEntity" => {
                Self::OfAuthority
            }
            other => Self::Certificate(other.clone()),
        }
    }

    fn of_alert(alert: AlertDescription, shows_certificate: bool) -> Self {
        match alert {
            AlertDescription::NoApplicationProtocol => Self::NoHttp2,
            AlertDescription::CertificateRequired => Self::CertificateWanted,
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => {
                if shows_certificate {
                    Self::CertificateRefused(alert)
                } else {
                    Self::CertificateWanted
                }
            }
            other => Self::Other(rustls::Error::AlertReceived(other)),
        }
    }
}

/// What an alert says of a certificate: RFC 8446, section 6.2.
fn told(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateExpired => "it has ended",
        AlertDescription::UnknownCA => "it comes from no CA that the server trusts",
        AlertDescription::CertificateRevoked => "it was revoked",
        AlertDescription::UnsupportedCertificate => "it is not for a client",
        _ => "the server does not say why",
    }
}

/// A time, where it is known.
fn on(time: Option<Timestamp>) -> String {
    time.map_or_else(String::new, |time| format!(" at {}", date(time)))
}

/// The names of a certificate, out of how they are written for debugging:
/// `DnsName("localhost")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name.split_once('(').map_or(name.as_str(), |(_, inside)| inside);
        inside.trim_end_matches(')').trim_matches('"').to_owned()
    };
    if presented.is_empty() {
        "no name".to_owned()
    } else {
        presented.iter().map(bare).collect::<Vec<_>>().join(", ")
    }
}
