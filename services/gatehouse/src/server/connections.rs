//! Accepting connections: so many at once, and none that never says a word.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;
use tokio_util::sync::PollSemaphore;
use tonic::transport::server::Connected;

use crate::caller::Peer;

/// Within the usual limit of 1,024 open files, with room for the database.
const MAX_CONNECTIONS: usize = 900;
/// From the connection until the client's preface is complete.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// RFC 9113, section 3.4.
const PREFACE_BYTES: usize = 24;
/// After an accept that failed, mostly for want of open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections as they come.
pub(super) struct Connections {
    listener: TcpListener,
    places: PollSemaphore,
    /// For the next connection.
    place: Option<OwnedSemaphorePermit>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Connections {
    /// To `listener`.
    pub(super) fn new(listener: TcpListener) -> Self {
        Self::at_most(MAX_CONNECTIONS, listener)
    }

    fn at_most(count: usize, listener: TcpListener) -> Self {
        let places = PollSemaphore::new(Arc::new(Semaphore::new(count)));
        Self { listener, places, place: None, pause: None }
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
                Ok((stream, _)) => {
                    // An answer is one small packet; it must not wait for another.
                    stream.set_nodelay(true).unwrap_or_else(|error| {
                        tracing::debug!(%error, "cannot set TCP_NODELAY");
                    });
                    return Poll::Ready(Some(Ok(Connection {
                        stream,
                        handshake: Some(Handshake::begin()),
                        _place: self.place.take(),
                    })));
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

/// A TCP connection that holds one of the places.
pub(super) struct Connection {
    stream: TcpStream,
    /// Until the client has shown that it speaks HTTP/2.
    handshake: Option<Handshake>,
    _place: Option<OwnedSemaphorePermit>,
}

struct Handshake {
    limit: Pin<Box<Sleep>>,
    missing: usize,
}

impl Handshake {
    fn begin() -> Self {
        Self { limit: Box::pin(sleep(HANDSHAKE_LIMIT)), missing: PREFACE_BYTES }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer(self.stream.peer_addr().ok())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(handshake) = &mut self.handshake else { return read };
        if read.is_pending() {
            ready!(handshake.limit.as_mut().poll(cx));
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        handshake.missing = handshake.missing.saturating_sub(buf.filled().len() - before);
        if handshake.missing == 0 {
            self.handshake = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_stream::StreamExt;

    use super::*;

    async fn connect() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = Connections::new(listener).next().await.unwrap().unwrap();
        (client, server)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_less_than_a_preface_is_cut_off() {
        let (mut client, mut server) = connect().await;
        let mut preface = [0; PREFACE_BYTES];
        client.write_all(&preface[1..]).await.unwrap();
        let error = server.read_exact(&mut preface).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_sent_its_preface_may_be_silent() {
        let (mut client, mut server) = connect().await;
        let mut preface = [0; PREFACE_BYTES];
        client.write_all(&preface).await.unwrap();
        server.read_exact(&mut preface).await.unwrap();
        tokio::select! {
            read = server.read_u8() => unreachable!("{read:?}"),
            () = sleep(2 * HANDSHAKE_LIMIT) => {}
        }
    }

    #[tokio::test]
    async fn a_connection_beyond_the_most_waits_until_one_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = Connections::at_most(2, listener);
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
        let mut connections = Connections::new(listener);
        let places = connections.places.clone_inner();
        let _client = TcpStream::connect(address).await.unwrap();
        let server = connections.next().await.unwrap().unwrap();
        assert_eq!(places.available_permits(), MAX_CONNECTIONS - 1);
        drop(server);
        assert_eq!(places.available_permits(), MAX_CONNECTIONS);
    }
}
