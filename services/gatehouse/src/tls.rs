//! TLS: the certificate of this server and the CAs of its clients, read from their
//! files, and read again when they change.

pub(crate) mod client;
pub(crate) mod pem;

#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::TlsSettings;
use crate::startup::file;
use pem::{NO_PEM, Pair, authorities, certified, date, read_one, unreadable};

pub use pem::not_after;

/// HTTP/2, the only protocol that is spoken: RFC 9113, section 3.2.
pub const ALPN: &[u8] = b"h2";
/// How long before the certificate's end the log begins to warn of it.
const WARNED_BEFORE_END: Duration = Duration::from_hours(14 * 24);

/// Why the files of TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: cannot read {}", .path.display())]
    File {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{setting}: {} {why}", .path.display())]
    Content {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Without anything of the file, which may be a key.
        why: &'static str,
    },
    /// Of a certificate and a key that were made apart nobody would take either.
    #[error(
        "{setting}: the key in {} is not that of the certificate in {}",
        .key.display(), .certificate.display()
    )]
    Mismatch {
        /// The setting that names the key.
        setting: &'static str,
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// There is nobody to trust.
    #[error(
        "this machine keeps no certificates of CAs{}: name the file of the server's CA with \
         --ca-file",
        .0.first().map_or_else(String::new, |error| format!(" that can be read ({error})"))
    )]
    NoAuthorities(Vec<rustls_native_certs::Error>),
    /// What the library makes of it all.
    #[error("TLS")]
    Library(#[from] rustls::Error),
}

/// The files as they were last put to use, and what handshakes are made with.
pub struct ServerTls {
    settings: TlsSettings,
    clock: Clock,
    loaded: RwLock<Loaded>,
    failed_handshakes: AtomicU64,
}

struct Loaded {
    texts: Texts,
    config: Arc<ServerConfig>,
    not_after: Timestamp,
    /// What the log has said of its end.
    warned_of: End,
}

/// What the files hold. Has a key in it: no `Debug`.
#[derive(PartialEq)]
struct Texts {
    certificate: Zeroizing<String>,
    key: Zeroizing<String>,
    client_ca: Option<Zeroizing<String>>,
}

/// When a certificate ends, as far as people are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Far,
    Near,
    Past,
}

impl End {
    fn of(not_after: Timestamp, now: Timestamp) -> Self {
        if not_after < now {
            Self::Past
        } else if not_after < now + WARNED_BEFORE_END {
            Self::Near
        } else {
            Self::Far
        }
    }
}

impl ServerTls {
    /// With the files that `settings` name, once they are sure to go together. The
    /// certificates of clients are judged by the time of `clock`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub async fn open(settings: &TlsSettings, clock: Clock) -> Result<Self, TlsError> {
        let texts = read(settings).await?;
        let key = settings.key.as_path();
        let is_open =
            file::is_open_to_all(key).map_err(|source| unreadable("tls_key", key, source));
        if is_open? {
            tracing::warn!(path = %key.display(), "every user of this machine may read the TLS key");
        }
        let loaded = RwLock::new(load(settings, &clock, texts)?);
        let tls = Self { settings: settings.clone(), clock, loaded, failed_handshakes: 0.into() };
        let only_known_clients = settings.client_ca.is_some();
        tracing::info!(not_after = %date(tls.not_after()), only_known_clients, "TLS is on");
        tls.warn_of_end();
        Ok(tls)
    }

    /// What the next handshake is made with. Connections keep what they began with.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// When the certificate in use ends.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).not_after
    }

    /// Puts to use what is in the files now, if it is something else, and warns of a
    /// certificate that ends soon.
    ///
    /// # Errors
    /// Why what is in the files cannot be used. What was in use still is.
    pub async fn follow(&self) -> Result<(), TlsError> {
        let reloaded = self.reload().await;
        if matches!(reloaded, Ok(true)) {
            tracing::info!(not_after = %date(self.not_after()), "the TLS files have changed");
        }
        self.warn_of_end();
        reloaded.map(drop)
    }

    async fn reload(&self) -> Result<bool, TlsError> {
        let texts = read(&self.settings).await?;
        if texts == self.loaded.read().unwrap_or_else(PoisonError::into_inner).texts {
            return Ok(false);
        }
        let loaded = load(&self.settings, &self.clock, texts)?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(true)
    }

    /// Says once that the end of the certificate is near, and once that it is past.
    fn warn_of_end(&self) {
        let now = self.clock.now();
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let end = End::of(loaded.not_after, now);
        if loaded.warned_of == end {
            return;
        }
        loaded.warned_of = end;
        let (path, not_after) = (self.settings.certificate.display(), date(loaded.not_after));
        match end {
            End::Far => {}
            End::Near => tracing::warn!(%path, %not_after, "the TLS certificate ends soon"),
            End::Past => tracing::warn!(%path, %not_after, "the TLS certificate has ended"),
        }
    }

    /// Counts a handshake that did not come to its end. A client that only left is none:
    /// load balancers look so whether somebody listens.
    pub(crate) fn count_failed_handshake(&self, error: &io::Error) {
        let left = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        if !left.contains(&error.kind()) {
            self.failed_handshakes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Handshakes that failed since this was last asked.
    pub fn take_failed_handshakes(&self) -> u64 {
        self.failed_handshakes.swap(0, Ordering::Relaxed)
    }
}

async fn read(settings: &TlsSettings) -> Result<Texts, TlsError> {
    // Elsewhere: the disk may not answer, and calls are not to wait for it.
    let settings = settings.clone();
    let path = settings.certificate.clone();
    let read = tokio::task::spawn_blocking(move || {
        Ok(Texts {
            certificate: read_one("tls_certificate", &settings.certificate)?,
            key: read_one("tls_key", &settings.key)?,
            client_ca: match &settings.client_ca {
                Some(path) => Some(read_one("tls_client_ca", path)?),
                None => None,
            },
        })
    });
    let defect = |defect| unreadable("tls_certificate", &path, io::Error::other(defect));
    read.await.map_err(defect)?
}

/// Whether a server could begin with the files that `settings` name.
///
/// # Errors
/// [`TlsError`].
pub(crate) async fn check(settings: &TlsSettings, clock: &Clock) -> Result<(), TlsError> {
    load(settings, clock, read(settings).await?).map(drop)
}

/// What handshakes are made with: TLS 1.2 and 1.3 with the cipher suites that rustls
/// holds to be safe, and HTTP/2.
fn load(settings: &TlsSettings, clock: &Clock, texts: Texts) -> Result<Loaded, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let pair = Pair {
        certificate: ("tls_certificate", &settings.certificate),
        key: ("tls_key", &settings.key),
    };
    let (certified, not_after) = certified(&pair, &texts.certificate, &texts.key)?;
    let time = Arc::new(ClockTime(clock.clone()));
    let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time)
        .with_safe_default_protocol_versions()?;
    let builder = match (&settings.client_ca, &texts.client_ca) {
        (Some(path), Some(text)) => {
            builder.with_client_cert_verifier(client_verifier(path, text, provider)?)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection proves all anew: a client whose certificate has ended since, or whose
    // CA is gone, is not let in by what it proved before. Connections last, so that it
    // costs little.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Loaded { texts, config: Arc::new(config), not_after, warned_of: End::Far })
}

/// Lets clients in that have a certificate by one of the CAs in `text`.
fn client_verifier(
    path: &Path,
    text: &str,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = Arc::new(authorities("tls_client_ca", path, text)?);
    // It asks for some CA, and nothing else.
    WebPkiClientVerifier::builder_with_provider(roots, provider).build().map_err(|_| {
        TlsError::Content { setting: "tls_client_ca", path: path.to_owned(), why: NO_PEM }
    })
}

/// The one clock, for certificates.
#[derive(Debug)]
struct ClockTime(Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
