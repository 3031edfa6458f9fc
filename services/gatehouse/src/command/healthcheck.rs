//! `gatehouse healthcheck`: for what restarts a server that is not well.

use std::error::Error;
use std::time::Duration;

use tokio::time::timeout;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::server_url::{ServerUrl, TlsOptions, lost_connection};

/// To connect, and to answer: less than what asks for health waits.
const LIMIT: Duration = Duration::from_secs(2);

/// Something has the address and says nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0} does not answer within {limit} s", limit = LIMIT.as_secs())]
pub(super) struct Late(ServerUrl);

/// Asks for the health of the whole server.
///
/// # Errors
/// If it does not serve, or does not answer in time.
pub(super) async fn run(server: &ServerUrl, tls: &TlsOptions) -> Result<(), Box<dyn Error>> {
    match status(server, tls).await? {
        ServingStatus::Serving => Ok(()),
        other => Err(format!("{server} is {}", other.as_str_name()).into()),
    }
}

/// What the server says of its health.
///
/// # Errors
/// [`Late`]; others where something else than a gatehouse answers, or nothing is there.
pub(super) async fn status(
    server: &ServerUrl,
    tls: &TlsOptions,
) -> Result<ServingStatus, Box<dyn Error>> {
    match timeout(LIMIT, ask(server, tls)).await {
        Ok(answer) => answer,
        Err(_) => Err(Late(server.clone()).into()),
    }
}

async fn ask(server: &ServerUrl, tls: &TlsOptions) -> Result<ServingStatus, Box<dyn Error>> {
    // Whoever asks waits for less.
    let channel = server.connect(tls, 2 * LIMIT).await?;
    let request = Request::new(HealthCheckRequest::default());
    let answer = HealthClient::new(channel).check(request).await;
    let answer = answer.map_err(|status| {
        let lost = lost_connection(&status);
        format!("{server}: {}", lost.as_deref().unwrap_or(status.message()))
    })?;
    Ok(answer.into_inner().status())
}
