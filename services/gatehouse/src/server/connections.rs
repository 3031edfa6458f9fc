//! Accepting connections: so many at once, whoever they are of.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tokio_util::sync::PollSemaphore;

use super::connection::Connection;
use crate::tls::ServerTls;

/// Within the usual limit of 1,024 open files, with room for the database.
const MAX_CONNECTIONS: usize = 900;
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
    pause: Option<Pin<Box<Sleep>>>,
}

impl Connections {
    /// To `listener`.
    pub(super) fn new(listener: TcpListener, tls: Option<Arc<ServerTls>>) -> Self {
        Self::at_most(MAX_CONNECTIONS, listener, tls)
    }

    fn at_most(count: usize, listener: TcpListener, tls: Option<Arc<ServerTls>>) -> Self {
        let places = PollSemaphore::new(Arc::new(Semaphore::new(count)));
        Self { listener, tls, places, place: None, pause: None }
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
                self.place = ready!(self.places.poll_acquire(cx));
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    // An answer is one small packet; it must not wait for another.
                    stream.set_nodelay(true).unwrap_or_else(|error| {
                        tracing::debug!(%error, "cannot set TCP_NODELAY");
                    });
                    let place = self.place.take();
                    let connection = Connection::new(stream, peer, self.tls.as_ref(), place);
                    return Poll::Ready(Some(Ok(connection)));
                }
                // tonic would try again at once, and spin.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
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
        let mut connections = Connections::at_most(2, listener, None);
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
        drop(first);
        connections.next().await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_closed_connection_gives_its_place_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = Connections::new(listener, None);
        let places = connections.places.clone_inner();
        let _client = TcpStream::connect(address).await.unwrap();
        let server = connections.next().await.unwrap().unwrap();
        assert_eq!(places.available_permits(), MAX_CONNECTIONS - 1);
        drop(server);
        assert_eq!(places.available_permits(), MAX_CONNECTIONS);
    }
}
