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
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use tokio_util::either::Either;
use tonic::transport::server::Connected;

use crate::caller::Peer;
use crate::tls::{self, ServerTls};

/// From the connection until the client's preface is complete, TLS before it included.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// RFC 9113, section 3.4.
const PREFACE_BYTES: usize = 24;

/// A connection that holds one of the places.
pub(super) struct Connection {
    wire: Wire,
    peer: SocketAddr,
    /// Until the client has shown that it speaks HTTP/2.
    handshake: Option<Handshake>,
    _place: Option<OwnedSemaphorePermit>,
}

/// What HTTP/2 is spoken over.
enum Wire {
    Open(Open),
    Agreeing(Box<Accept<TcpStream>>, Arc<ServerTls>),
    /// No TLS was agreed on.
    Failed,
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
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let wire = match tls {
            Some(tls) => {
                let accept = TlsAcceptor::from(tls.config()).accept(stream);
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
                Poll::Ready(agreed) => agreed.and_then(require_http2),
                Poll::Pending => Err(ready!(poll_limit(&mut self.handshake, cx))),
            };
            self.wire = match agreed {
                Ok(stream) => Wire::Open(Either::Right(Box::new(stream))),
                Err(error) => {
                    tracing::debug!(peer = %self.peer, %error, "no TLS was agreed on");
                    tls.count_failed_handshake(&error);
                    self.wire = Wire::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        match &mut self.wire {
            Wire::Open(open) => Poll::Ready(Ok(Pin::new(open))),
            Wire::Agreeing(..) | Wire::Failed => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }
}

/// Refuses a client that has not said that it speaks HTTP/2: whoever made it talk to this
/// server may have meant another (RFC 9113, section 3.2).
fn require_http2(stream: TlsStream<TcpStream>) -> io::Result<TlsStream<TcpStream>> {
    if stream.get_ref().1.alpn_protocol() == Some(tls::ALPN) {
        return Ok(stream);
    }
    Err(io::Error::new(ErrorKind::InvalidData, "the client did not ask for h2 by ALPN"))
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
        Peer(Some(self.peer))
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
