//! `GET /metrics` over HTTP/1.1 on a port of its own, and nothing else.
//!
//! Whoever can reach the port is answered: it has no key and no TLS, and what it tells is no
//! secret but not for everybody either (docs/operations.md).

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::render;
use crate::app::App;
use crate::log::Seldom;

/// Prometheus needs one, people who look a few. Who comes after these waits.
pub(crate) const MAX_CONNECTIONS: u32 = 16;
/// From the connection to the end of the answer, which is made in milliseconds.
const LIMIT: Duration = Duration::from_secs(10);
/// Until the whole head of a request is there.
const HEAD_LIMIT: Duration = Duration::from_secs(2);
/// The head of a request; hyper takes no less.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// After an accept that failed, mostly for want of open files.
const PAUSE: Duration = Duration::from_millis(100);
/// What Prometheus calls its text format.
const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Why metrics are not served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}, which metrics_listen asks for")]
pub struct MetricsBindError {
    address: SocketAddr,
    source: io::Error,
}

/// An address, taken, at which metrics are served.
pub struct MetricsListener {
    app: Arc<App>,
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl MetricsListener {
    /// Takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`MetricsBindError`] if the address is taken or not of this machine.
    pub async fn bind(app: Arc<App>, address: SocketAddr) -> Result<Self, MetricsBindError> {
        let bind = |source| MetricsBindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let local_addr = listener.local_addr().map_err(bind)?;
        app.metrics.note_served();
        Ok(Self { app, listener, local_addr })
    }

    /// The address, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves for as long as `work` is under way, and gives what it comes to. Answers that
    /// are not complete then are cut off.
    pub async fn serve_during<T>(self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.serve() => match never {},
        }
    }

    async fn serve(self) -> Infallible {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
        let mut told_failures = Seldom::default();
        // Ends with this future, and so do its connections.
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            // Never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                sleep(PAUSE).await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let app = Arc::clone(&self.app);
                    connections.spawn(async move {
                        let _place = place;
                        answer(app, stream).await;
                    });
                }
                Err(error) => {
                    if let Some(unsaid) = told_failures.tell() {
                        tracing::warn!(%error, unsaid, "cannot accept a connection for metrics");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Answers one request.
async fn answer(app: Arc<App>, stream: TcpStream) {
    let service = service_fn(move |request: Request<_>| {
        let response = respond(&app, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(LIMIT, connection).await {
        Ok(Ok(())) => {}
        // Whoever asks so is told by the end of the connection.
        Ok(Err(error)) => tracing::debug!(%error, "a request for metrics"),
        Err(_late) => tracing::debug!("a request for metrics took too long"),
    }
}

/// Metrics, to those who ask for them by their one name.
fn respond<B>(app: &App, request: &Request<B>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET || request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "only GET /metrics is here\n");
    }
    match render(app) {
        Ok(text) => {
            let mut response = Response::new(Full::from(text));
            let content_type = header::HeaderValue::from_static(CONTENT_TYPE);
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            response
        }
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written; see the log\n")
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
