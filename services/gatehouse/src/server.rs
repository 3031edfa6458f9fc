//! Composition: the services, what a connection may do, start and end.

mod connection;
pub(crate) mod connections;
mod denials;
mod health;
mod import;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_api::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use gatehouse_api::v1::admin_service_server::AdminServiceServer;
use gatehouse_api::v1::portal_auth_service_server::PortalAuthServiceServer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::service::{LayerExt, Routes};
use tonic_health::ServingStatus;
use tower::Layer;
use tower::layer::util::{Identity, Stack};

use crate::app::App;
use crate::background::Background;
use crate::caller::AuthorizationLayer;
use crate::config::{Settings, TlsSettings};
use crate::layer::{CallLayer, CallService, RequestId};
use crate::rpc::{AdminRpc, AuthorizationRpc, PortalAuthRpc};
use crate::tls::{ServerTls, TlsError};
use crate::usecase::tries;

use connections::Connections;
use denials::DenialLayer;
use health::Health;
use import::LargeImports;

/// A whole message; a field has tighter bounds of its own.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// The same of ImportCustomers alone: a thousand rows of 4 KiB. Only keys of administrators
/// that may call it get that far.
pub(crate) const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;
/// The same of Envoy's question. Envoy takes 60 KiB of headers, and says the path twice.
const MAX_CHECK_BYTES: usize = 128 * 1024;
/// A question of health or reflection, which anybody may ask: the name of
/// something. As many of these are held as there may be calls.
const MAX_QUESTION_BYTES: usize = 1024;
/// The headers of a request, and what may be sent of a message before it is read.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const MAX_FRAME_BYTES: u32 = 16 * 1024;
/// Calls at once on a connection.
const MAX_STREAMS: u32 = 128;
/// Streams that the client reset before they were looked at, and that were
/// reset for its errors. Past these the connection ends: CVE-2023-44487 and
/// CVE-2025-8671.
const MAX_RESETS: usize = 32;
const MAX_ERROR_RESETS: usize = 128;
/// A connection that does not answer a ping is gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// For calls under way when the end comes: longer than any call may take. Only
/// streams, which have no end of their own, are cut off.
const DRAIN_LIMIT: Duration = Duration::from_secs(15);

type Router = tonic::transport::server::Router<Stack<CallLayer, Stack<DenialLayer, Identity>>>;

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The files of TLS; none to serve without it.
    pub tls: Option<TlsSettings>,
    /// Whether to describe the API to anyone who asks.
    pub reflection: bool,
    /// Whether Envoy may ask before it passes requests on.
    pub envoy_authorization: bool,
}

/// What is served where it is asked for.
#[derive(Clone, Copy, Default)]
struct Optional {
    reflection: bool,
    envoy_authorization: bool,
}

impl ServerSettings {
    /// Those among all settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let Settings { listen, tls, reflection, envoy_authorization, .. } = settings;
        let (reflection, envoy_authorization) = (*reflection, *envoy_authorization);
        Self { listen: *listen, tls: tls.clone(), reflection, envoy_authorization }
    }

    const fn optional(&self) -> Optional {
        let Self { reflection, envoy_authorization, .. } = *self;
        Optional { reflection, envoy_authorization }
    }
}

/// Why a server does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The files of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The descriptors that were built in cannot be served.
    #[error("reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("transport")]
    Transport(#[from] tonic::transport::Error),
}

/// A server that has its address, and does not answer yet.
pub struct Server {
    app: Arc<App>,
    connections: Connections,
    tls: Option<Arc<ServerTls>>,
    local_addr: SocketAddr,
    router: Router,
    health: Health,
}

impl Server {
    /// Takes the address. Clients may connect from then on, and wait.
    ///
    /// # Errors
    /// [`ServerError::Bind`] if the address is taken or not of this machine;
    /// [`ServerError::Tls`].
    pub async fn bind(app: Arc<App>, settings: &ServerSettings) -> Result<Self, ServerError> {
        let tls = match &settings.tls {
            Some(files) => {
                let tls = ServerTls::open(files, app.clock.clone()).await?;
                app.metrics.note_certificate(tls.not_after());
                Some(Arc::new(tls))
            }
            None => None,
        };
        let bind = |source| ServerError::Bind { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(bind)?;
        let local_addr = listener.local_addr().map_err(bind)?;
        let health = Health::new(settings.envoy_authorization);
        health.report(ServingStatus::NotServing).await;
        let routes = routes(&app, &health, settings.optional())?;
        Ok(Self {
            router: router(&app, routes),
            connections: Connections::new(listener, tls.clone(), &app.metrics),
            app,
            tls,
            local_addr,
            health,
        })
    }

    /// The address, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is ready, and does what nobody asks for meanwhile; then
    /// says so to those who ask for its health, takes no more calls, and lets calls,
    /// tasks and background work under way finish.
    ///
    /// # Errors
    /// [`ServerError::Transport`].
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServerError> {
        let app = Arc::clone(&self.app);
        let background = Background::start(&app, self.tls.clone());
        let answered = self.answer(shutdown).await;
        background.stop().await;
        tries::write_rest(&app, app.clock.now()).await;
        if let Err(error) = app.store.forget_server(app.server).await {
            // It is forgotten soon by itself.
            tracing::debug!(%error, "the end of this server was not written");
        }
        answered
    }

    /// [`Self::serve`] without the work in the background.
    ///
    /// # Errors
    /// [`ServerError::Transport`].
    pub async fn answer(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServerError> {
        let Self { app, connections, router, health, .. } = self;
        let mut is_ready = app.database_watch.subscribe();
        let was_ready = *is_ready.borrow_and_update();
        health.report_ready(was_ready).await;
        let (begin_drain, drain_begun) = oneshot::channel();
        let ended = Arc::clone(&app);
        let shutdown = async move {
            tokio::select! {
                () = shutdown => {}
                // The server holds what it follows: this has no end.
                () = health.follow(&mut is_ready) => {}
            }
            tracing::info!("draining");
            health.report(ServingStatus::NotServing).await;
            // Streams without an end, which would keep the server until it cuts them off.
            ended.trail.close();
            let _ = begin_drain.send(());
        };
        let drain_limit = async {
            match drain_begun.await {
                Ok(()) => tokio::time::sleep(DRAIN_LIMIT).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = router.serve_with_incoming_shutdown(connections, shutdown) => served?,
            () = drain_limit => tracing::warn!("streams were cut off"),
        }
        app.tasks.close_and_wait().await;
        app.traces.end().await;
        Ok(())
    }
}

fn routes(
    app: &Arc<App>,
    health: &Health,
    optional: Optional,
) -> Result<Routes, tonic_reflection::server::Error> {
    let health = tonic_health::server::HealthService::from_health_reporter(health.reporter.clone());
    let health = tonic_health::pb::health_server::HealthServer::new(health)
        .max_decoding_message_size(MAX_QUESTION_BYTES);
    let admin = |max_bytes| {
        let rpc = AdminRpc::new(Arc::clone(app));
        AdminServiceServer::new(rpc).max_decoding_message_size(max_bytes)
    };
    let admin = LargeImports::new(admin(MAX_MESSAGE_BYTES), admin(MAX_IMPORT_BYTES));
    let portal_auth = PortalAuthServiceServer::new(PortalAuthRpc::new(Arc::clone(app)))
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let authorized = AuthorizationLayer::new(Arc::clone(app));
    let mut routes = Routes::new(health)
        .add_service(authorized.named_layer(admin))
        .add_service(authorized.named_layer(portal_auth));
    if optional.envoy_authorization {
        let envoy = AuthorizationServer::new(AuthorizationRpc::new(Arc::clone(app)))
            .max_decoding_message_size(MAX_CHECK_BYTES);
        routes = routes.add_service(authorized.named_layer(envoy));
    }
    if !optional.reflection {
        return Ok(routes);
    }
    // With the types of error details, so that clients without the protos can print them.
    let descriptors = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(gatehouse_api::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        if optional.envoy_authorization {
            return builder
                .register_encoded_file_descriptor_set(gatehouse_api::ENVOY_FILE_DESCRIPTOR_SET);
        }
        builder
    };
    Ok(routes
        .add_service(descriptors().build_v1()?.max_decoding_message_size(MAX_QUESTION_BYTES))
        .add_service(descriptors().build_v1alpha()?.max_decoding_message_size(MAX_QUESTION_BYTES)))
}

/// The services of the contract with all that surrounds a call, for a caller in this
/// process: what [`Server`] serves, without a connection and what bounds one.
///
/// # Errors
/// [`ServerError::Reflection`].
pub fn without_connection(app: &Arc<App>) -> Result<CallService<Routes>, ServerError> {
    let routes = routes(app, &Health::new(false), Optional::default())?;
    Ok(call_layer(app).layer(routes))
}

fn call_layer(app: &App) -> CallLayer {
    let entropy = app.entropy;
    CallLayer::new(Arc::clone(&app.metrics.calls), app.traces.clone(), move || {
        RequestId::generate(&mut entropy.rng())
    })
}

/// HTTP/2 as [`Server`] speaks it, before any service: what a service that does nothing
/// is served over, to see what the transport alone costs.
#[must_use]
pub fn transport() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
        .http2_max_local_error_reset_streams(Some(MAX_ERROR_RESETS))
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
}

fn router(app: &App, routes: Routes) -> Router {
    transport().layer(DenialLayer).layer(call_layer(app)).add_routes(routes)
}
