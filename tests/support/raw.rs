//! Calls below the generated clients.

use http::uri::PathAndQuery;
use http::{HeaderMap, Request};
use prost::bytes::{Buf, BufMut};
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tower::ServiceExt;

use super::{Answer, ENDLESS, Wire};

/// A message without fields, framed.
pub const EMPTY: &str = "\0\0\0\0\0";

/// A message as gRPC frames it. Its length must be expressible in ASCII: the
/// four bytes of it below 128 each.
pub fn frame(message: &str) -> String {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    format!("\0{}{message}", std::str::from_utf8(&length).unwrap())
}

/// Calls by path, with whatever headers and body.
#[derive(Clone)]
pub struct Raw {
    channel: Wire,
    headers: Vec<(&'static str, String)>,
}

impl Raw {
    pub(super) fn new(channel: Wire) -> Self {
        Self { channel, headers: Vec::new() }
    }

    /// With one more header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a key.
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", format!("Bearer {key}"))
    }

    /// Calls `path`. Gives the headers of an answer that did not fail at once.
    /// What HTTP refuses before gRPC sees it is UNKNOWN.
    pub async fn call(self, path: &str, body: &str) -> Answer<HeaderMap> {
        let mut request = Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::new(body.to_owned())).unwrap();
        let answer = self.channel.oneshot(request).await.unwrap();
        if !answer.status().is_success() {
            return Err(Status::unknown(answer.status().to_string()));
        }
        match Status::from_header_map(answer.headers()) {
            Some(status) if status.code() != tonic::Code::Ok => Err(status),
            _ => Ok(answer.headers().clone()),
        }
    }

    /// Calls `path` with an encoded message. Gives the answer as encoded, the first one where
    /// there is no last.
    pub async fn send(self, path: &str, message: &[u8]) -> Answer<Vec<u8>> {
        let mut request = tonic::Request::new(message.to_vec());
        for (name, value) in self.headers {
            request.metadata_mut().insert(name, value.parse().unwrap());
        }
        let mut client = Grpc::new(self.channel);
        client.ready().await.unwrap();
        let path = PathAndQuery::try_from(path).unwrap();
        if path == ENDLESS {
            let mut answers = client.server_streaming(request, path, Encoded).await?.into_inner();
            return Ok(answers.message().await?.expect("a message before the end"));
        }
        Ok(client.unary(request, path, Encoded).await?.into_inner())
    }
}

/// Messages as they are.
#[derive(Clone, Copy)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Encoded {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
