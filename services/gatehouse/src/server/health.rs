//! What a server says of its health, to whoever asks.

use gatehouse_api::envoy::service::auth::v3::authorization_server;
use gatehouse_api::v1::{admin_service_server, portal_auth_service_server};
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// The names that the health service knows; the empty one is the whole server.
pub(super) const SERVICES: [&str; 3] =
    ["", admin_service_server::SERVICE_NAME, portal_auth_service_server::SERVICE_NAME];

/// Who is told, and of which services.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) reporter: HealthReporter,
    answers_envoy: bool,
}

impl Health {
    /// Of a server that may answer Envoy besides.
    pub(super) fn new(answers_envoy: bool) -> Self {
        Self { reporter: HealthReporter::new(), answers_envoy }
    }

    /// Says when the server is ready and when it is not.
    pub(super) async fn follow(&self, is_ready: &mut watch::Receiver<bool>) {
        while is_ready.changed().await.is_ok() {
            let is_ready_now = *is_ready.borrow_and_update();
            self.report_ready(is_ready_now).await;
        }
    }

    pub(super) async fn report_ready(&self, is_ready: bool) {
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.report(status).await;
    }

    pub(super) async fn report(&self, status: ServingStatus) {
        let of_envoy = self.answers_envoy.then_some(authorization_server::SERVICE_NAME);
        for service in SERVICES.into_iter().chain(of_envoy) {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
