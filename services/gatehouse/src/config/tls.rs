//! The files of TLS.

use std::path::PathBuf;

use super::{ConfigError, Sources, path};

/// The files of TLS, in PEM form.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The server's certificate, and those between it and its CA.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The CAs of which a client must have a certificate; none to let every client in.
    pub client_ca: Option<PathBuf>,
}

impl Sources<'_> {
    /// None where no file of TLS is named.
    pub(super) fn tls(&self) -> Option<TlsSettings> {
        let before = self.wrong.borrow().len();
        let certificate = self.value("tls_certificate", |given| &given.tls_certificate, path);
        let key = self.value("tls_key", |given| &given.tls_key, path);
        let client_ca = self.value("tls_client_ca", |given| &given.tls_client_ca, path);
        let (setting, missing) = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                return Some(TlsSettings { certificate, key, client_ca });
            }
            (Some(_), None) => ("tls_certificate", "tls_key"),
            (None, Some(_)) => ("tls_key", "tls_certificate"),
            (None, None) if client_ca.is_some() => ("tls_client_ca", "tls_certificate"),
            (None, None) => return None,
        };
        let mut wrong = self.wrong.borrow_mut();
        // One that is there and cannot be used is not missing.
        if wrong.len() == before {
            wrong.push(ConfigError::Incomplete { setting, missing });
        }
        None
    }
}
