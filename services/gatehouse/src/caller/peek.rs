//! A look at the session token of a call before tonic decodes it, so that session and
//! API key are read together. Who is not authorized learns nothing from it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use gatehouse_api::envoy::service::auth::v3::{CheckRequest, authorization_server};
use gatehouse_api::v1::{ValidateSessionRequest, portal_auth_service_server};
use gatehouse_domain::vault::{Token, TokenKind};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use prost::Message;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;

use crate::convert::envoy;

/// For the message to follow its headers. Whoever sends it later than this is read in
/// two steps.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// Finds the session token in a message.
pub(super) type Find = fn(&[u8]) -> Option<Token>;

/// How to find the token in a message of the method at `path`, where that is asked so often
/// that the look is worth it.
pub(super) fn worth_it(path: &str) -> Option<Find> {
    match path.strip_prefix('/')?.split_once('/')? {
        (portal_auth_service_server::SERVICE_NAME, "ValidateSession") => Some(validated),
        (authorization_server::SERVICE_NAME, "Check") => Some(checked),
        _ => None,
    }
}

fn validated(message: &[u8]) -> Option<Token> {
    let request = ValidateSessionRequest::decode(message).ok()?;
    Token::parse(TokenKind::Session, &request.session_token).ok()
}

fn checked(message: &[u8]) -> Option<Token> {
    envoy::session_token(CheckRequest::decode(message).ok()?)
}

/// The session token in a request to validate it, and the body as it was. None where it
/// is not all there, or nothing that can be a token: tonic and the handler will say why.
pub(super) async fn session_token(mut body: Body, find: Find) -> (Option<Token>, Body) {
    let Ok(Some(first)) = timeout(MAX_WAIT, body.frame()).await else { return (None, body) };
    let token = first.as_ref().ok().and_then(Frame::data_ref).and_then(|data| find(message(data)?));
    (token, Body::new(Peeked { first: Some(first), rest: body }))
}

/// Before the message stands whether it is compressed, and its length (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
fn message(mut data: &[u8]) -> Option<&[u8]> {
    let is_plain = data.try_get_u8().ok()? == 0;
    let length = data.try_get_u32().ok()?;
    data.get(..usize::try_from(length).ok()?).filter(|_| is_plain)
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
    use std::collections::HashMap;
    use std::convert::Infallible;

    use gatehouse_api::envoy::service::auth::v3::AttributeContext;
    use gatehouse_api::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
    use tokio::time::Instant;
    use tokio_stream::StreamExt;

    use super::*;

    fn request(token: &str) -> Vec<u8> {
        let request =
            ValidateSessionRequest { session_token: token.to_owned(), ..Default::default() };
        framed(&request)
    }

    fn framed(message: &impl Message) -> Vec<u8> {
        let message = message.encode_to_vec();
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
        let (token, body) = session_token(body(parts), validated).await;
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
        assert!(session_token(Body::new(stream), validated).await.0.is_none());
        assert_eq!(began.elapsed(), MAX_WAIT);
    }

    #[tokio::test]
    async fn a_token_is_seen_in_what_envoy_asks() {
        let headers = [("authorization".to_owned(), format!("Bearer {}", token()))].into();
        let http = Some(HttpRequest { headers, header_map: None });
        let attributes = AttributeContext {
            request: Some(attribute_context::Request { http }),
            context_extensions: HashMap::new(),
        };
        let mut request = CheckRequest { attributes: Some(attributes) };
        let seen = async |request: &CheckRequest| {
            let token = session_token(body(&[&framed(request)]), checked).await.0;
            token.map(|token| token.expose().to_owned())
        };
        assert_eq!(seen(&request).await, Some(token()));
        request.attributes.as_mut().unwrap().request = None;
        assert_eq!(seen(&request).await, None);
    }

    #[test]
    fn only_the_methods_that_are_asked_most_are_worth_it() {
        for path in [
            "/gatehouse.v1.PortalAuthService/ValidateSession",
            "/envoy.service.auth.v3.Authorization/Check",
        ] {
            assert!(worth_it(path).is_some(), "{path}");
        }
        for path in ["", "/", "/gatehouse.v1.PortalAuthService/GetMfa", "/ValidateSession"] {
            assert!(worth_it(path).is_none(), "{path}");
        }
    }
}
