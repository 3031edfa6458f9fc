//! Where a server is, and how it is reached, for the commands that call one.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::config::Settings;
use crate::tls::client::{ClientFiles, ClientTls, HandshakeError};
use crate::tls::{TlsError, pem};

/// What happened where TLS ends without a word.
const GONE: &str = "the server ended it, or was ended";

/// A server's `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerUrl {
    text: String,
    is_tls: bool,
    /// Without the brackets that an address of IPv6 has in a URL.
    host: String,
    port: u16,
}

/// How to agree on TLS with the server, where its URL begins with `https://`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TlsOptions {
    /// PEM file of the CAs that the server's certificate may come from [default: those that this
    /// machine trusts]
    #[arg(long, env = "GATEHOUSE_ADMIN_CA_FILE", value_name = "PATH", global = true)]
    ca_file: Option<PathBuf>,

    /// PEM file of a certificate to show to a server that lets in only clients with one, and of
    /// those between it and its CA
    #[arg(long, env = "GATEHOUSE_ADMIN_CLIENT_CERTIFICATE", value_name = "PATH", global = true)]
    client_certificate: Option<PathBuf>,

    /// PEM file of that certificate's private key
    #[arg(long, env = "GATEHOUSE_ADMIN_CLIENT_KEY", value_name = "PATH", global = true)]
    client_key: Option<PathBuf>,

    /// The name or address that the server's certificate is for, where the URL has another
    #[arg(long, env = "GATEHOUSE_ADMIN_SERVER_NAME", value_name = "NAME", global = true)]
    #[arg(value_parser = server_name)]
    server_name: Option<ServerName<'static>>,
}

/// A key is not sent where others can read it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is on another machine, and there is no TLS: the admin key would cross the network in \
     clear. Give an https:// URL, or --key-in-clear where the network is private"
)]
pub(super) struct InClear(ServerUrl);

/// Why there is no connection to a server.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// It is there, and the two do not agree.
    #[error("no TLS with {server}: {why}")]
    NoTls { server: ServerUrl, why: HandshakeError },
    /// Nobody is.
    #[error("no server answers at {server}: {why}")]
    NoAnswer { server: ServerUrl, why: String },
}

impl ServerUrl {
    /// Of the server on this machine that has these settings.
    pub(super) fn of_this_machine(settings: &Settings) -> Self {
        Self::of_listener(settings.listen, settings.tls.is_some())
    }

    /// Of whoever listens there on this machine.
    pub(super) fn of_listener(listen: SocketAddr, is_tls: bool) -> Self {
        let ip = match listen.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let port = listen.port();
        let scheme = if is_tls { "https" } else { "http" };
        let text = format!("{scheme}://{}", SocketAddr::new(ip, port));
        Self { text, is_tls, host: ip.to_string(), port }
    }

    /// Where to connect to.
    pub(super) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Refuses a server to which an API key would cross a network in clear, unless that is
    /// `allowed` by name.
    ///
    /// # Errors
    /// [`InClear`].
    pub(super) fn require_private(&self, allowed: bool) -> Result<(), InClear> {
        let of_this_machine = self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
        if self.is_tls || of_this_machine || allowed { Ok(()) } else { Err(InClear(self.clone())) }
    }

    /// Connects, within `limit`.
    ///
    /// # Errors
    /// [`ConnectError`]; [`TlsError`] of the files that `options` name.
    pub(super) async fn connect(
        &self,
        options: &TlsOptions,
        limit: Duration,
    ) -> Result<Channel, Box<dyn Error>> {
        // tonic connects to no https:// by another TLS than its own. Calls say https all the same.
        let plain =
            if self.is_tls { self.text.replacen("https", "http", 1) } else { self.text.clone() };
        let endpoint = Endpoint::from_shared(plain)?.origin(self.text.parse()?);
        let endpoint = endpoint.connect_timeout(limit);
        let connected = if self.is_tls {
            let tls = options.client(self)?;
            let place = (self.host.clone(), self.port);
            let connector = service_fn(move |_: Uri| {
                let (tls, place) = (tls.clone(), place.clone());
                async move { tls.agree(TcpStream::connect(place).await?).await.map(TokioIo::new) }
            });
            endpoint.connect_with_connector(connector).await
        } else {
            endpoint.connect().await
        };
        Ok(connected.map_err(|error| match within::<HandshakeError>(&error) {
            Some(why) => ConnectError::NoTls { server: self.clone(), why: why.clone() },
            None => ConnectError::NoAnswer { server: self.clone(), why: root(&error).to_string() },
        })?)
    }
}

impl TlsOptions {
    /// As they are, for `server` if one is named; else for the one on this machine, whose
    /// certificate says for which name it is.
    ///
    /// # Errors
    /// [`TlsError`] of the server's certificate.
    pub(super) fn with_server(
        mut self,
        server: Option<ServerUrl>,
        settings: &Settings,
    ) -> Result<(Self, ServerUrl), TlsError> {
        if let Some(server) = server {
            return Ok((self, server));
        }
        if let (None, Some(files)) = (&self.server_name, &settings.tls) {
            let certificates = pem::facts("tls_certificate", &files.certificate)?;
            let mut names = certificates.iter().take(1).flat_map(|own| &own.names);
            self.server_name = names.find_map(|name| server_name(name).ok());
        }
        Ok((self, ServerUrl::of_this_machine(settings)))
    }

    fn client(&self, server: &ServerUrl) -> Result<ClientTls, Box<dyn Error>> {
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) => return Err("--client-certificate needs --client-key".into()),
            (None, Some(_)) => return Err("--client-key needs --client-certificate".into()),
        };
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(&server.host)?,
        };
        Ok(ClientTls::new(&ClientFiles { ca: self.ca_file.clone(), identity }, name)?)
    }
}

fn server_name(text: &str) -> Result<ServerName<'static>, &'static str> {
    ServerName::try_from(text.to_owned()).map_err(|_| "must be a host's name or an IP address")
}

impl FromStr for ServerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be http://host:port or https://host:port";

        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(FORM),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(FORM)?;
        if uri.path() != "/" || uri.query().is_some() || text.contains('@') {
            return Err(FORM);
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { text: text.to_owned(), is_tls, host, port })
    }
}

impl Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What to say of a call that came to nothing as the connection failed: then only, `status`
/// is this side's own.
pub(super) fn lost_connection(status: &Status) -> Option<String> {
    let lost = lost_on_the_way(status)?;
    if lost.ends_with(GONE) {
        return Some(lost);
    }
    Some(format!("{lost} (a server with TLS is at https://)"))
}

/// The same over a connection that had been good.
pub(super) fn lost_on_the_way(status: &Status) -> Option<String> {
    let cause = root(status.source()?);
    let within_h2 = cause.downcast_ref::<h2::Error>().and_then(h2::Error::get_io);
    let why = match within_h2.map(io::Error::kind) {
        // rustls' words are of a manual for programmers: nobody said goodbye.
        Some(ErrorKind::UnexpectedEof) => GONE.to_owned(),
        _ => cause.to_string(),
    };
    Some(format!("the connection failed: {why}"))
}

/// What happened in the first place: the errors around it say that connecting failed.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// The error of a type that is behind another, also within an [`std::io::Error`], which does
/// not name it as its source.
fn within<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<T>()) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
