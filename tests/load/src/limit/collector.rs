//! A collector of traces that keeps nothing: what tracing costs a server that has one.

use std::net::SocketAddr;

use anyhow::Result;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::{Limit, first_line, say};

struct Nothing;

#[tonic::async_trait]
impl TraceService for Nothing {
    async fn export(
        &self,
        _request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Starts it; gives where spans are sent.
pub fn start() -> Result<(Limit, String)> {
    let (limit, address) = Limit::start(&["collector"], "")?;
    Ok((limit, format!("http://{address}")))
}

/// Serves until standard input ends.
pub async fn obey() -> Result<()> {
    first_line()?;
    let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    say(&incoming.local_addr()?.to_string())?;
    let end = tokio::task::spawn_blocking(first_line);
    let router = Server::builder().add_service(TraceServiceServer::new(Nothing));
    router.serve_with_incoming_shutdown(incoming, async { drop(end.await) }).await?;
    Ok(())
}
