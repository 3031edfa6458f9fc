//! Envoy's question has an answer for a request that may not pass: what a check fails with
//! is told by it, not by an error of the call, after which Envoy would go by settings of its
//! own, that might let the request pass.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use gatehouse_api::envoy::service::auth::v3::authorization_server::SERVICE_NAME;
use gatehouse_api::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use http::header::CONTENT_TYPE;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, EncodeBody, SingleMessageCompressionOverride};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::server::NamedService;
use tonic_prost::ProstCodec;
use tower::Service;

use crate::convert::envoy;
use crate::layer::Failed;

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// Envoy's service, key and all.
#[derive(Clone)]
pub(super) struct Denials<S>(pub(super) S);

impl<S: NamedService> NamedService for Denials<S> {
    const NAME: &'static str = S::NAME;
}

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

/// The answer instead of an error. What tonic refuses by itself, such as a message that is
/// none, has no reason yet, and stays an error.
fn told(response: Response) -> Response {
    let status = Status::from_header_map(response.headers());
    let denial = status.and_then(|status| envoy::denial(&status));
    let Some(denial) = denial else { return response };
    let failed = response.into_parts().0.headers;
    let encoder = ProstCodec::<CheckResponse, CheckRequest>::default().encoder();
    let once = SingleMessageCompressionOverride::default();
    let message = tokio_stream::once(Ok(denial));
    let body = EncodeBody::new_server(encoder, message, None, once, None);
    let mut told = Response::new(Body::new(body));
    told.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    told.extensions_mut().insert(Failed(failed));
    told
}
