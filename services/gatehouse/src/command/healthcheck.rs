//! `gatehouse healthcheck`: for what restarts a server that is not well.

use std::error::Error;
use std::time::Duration;

use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::server_url::{ServerUrl, TlsOptions, lost_connection};

/// To connect, and to answer: less than what asks for health waits.
const LIMIT: Duration = Duration::from_secs(2);

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
/// If it does not answer in time, or something else than a gatehouse does.
pub(super) async fn status(
    server: &ServerUrl,
    tls: &TlsOptions,
) -> Result<ServingStatus, Box<dyn Error>> {
    let channel = server.connect(tls, LIMIT).await?;
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(LIMIT);
    let answer = HealthClient::new(channel).check(request).await;
    let answer = answer.map_err(|status| {
        let lost = lost_connection(&status);
        format!("{server}: {}", lost.as_deref().unwrap_or(status.message()))
    })?;
    Ok(answer.into_inner().status())
}
