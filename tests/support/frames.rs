//! HTTP/2 as no client would speak it: frames written by hand (RFC 9113).

mod hpack;
mod request;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tonic::Status;

pub use hpack::indexed_literal;
pub use request::{RequestHead, framed, message};

use super::Refusal;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags; the first is also that of an acknowledgement.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// Settings (section 6.5.2).
pub const HEADER_TABLE_SIZE: u16 = 1;
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// Codes of errors (section 7).
pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// The largest payload of a frame that a server has to take.
const MAX_PAYLOAD: usize = 16 * 1024;
/// What a ping says by which an answer to everything before it is awaited.
const SETTLED: &[u8] = b"settled?";
/// For one frame. Only a server that hangs takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A frame, encoded.
pub fn frame_of(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = Vec::with_capacity(9 + payload.len());
    frame.extend_from_slice(&length[1..]);
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The payload of SETTINGS.
pub fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let one = |&(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    settings.iter().flat_map(one).collect()
}

/// A frame of the server's.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    async fn read(from: &mut OwnedReadHalf) -> Option<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head).await.ok()?;
        let mut payload =
            vec![0; usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap()];
        from.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Self { kind: head[3], flags: head[4], stream, payload })
    }

    fn code(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// What came on a stream.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub reset: Option<u32>,
    is_whole: bool,
}

impl Heard {
    /// The status of HTTP.
    pub fn status(&self) -> &str {
        self.header(":status").unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is an answer that did not fail.
    pub fn is_ok(&self) -> bool {
        self.is_whole && self.header("grpc-status") == Some("0")
    }

    /// What gRPC answered, which has to be a refusal of ours.
    pub fn refusal(&self) -> Refusal {
        assert!(self.is_whole, "{self:?}");
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.starts_with(':')) {
            headers.insert(
                HeaderName::try_from(name.as_str()).unwrap(),
                HeaderValue::try_from(value.as_str()).unwrap(),
            );
        }
        let status = Status::from_header_map(&headers);
        Refusal::read(&status.unwrap_or_else(|| panic!("no status of gRPC: {self:?}")))
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a GOAWAY of this code.
    GoneAway(u32),
    /// Without a word.
    Closed,
}

/// A connection on which anything may be said. What the server says is read all the time, and
/// its pings are answered.
pub struct Frames {
    to: OwnedWriteHalf,
    from: UnboundedReceiver<Frame>,
    next_stream: u32,
    heard: BTreeMap<u32, Heard>,
    /// Streams that came to their end, in that order.
    ended: VecDeque<u32>,
    /// What may be sent of messages: flow control of the connection.
    window: usize,
    counts: BTreeMap<u8, usize>,
    /// So often all that was sent had been read.
    settled: usize,
    gone_away: Option<u32>,
    closed: bool,
}

impl Frames {
    /// TCP, and nothing said.
    pub async fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut reader, to) = stream.into_split();
        let (sender, from) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(frame) = Frame::read(&mut reader).await {
                if sender.send(frame).is_err() {
                    break;
                }
            }
        });
        Self {
            to,
            from,
            next_stream: 1,
            heard: BTreeMap::new(),
            ended: VecDeque::new(),
            window: 65_535,
            counts: BTreeMap::new(),
            settled: 0,
            gone_away: None,
            closed: false,
        }
    }

    /// With the preface said, and the server's settings heard.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::with(address, &[]).await
    }

    /// With settings of one's own.
    pub async fn with(address: SocketAddr, own: &[(u16, u32)]) -> Self {
        let mut frames = Self::silent(address).await;
        let own = settings(&[&[(HEADER_TABLE_SIZE, 0)], own].concat());
        frames.write(&[PREFACE, &frame_of(SETTINGS, 0, 0, &own)].concat()).await;
        while frames.count(SETTINGS) < 2 {
            assert!(frames.hear().await, "the server does not speak HTTP/2");
        }
        frames.send(SETTINGS, ACK, 0, &[]).await;
        // All that is heard is taken, over all streams: only a stream's own window holds it.
        frames.send(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()).await;
        frames
    }

    /// Writes bytes as they are; gives whether the server took them.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let written = timeout(PATIENCE, self.to.write_all(bytes)).await;
        written.expect("the server reads").is_ok()
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame_of(kind, flags, stream, payload)).await
    }

    /// The id of a stream of one's own that is not open yet.
    pub fn stream(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        stream
    }

    /// Calls; gives the stream.
    pub async fn call(&mut self, head: &RequestHead, body: &[u8]) -> u32 {
        let stream = self.stream();
        self.write(&call_of(stream, head, body)).await;
        stream
    }

    /// Calls, and waits for the answer.
    pub async fn ask(&mut self, head: &RequestHead, body: &[u8]) -> Heard {
        let stream = self.call(head, body).await;
        self.answer(stream).await
    }

    /// What came on a stream until its end, or the connection's.
    pub async fn answer(&mut self, stream: u32) -> Heard {
        loop {
            let heard = self.heard.get(&stream).cloned().unwrap_or_default();
            if heard.is_whole || heard.reset.is_some() || !self.hear().await {
                return heard;
            }
        }
    }

    /// The next answer that comes to its end, whichever call it is to; none once the connection
    /// has ended. It is heard once.
    pub async fn any_answer(&mut self) -> Option<(u32, Heard)> {
        loop {
            if let Some(stream) = self.ended.pop_front() {
                return self.heard.remove(&stream).map(|heard| (stream, heard));
            }
            if !self.hear().await {
                return None;
            }
        }
    }

    /// Forgets all that was heard.
    pub fn forget(&mut self) {
        self.heard.clear();
        self.ended.clear();
    }

    /// Sends part of a message once flow control lets it, of the connection's; that of the stream
    /// is the caller's to keep.
    pub async fn data(&mut self, stream: u32, flags: u8, part: &[u8]) -> bool {
        while self.window < part.len() {
            if !self.hear().await {
                return false;
            }
        }
        self.window -= part.len();
        self.send(DATA, flags, stream, part).await
    }

    /// What came on a stream so far.
    pub fn heard(&self, stream: u32) -> Heard {
        self.heard.get(&stream).cloned().unwrap_or_default()
    }

    /// Waits until the server has closed the connection.
    pub async fn end(&mut self) -> End {
        while self.hear().await {}
        self.gone_away.map_or(End::Closed, End::GoneAway)
    }

    /// Waits until the server has answered everything that was sent: a ping comes back in order.
    /// Gives whether the connection still stands.
    pub async fn settle(&mut self) -> bool {
        let before = self.settled;
        self.send(PING, 0, 0, SETTLED).await;
        while self.settled == before {
            if !self.hear().await {
                return false;
            }
        }
        true
    }

    /// So many frames of a type have come.
    pub fn count(&self, kind: u8) -> usize {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Takes one frame in; gives whether there was one.
    pub async fn hear(&mut self) -> bool {
        if self.closed {
            return false;
        }
        let next = timeout(PATIENCE, self.from.recv()).await.expect("the server says something");
        let Some(frame) = next else {
            self.closed = true;
            return false;
        };
        *self.counts.entry(frame.kind).or_default() += 1;
        let is_last = matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0;
        if is_last || frame.kind == RST_STREAM {
            self.ended.push_back(frame.stream);
        }
        let heard = self.heard.entry(frame.stream).or_default();
        match frame.kind {
            HEADERS => {
                heard.headers.extend(hpack::decode(&frame.payload));
                heard.is_whole |= is_last;
            }
            DATA => {
                heard.body.extend_from_slice(&frame.payload);
                heard.is_whole |= is_last;
            }
            RST_STREAM => heard.reset = Some(frame.code(0)),
            WINDOW_UPDATE if frame.stream == 0 => {
                self.window += usize::try_from(frame.code(0)).unwrap();
            }
            GOAWAY => self.gone_away = Some(frame.code(4)),
            PING if frame.flags & ACK == 0 => {
                self.send(PING, ACK, 0, &frame.payload).await;
            }
            PING if frame.payload == SETTLED => self.settled += 1,
            _ => {}
        }
        true
    }
}

/// Writes as much as is taken before nothing is for a second; gives how much that was.
pub async fn write_until_stuck(to: &mut TcpStream, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len()
        && let Ok(Ok(more)) = timeout(Duration::from_secs(1), to.write(&bytes[written..])).await
    {
        written += more;
    }
    written
}

/// The frames of a whole call.
pub fn call_of(stream: u32, head: &RequestHead, body: &[u8]) -> Vec<u8> {
    let mut frames = head_of(stream, &head.block(), 0);
    let mut rest = body;
    while rest.len() > MAX_PAYLOAD {
        let (part, more) = rest.split_at(MAX_PAYLOAD);
        frames.extend(frame_of(DATA, 0, stream, part));
        rest = more;
    }
    frames.extend(frame_of(DATA, END_STREAM, stream, rest));
    frames
}

/// The frames of a block of headers, however large.
pub fn head_of(stream: u32, block: &[u8], flags: u8) -> Vec<u8> {
    let mut parts: Vec<_> = block.chunks(MAX_PAYLOAD).collect();
    let last = parts.pop().unwrap_or_default();
    let mut kind = (HEADERS, flags);
    let mut frames = Vec::new();
    for part in parts {
        frames.extend(frame_of(kind.0, kind.1, stream, part));
        kind = (CONTINUATION, 0);
    }
    frames.extend(frame_of(kind.0, kind.1 | END_HEADERS, stream, last));
    frames
}
