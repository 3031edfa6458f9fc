//! An empty service over the transport of the server: the same HTTP/2 settings, the same
//! method, an answer of the same bytes, and nothing done for it.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use data_encoding::HEXLOWER;
use gatehouse_api::v1::portal_auth_service_server::SERVICE_NAME;
use gatehouse_api::v1::{ValidateSessionRequest, ValidateSessionResponse};
use http::{Request, Response as HttpResponse};
use prost::Message as _;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::{Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

use super::{Limit, first_line, say};

/// Answers every call with the same.
#[derive(Clone)]
struct Echo(ValidateSessionResponse);

impl NamedService for Echo {
    const NAME: &'static str = SERVICE_NAME;
}

impl UnaryService<ValidateSessionRequest> for Echo {
    type Response = ValidateSessionResponse;
    type Future = Ready<Result<Response<ValidateSessionResponse>, Status>>;

    fn call(&mut self, _request: tonic::Request<ValidateSessionRequest>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

impl Service<Request<Body>> for Echo {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(method, request).await) })
    }
}

/// Starts it with what the server has answered once; gives its address.
pub fn start(answer: &ValidateSessionResponse) -> Result<(Limit, SocketAddr)> {
    let answer = HEXLOWER.encode(&answer.encode_to_vec());
    let (limit, address) = Limit::start(&["echo"], &answer)?;
    Ok((limit, address.parse()?))
}

/// Serves until standard input ends.
pub async fn obey() -> Result<()> {
    let answer = HEXLOWER.decode(first_line()?.as_bytes())?;
    let echo = Echo(ValidateSessionResponse::decode(answer.as_slice())?);
    let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let incoming = incoming.with_nodelay(Some(true));
    say(&incoming.local_addr()?.to_string())?;
    let end = tokio::task::spawn_blocking(first_line);
    let mut transport = gatehouse::server::transport();
    let router = transport.add_routes(Routes::new(echo));
    router.serve_with_incoming_shutdown(incoming, async { drop(end.await) }).await?;
    Ok(())
}
