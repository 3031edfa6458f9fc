//! The addresses: whether they are to be had, or a gatehouse has them already.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{Finding, line_of};
use crate::command::healthcheck::{self, Late};
use crate::command::server_url::{ConnectError, ServerUrl, TlsOptions};
use crate::config::Settings;
use crate::metrics::catalog::BUILD_INFO;
use crate::tls::client::HandshakeError;

/// For what has the port of metrics to answer.
const LIMIT: Duration = Duration::from_secs(2);
/// More than any server's metrics.
const MAX_METRICS_BYTES: u64 = 16 << 20;

pub(super) async fn examine(settings: &Settings, tls: &TlsOptions) -> Vec<Finding> {
    let mut findings = vec![match free("listen", settings.listen) {
        Some(finding) => finding,
        None => held(settings, tls).await,
    }];
    if let Some(address) = settings.metrics_listen {
        findings.push(match free("metrics", address) {
            Some(_) if address == settings.listen => Finding::error(
                "metrics",
                format!("listen and metrics_listen are both {address}"),
                "give metrics_listen another port",
            ),
            Some(finding) => finding,
            None => held_for_metrics(address).await,
        });
    }
    findings
}

/// Whether an address can be had, if nobody has it.
fn free(check: &'static str, address: SocketAddr) -> Option<Finding> {
    match TcpListener::bind(address) {
        Ok(_) => Some(Finding::ok(check, format!("{address} is free: no server runs here"))),
        Err(error) if error.kind() == ErrorKind::AddrInUse => None,
        Err(error) => {
            let cure = match error.kind() {
                ErrorKind::AddrNotAvailable => "give an address of this machine, or 0.0.0.0",
                ErrorKind::PermissionDenied => "give a port from 1024 on, or CAP_NET_BIND_SERVICE",
                _ => "give another address",
            };
            Some(Finding::error(check, format!("{address} cannot be had: {error}"), cure))
        }
    }
}

/// Who has the address of calls.
async fn held(settings: &Settings, tls: &TlsOptions) -> Finding {
    const CHECK: &str = "listen";
    let address = settings.listen;
    let asked = async {
        let (tls, server) = tls.clone().with_server(None, settings)?;
        let status: Result<_, Box<dyn Error>> = healthcheck::status(&server, &tls).await;
        status
    };
    let error = match asked.await {
        Ok(ServingStatus::Serving) => {
            return Finding::ok(CHECK, format!("a gatehouse serves at {address}"));
        }
        Ok(status) => {
            return Finding::error(
                CHECK,
                format!("a gatehouse is at {address}, and is {}", status.as_str_name()),
                "its log says why; leave it running, it comes back by itself",
            );
        }
        Err(error) => error,
    };
    if error.is::<Late>() {
        return silent(CHECK, address, &line_of(&*error));
    }
    match error.downcast_ref() {
        // The server is known by its certificate: nobody else has the key.
        Some(ConnectError::NoTls { why: HandshakeError::CertificateWanted, .. }) => Finding::ok(
            CHECK,
            format!("a server with this certificate is at {address}; it asks for one of clients"),
        ),
        Some(ConnectError::NoTls { why, .. }) if !matches!(why, HandshakeError::NoTls) => {
            Finding::warning(
                CHECK,
                format!("a server with TLS is at {address}, and could not be asked: {why}"),
                "name the file of the certificate's CA with --ca-file; if it is no gatehouse, give \
                 listen another port",
            )
        }
        _ => Finding::error(
            CHECK,
            format!("something that is no gatehouse has {address}: {}", line_of(&*error)),
            format!(
                "end it (`ss -ltnp 'sport = {}'` names it), or give listen another port",
                address.port()
            ),
        ),
    }
}

/// Something has an address and says nothing: it may well be a gatehouse, and is not to be
/// ended for that.
fn silent(check: &'static str, address: SocketAddr, why: &str) -> Finding {
    Finding::error(
        check,
        format!(
            "something has {address} and says nothing ({why}): a gatehouse that is full, frozen or \
             starting, or another program"
        ),
        format!(
            "`ss -ltnp 'sport = {port}'` names it. If it is a gatehouse, its log says whether every \
             connection is taken, and `ss -tn 'sport = {port}'` by whom \
             (docs/runbooks.md#gatehouseclientconnectionstaken); restart it only if it is frozen. If \
             it is not, give {check} another port",
            port = address.port(),
            check = if check == "metrics" { "metrics_listen" } else { check },
        ),
    )
}

/// Who has the address of metrics.
async fn held_for_metrics(address: SocketAddr) -> Finding {
    const CHECK: &str = "metrics";
    let of_this_machine = ServerUrl::of_listener(address, false);
    let Ok(answer) = timeout(LIMIT, ask(of_this_machine.place())).await else {
        let why = format!("no answer within {} s", LIMIT.as_secs());
        return silent(CHECK, address, &why);
    };
    let why = match answer {
        Ok(text) if text.contains(BUILD_INFO.name) => {
            return Finding::ok(CHECK, format!("a gatehouse serves metrics at {address}"));
        }
        Ok(_) => "it gives none".to_owned(),
        Err(error) => error.to_string(),
    };
    Finding::error(
        CHECK,
        format!("something has {address} that gives no metrics of gatehouse: {why}"),
        format!(
            "end it (`ss -ltnp 'sport = {}'` names it), or give metrics_listen another port",
            address.port()
        ),
    )
}

async fn ask(place: (&str, u16)) -> io::Result<String> {
    let mut stream = TcpStream::connect(place).await?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: metrics\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.take(MAX_METRICS_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
