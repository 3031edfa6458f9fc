//! A connection, from its first byte: TLS where the server has it, then HTTP/2, and none
//! that takes its time over either.
//!
//! TLS is agreed on while HTTP/2 waits for what it is to read, in the task that every
//! connection has: nothing else waits for a client that is slow at it.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{FallibleAccept, TlsAcceptor};
use tokio_util::either::Either;
use tonic::transport::server::Connected;

use super::connections::Place;
use crate::caller::Peer;
use crate::tls::{self, ServerTls};

/// From the connection until the client's preface is complete, TLS before it included.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// RFC 9113, section 3.4.
const PREFACE_BYTES: usize = 24;
/// What a client may still say that is not let in: more than a preface and a call.
const MAX_PARTING_BYTES: usize = 64 * 1024;

/// A connection that holds one of the places.
pub(super) struct Connection {
    wire: Wire,
    peer: SocketAddr,
    /// Until the client has shown that it speaks HTTP/2.
    handshake: Option<Handshake>,
    _place: Option<Place>,
}

/// What HTTP/2 is spoken over.
enum Wire {
    Open(Open),
    Agreeing(Box<FallibleAccept<TcpStream>>, Arc<ServerTls>),
    /// No TLS was agreed on: why, until that is told, and with whom, while they are there.
    Failed(Option<io::Error>, Option<Parting>),
}

/// A client that has been told why it is not let in. A connection that is closed while the
/// client still speaks is reset, and the reason lost: a client of TLS 1.3 whose certificate
/// is refused has begun with HTTP/2 by then.
struct Parting {
    stream: TcpStream,
    /// What is read of the client at most, and thrown away.
    to_read: usize,
}

type Open = Either<TcpStream, Box<TlsStream<TcpStream>>>;

struct Handshake {
    limit: Pin<Box<Sleep>>,
    missing: usize,
}

impl Handshake {
    fn begin() -> Self {
        Self { limit: Box::pin(sleep(HANDSHAKE_LIMIT)), missing: PREFACE_BYTES }
    }
}

impl Connection {
    /// Over `stream`, by TLS as it is now, holding `place` to its end.
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<&Arc<ServerTls>>,
        place: Option<Place>,
    ) -> Self {
        let wire = match tls {
            Some(tls) => {
                let accept = TlsAcceptor::from(tls.config()).accept(stream).into_fallible();
                Wire::Agreeing(Box::new(accept), Arc::clone(tls))
            }
            None => Wire::Open(Either::Left(stream)),
        };
        Self { wire, peer, handshake: Some(Handshake::begin()), _place: place }
    }

    /// What HTTP/2 is spoken over, once that is agreed on.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut Open>>> {
        if let Wire::Agreeing(accept, tls) = &mut self.wire {
            let agreed = match Pin::new(&mut **accept).poll(cx) {
                Poll::Ready(agreed) => agreed.and_then(require_http2).map_err(Wire::parting),
                Poll::Pending => Err((ready!(poll_limit(&mut self.handshake, cx)), None)),
            };
            self.wire = match agreed {
                Ok(stream) => Wire::Open(Either::Right(Box::new(stream))),
                Err((error, client)) => {
                    tracing::debug!(peer = %self.peer, %error, "no TLS was agreed on");
                    tls.count_failed_handshake(&error);
                    Wire::Failed(Some(error), client)
                }
            };
        }
        match &mut self.wire {
            Wire::Failed(error, client) => {
                if client.as_mut().is_some_and(|client| client.poll_gone(cx).is_pending()) {
                    ready!(poll_limit(&mut self.handshake, cx));
                }
                *client = None;
                let error = error.take();
                Poll::Ready(Err(error.unwrap_or_else(|| ErrorKind::NotConnected.into())))
            }
            Wire::Open(open) => Poll::Ready(Ok(Pin::new(open))),
            Wire::Agreeing(..) => Poll::Pending,
        }
    }
}

impl Wire {
    fn parting((error, stream): (io::Error, TcpStream)) -> (io::Error, Option<Parting>) {
        (error, Some(Parting { stream, to_read: MAX_PARTING_BYTES }))
    }
}

impl Parting {
    /// Ready when the client has closed the connection, or has said enough.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        while self.to_read > 0 {
            let mut unread = [0; 1024];
            let mut unread = ReadBuf::new(&mut unread);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut unread));
            if read.is_err() || unread.filled().is_empty() {
                break;
            }
            self.to_read = self.to_read.saturating_sub(unread.filled().len());
        }
        Poll::Ready(())
    }
}

/// Refuses a client that has not said that it speaks HTTP/2: whoever made it talk to this
/// server may have meant another (RFC 9113, section 3.2).
fn require_http2(
    stream: TlsStream<TcpStream>,
) -> Result<TlsStream<TcpStream>, (io::Error, TcpStream)> {
    if stream.get_ref().1.alpn_protocol() == Some(tls::ALPN) {
        return Ok(stream);
    }
    let why = "the client did not ask for h2 by ALPN";
    Err((io::Error::new(ErrorKind::InvalidData, why), stream.into_inner().0))
}

/// Ready when the time for a handshake is over.
fn poll_limit(handshake: &mut Option<Handshake>, cx: &mut Context<'_>) -> Poll<io::Error> {
    let Some(handshake) = handshake else { return Poll::Pending };
    ready!(handshake.limit.as_mut().poll(cx));
    Poll::Ready(ErrorKind::TimedOut.into())
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer(self.peer)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(self.poll_open(cx))?.poll_read(cx, buf);
        let Some(handshake) = &mut self.handshake else { return read };
        if read.is_pending() {
            return Poll::Ready(Err(ready!(poll_limit(&mut self.handshake, cx))));
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
        ready!(self.poll_open(cx))?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        // TCP's and TLS's both.
        true
    }
}
