//! `gatehouse healthcheck`: for what restarts a server that is not well.

use std::error::Error;
use std::time::Duration;

use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::server_url::ServerUrl;

/// To connect, and to answer: less than what asks for health waits.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks for the health of the whole server.
///
/// # Errors
/// If it does not serve, or does not answer in time.
pub(super) async fn run(server: &ServerUrl) -> Result<(), Box<dyn Error>> {
    let channel = server.connect(LIMIT).await?;
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(LIMIT);
    let answer = HealthClient::new(channel).check(request).await;
    let status = answer.map_err(|status| format!("{server}: {}", status.message()))?;
    match status.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(format!("{server} is {}", other.as_str_name()).into()),
    }
}
