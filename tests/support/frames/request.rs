//! Requests as they are written by hand.

use prost::Message;

use super::hpack::literal;

/// The headers of a request, right until they are changed.
#[derive(Clone, Debug)]
pub struct RequestHead(Vec<(String, Vec<u8>)>);

impl RequestHead {
    /// A call of a method.
    pub fn of(path: &str) -> Self {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        Self(fields.map(|(name, value)| (name.to_owned(), value.into())).into())
    }

    /// With one more field.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With another value of a field.
    pub fn but(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for (_, old) in self.0.iter_mut().filter(|(known, _)| known == name) {
            *old = value.as_ref().to_vec();
        }
        self
    }

    /// Without a field.
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// With a key.
    pub fn key(self, key: &str) -> Self {
        self.with("authorization", format!("Bearer {key}"))
    }

    /// Encoded.
    pub fn block(&self) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in &self.0 {
            literal(name.as_bytes(), value, &mut block);
        }
        block
    }
}

/// A message as gRPC frames it.
pub fn message(message: &impl Message) -> Vec<u8> {
    framed(&message.encode_to_vec())
}

/// What may be no message, framed as one.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &length[..], bytes].concat()
}
