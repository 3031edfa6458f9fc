//! Accepting connections: so many at once, whoever they are of.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prometheus::Gauge;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tokio_util::sync::PollSemaphore;

use super::connection::Connection;
use crate::log::Seldom;
use crate::metrics::Metrics;
use crate::tls::ServerTls;

/// Within the usual limit of 1,024 open files, with room for the database.
pub(crate) const MAX_CONNECTIONS: u32 = 900;
/// After an accept that failed, mostly for want of open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections as they come.
pub(super) struct Connections {
    listener: TcpListener,
    /// None for connections without it.
    tls: Option<Arc<ServerTls>>,
    places: PollSemaphore,
    /// For the next connection.
    place: Option<OwnedSemaphorePermit>,
    open: Gauge,
    most: u32,
    pause: Option<Pin<Box<Sleep>>>,
    told_full: Seldom,
    told_failures: Seldom,
}

/// One of the places that connections have, until it is dropped.
pub(super) struct Place {
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(permit: OwnedSemaphorePermit, open: &Gauge) -> Self {
        open.inc();
        Self { open: open.clone(), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Connections {
    /// To `listener`, counted in `metrics`.
    pub(super) fn new(
        listener: TcpListener,
        tls: Option<Arc<ServerTls>>,
        metrics: &Metrics,
    ) -> Self {
        let open = metrics.client_connections(MAX_CONNECTIONS);
        Self::at_most(MAX_CONNECTIONS, listener, tls, open)
    }

    fn at_most(most: u32, listener: TcpListener, tls: Option<Arc<ServerTls>>, open: Gauge) -> Self {
        let places = PollSemaphore::new(Arc::new(Semaphore::new(most as usize)));
        let (told_full, told_failures) = (Seldom::default(), Seldom::default());
        Self {
            listener,
            tls,
            places,
            place: None,
            open,
            most,
            pause: None,
            told_full,
            told_failures,
        }
    }

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Option<OwnedSemaphorePermit>> {
        let place = self.places.poll_acquire(cx);
        if place.is_pending()
            && let Some(unsaid) = self.told_full.tell()
        {
            let most = self.most;
            tracing::warn!(
                most,
                unsaid,
                "every connection is taken: the next one waits for its end"
            );
        }
        place
    }
}

impl Stream for Connections {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            if self.place.is_none() {
                self.place = ready!(self.poll_place(cx));
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    // An answer is one small packet; it must not wait for another.
                    stream.set_nodelay(true).unwrap_or_else(|error| {
                        tracing::debug!(%error, "cannot set TCP_NODELAY");
                    });
                    let place = self.place.take().map(|permit| Place::take(permit, &self.open));
                    let connection = Connection::new(stream, peer, self.tls.as_ref(), place);
                    return Poll::Ready(Some(Ok(connection)));
                }
                // tonic would try again at once, and spin.
                Err(error) => {
                    if let Some(unsaid) = self.told_failures.tell() {
                        tracing::warn!(%error, unsaid, "cannot accept a connection");
                    }
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_connection_beyond_the_most_waits_until_one_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Gauge::new("open", "open").unwrap();
        let mut connections = Connections::at_most(2, listener, None, open.clone());
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let first = connections.next().await.unwrap().unwrap();
        let _second = connections.next().await.unwrap().unwrap();
        tokio::select! {
            biased;
            _ = connections.next() => unreachable!("there are two places"),
            () = tokio::task::yield_now() => {}
        }
        assert!(connections.told_full.tell().is_none(), "it was told");
        assert!((open.get() - 2.0).abs() < f64::EPSILON);
        drop(first);
        assert!((open.get() - 1.0).abs() < f64::EPSILON);
        connections.next().await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_closed_connection_gives_its_place_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Gauge::new("open", "open").unwrap();
        let mut connections = Connections::at_most(900, listener, None, open);
        let places = connections.places.clone_inner();
        let _client = TcpStream::connect(address).await.unwrap();
        let server = connections.next().await.unwrap().unwrap();
        assert_eq!(places.available_permits(), 899);
        drop(server);
        assert_eq!(places.available_permits(), 900);
    }
}
