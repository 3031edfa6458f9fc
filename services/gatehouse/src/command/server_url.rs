//! Where a server is, for the commands that call one.

use std::error::Error;
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

/// A server's `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerUrl(String);

impl ServerUrl {
    /// Of a server on this machine.
    pub(super) fn of_listener(listen: SocketAddr) -> Self {
        let ip = match listen.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        Self(format!("http://{}", SocketAddr::new(ip, listen.port())))
    }

    /// Connects, within `limit`.
    ///
    /// # Errors
    /// That no server answers, with the reason.
    pub(super) async fn connect(&self, limit: Duration) -> Result<Channel, Box<dyn Error>> {
        let endpoint = Endpoint::from_shared(self.0.clone())?.connect_timeout(limit);
        let connected = endpoint.connect().await;
        Ok(connected.map_err(|error| format!("no server answers at {self}: {}", root(&error)))?)
    }
}

impl FromStr for ServerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: http::Uri = text.parse().map_err(|_| "must be http://host:port")?;
        let is_bare = uri.path() == "/" && uri.query().is_none();
        if uri.scheme_str() != Some("http") || uri.authority().is_none() || !is_bare {
            return Err("must be http://host:port");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened in the first place: the errors around it say that connecting failed.
fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_on_this_machine() {
        for (listen, url) in [
            ("127.0.0.1:50051", "http://127.0.0.1:50051"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(ServerUrl::of_listener(listen.parse().unwrap()).to_string(), url);
        }
    }

    #[test]
    fn takes_a_scheme_a_host_and_a_port() {
        assert!("http://gatehouse:50051".parse::<ServerUrl>().is_ok());
        for text in
            ["", "gatehouse:50051", "https://gatehouse", "http://a/b", "http://a?b", "ftp://a"]
        {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }
}
