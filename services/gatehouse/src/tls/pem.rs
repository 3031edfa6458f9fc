//! Certificates and keys in files, in PEM form.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::Path;

use gatehouse_domain::time::Timestamp;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;
use zeroize::Zeroizing;

use super::TlsError;
use crate::startup::file;

/// A certificate and its key, in files that settings name.
pub(super) struct Pair<'a> {
    pub(super) certificate: (&'static str, &'a Path),
    pub(super) key: (&'static str, &'a Path),
}

/// What a certificate says of itself.
pub(crate) struct Facts {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// The names and addresses that it is for (RFC 5280, section 4.2.1.6).
    pub(crate) names: Vec<String>,
    /// Whether it may be a server's: section 4.2.1.12.
    pub(crate) is_for_servers: bool,
    /// Whether it is a CA's: section 4.2.1.9.
    pub(crate) is_ca: bool,
}

/// What the certificates in the file at `path` say, in their order.
///
/// # Errors
/// [`TlsError`] of `setting`, which names the file.
pub(crate) fn facts(setting: &'static str, path: &Path) -> Result<Vec<Facts>, TlsError> {
    let content = |why| TlsError::Content { setting, path: path.to_owned(), why };
    let chain = certificates(&read_one(setting, path)?).map_err(content)?;
    let facts = chain.iter().map(|certificate| facts_of(certificate).ok_or(NO_CERTIFICATE));
    let facts: Vec<_> = facts.collect::<Result<_, _>>().map_err(content)?;
    if facts.is_empty() { Err(content(NO_PEM)) } else { Ok(facts) }
}

fn facts_of(certificate: &CertificateDer<'_>) -> Option<Facts> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let time = |time: ASN1Time| Timestamp::from_seconds(time.timestamp());
    let usage = certificate.extended_key_usage().ok()?;
    Some(Facts {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: time(certificate.validity().not_before),
        not_after: time(certificate.validity().not_after),
        names: names(&certificate),
        is_for_servers: usage.is_none_or(|usage| usage.value.server_auth || usage.value.any),
        is_ca: certificate.is_ca(),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let ip = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                Some(ip.ok()?.to_string())
            }
            _ => None,
        })
        .collect()
}

/// When a certificate ends (RFC 5280, section 4.1.2.5), in whole seconds; none if it is
/// no X.509 certificate.
#[must_use]
pub fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Timestamp::from_seconds(certificate.validity().not_after.timestamp()))
}

/// For the log, in UTC.
pub(crate) fn date(time: Timestamp) -> String {
    // What came out of a certificate fits into one.
    ASN1Time::from_timestamp(time.as_seconds())
        .map_or_else(|_| time.as_seconds().to_string(), |time| time.to_string())
}

pub(super) fn unreadable(setting: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::File { setting, path: path.to_owned(), source }
}

pub(super) fn read_one(setting: &'static str, path: &Path) -> Result<Zeroizing<String>, TlsError> {
    let text = file::read(path).map_err(|source| unreadable(setting, path, source))?;
    text.ok_or_else(|| unreadable(setting, path, ErrorKind::NotFound.into()))
}

/// The pair, whose files hold `certificate` and `key`, and when its certificate ends.
pub(super) fn certified(
    files: &Pair<'_>,
    certificate: &str,
    key: &str,
) -> Result<(CertifiedKey, Timestamp), TlsError> {
    let content = |(setting, path): (&'static str, &Path), why| TlsError::Content {
        setting,
        path: path.to_owned(),
        why,
    };
    let of_certificate = |why| content(files.certificate, why);
    let chain = certificates(certificate).map_err(of_certificate)?;
    let leaf = chain.first().ok_or_else(|| of_certificate(NO_PEM))?;
    let not_after = not_after(leaf).ok_or_else(|| of_certificate(NO_CERTIFICATE))?;

    // What the parser says of a key's text may repeat it.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map(Zeroizing::new).map_err(|_| {
        content(files.key, "holds no private key in PEM form that is not encrypted")
    })?;
    let key = ring::sign::any_supported_type(&key).map_err(|_| {
        content(files.key, "holds a private key that is not ECDSA P-256 or P-384, Ed25519 or RSA")
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok((certified, not_after)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Mismatch {
            setting: files.key.0,
            certificate: files.certificate.1.to_owned(),
            key: files.key.1.to_owned(),
        }),
        Err(_) => Err(of_certificate(NO_CERTIFICATE)),
    }
}

pub(super) const NO_PEM: &str = "holds no certificate in PEM form";
pub(super) const NO_CERTIFICATE: &str = "holds what is not an X.509 certificate";

pub(super) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes());
    certificates.collect::<Result<_, _>>().map_err(|_| "is not in PEM form")
}

/// The CAs in `text`, of which there is at least one.
pub(super) fn authorities(
    setting: &'static str,
    path: &Path,
    text: &str,
) -> Result<RootCertStore, TlsError> {
    let content = |why| TlsError::Content { setting, path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text).map_err(content)? {
        roots.add(certificate).map_err(|_| content(NO_CERTIFICATE))?;
    }
    if roots.is_empty() { Err(content(NO_PEM)) } else { Ok(roots) }
}
