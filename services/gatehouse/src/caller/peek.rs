//! A look at the session token of a call before tonic decodes it, so that session and
//! API key are read together. Who is not authorized learns nothing from it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use gatehouse_api::v1;
use gatehouse_api::v1::portal_auth_service_server::SERVICE_NAME;
use gatehouse_domain::vault::{Token, TokenKind};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use prost::Message;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;

/// For the message to follow its headers. Whoever sends it later than this is read in
/// two steps.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// Whether the method at `path` is asked so often that the look is worth it.
pub(super) fn is_worth_it(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME))
        == Some("/ValidateSession")
}

/// The session token in a request to validate it, and the body as it was. None where it
/// is not all there, or nothing that can be a token: tonic and the handler will say why.
pub(super) async fn session_token(mut body: Body) -> (Option<Token>, Body) {
    let Ok(Some(first)) = timeout(MAX_WAIT, body.frame()).await else { return (None, body) };
    let token = first.as_ref().ok().and_then(Frame::data_ref).and_then(|data| parse(data));
    (token, Body::new(Peeked { first: Some(first), rest: body }))
}

/// Before the message stands whether it is compressed, and its length (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
fn parse(mut data: &[u8]) -> Option<Token> {
    let is_plain = data.try_get_u8().ok()? == 0;
    let length = data.try_get_u32().ok()?;
    let message = data.get(..usize::try_from(length).ok()?).filter(|_| is_plain)?;
    let request = v1::ValidateSessionRequest::decode(message).ok()?;
    Token::parse(TokenKind::Session, &request.session_token).ok()
}

/// A body whose first frame has been taken out, and is given first.
struct Peeked {
    first: Option<Result<Frame<Bytes>, Status>>,
    rest: Body,
}

impl HttpBody for Peeked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::time::Instant;
    use tokio_stream::StreamExt;

    use super::*;

    fn request(token: &str) -> Vec<u8> {
        let request =
            v1::ValidateSessionRequest { session_token: token.to_owned(), ..Default::default() };
        let message = request.encode_to_vec();
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend(message);
        framed
    }

    fn token() -> String {
        format!("ghs_{}", "A".repeat(43))
    }

    /// A body that comes in these parts.
    fn body(parts: &[&[u8]]) -> Body {
        let parts = parts.iter().map(|part| Frame::data(Bytes::copy_from_slice(part)));
        let frames: Vec<_> = parts.map(Ok::<_, Infallible>).collect();
        Body::new(http_body_util::StreamBody::new(tokio_stream::iter(frames)))
    }

    async fn peek(parts: &[&[u8]]) -> Option<String> {
        let (token, body) = session_token(body(parts)).await;
        assert_eq!(body.collect().await.unwrap().to_bytes(), parts.concat(), "nothing is lost");
        token.map(|token| token.expose().to_owned())
    }

    #[tokio::test]
    async fn a_token_is_seen_where_the_first_part_holds_all_of_the_message() {
        let request = request(&token());
        assert_eq!(peek(&[&request]).await, Some(token()));
        assert_eq!(peek(&[&request, b"and what follows"]).await, Some(token()));
        for split in 0..request.len() {
            let (first, rest) = request.split_at(split);
            assert_eq!(peek(&[first, rest]).await, None, "{split}");
        }
    }

    #[tokio::test]
    async fn what_is_no_message_with_a_token_is_left_to_others() {
        let mut compressed = request(&token());
        compressed[0] = 1;
        let mut longer = request(&token());
        longer[4] += 1;
        for part in [&compressed, &longer, &request("ghs_short"), &request(""), &vec![], &vec![7]] {
            assert_eq!(peek(&[part.as_slice()]).await, None, "{part:?}");
        }
        assert_eq!(peek(&[]).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_does_not_come_is_not_waited_for() {
        let stream = tokio_stream::pending::<Result<Frame<Bytes>, Infallible>>();
        let began = Instant::now();
        let stream = http_body_util::StreamBody::new(stream.fuse());
        assert!(session_token(Body::new(stream)).await.0.is_none());
        assert_eq!(began.elapsed(), MAX_WAIT);
    }

    #[test]
    fn only_the_method_that_is_asked_most_is_worth_it() {
        assert!(is_worth_it("/gatehouse.v1.PortalAuthService/ValidateSession"));
        for path in ["", "/", "/gatehouse.v1.PortalAuthService/GetMfa", "/ValidateSession"] {
            assert!(!is_worth_it(path), "{path}");
        }
    }
}
