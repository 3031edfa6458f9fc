//! Envoy's question has an answer for a request that may not pass: whatever a check fails with
//! is told by it, not by an error of the call, after which Envoy would go by settings of its
//! own, that might let the request pass.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use gatehouse_api::envoy::service::auth::v3::authorization_server::SERVICE_NAME;
use gatehouse_api::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use http::header::CONTENT_TYPE;
use tonic::body::Body;
use tonic::codec::{Codec, EncodeBody, SingleMessageCompressionOverride};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tower::{Layer, Service};

use crate::convert::envoy;
use crate::layer::{REQUEST_ID_HEADER, TooLarge};

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// Goes around all that surrounds a call: what a call fails with there, such as its deadline, is
/// no answer of Envoy's service either. Nor is it one that the service is not there.
#[derive(Clone, Copy)]
pub(super) struct DenialLayer;

impl<S> Layer<S> for DenialLayer {
    type Service = Denials<S>;

    fn layer(&self, inner: S) -> Denials<S> {
        Denials(inner)
    }
}

/// A service with a [`DenialLayer`] around it.
#[derive(Clone)]
pub(super) struct Denials<S>(S);

impl<S> Service<Request> for Denials<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let is_check = is_check(request.uri().path());
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(if is_check { told(response) } else { response })
        })
    }
}

fn is_check(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME)) == Some("/Check")
}

/// The answer instead of an error.
fn told(response: Response) -> Response {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    if status.code() == Code::Ok {
        return response;
    }
    let is_too_large = response.extensions().get::<TooLarge>().is_some();
    let denial = envoy::denial(&status, is_too_large);
    let encoder = ProstCodec::<CheckResponse, CheckRequest>::default().encoder();
    let once = SingleMessageCompressionOverride::default();
    let message = tokio_stream::once(Ok(denial));
    let body = EncodeBody::new_server(encoder, message, None, once, None);
    let mut told = Response::new(Body::new(body));
    told.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    if let Some(id) = response.headers().get(REQUEST_ID_HEADER) {
        told.headers_mut().insert(REQUEST_ID_HEADER, id.clone());
    }
    told
}
