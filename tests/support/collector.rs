//! An OpenTelemetry collector, as far as it receives traces over gRPC.

use std::collections::BTreeMap;
use std::time::Duration;

use gatehouse_test_tls::Identity;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::server::ServerTlsConfig;
use tonic::{Request, Response, Status, transport};

/// For one span. Only a server that never sends it takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What has been received, in its order.
pub struct Collector {
    /// For clients of this machine, with the scheme.
    pub endpoint: String,
    received: UnboundedReceiver<Received>,
}

/// A span, with what all spans of its server have.
#[derive(Clone, Debug)]
pub struct Received {
    pub span: Span,
    pub resource: BTreeMap<String, String>,
}

impl Collector {
    /// Receives, until the test ends.
    pub async fn start() -> Self {
        Self::serve(transport::Server::builder(), "http://127.0.0.1").await
    }

    /// The same with TLS, as `localhost`.
    pub async fn start_with_tls(identity: &Identity) -> Self {
        let identity = transport::Identity::from_pem(&identity.certificate, &identity.key);
        let tls = ServerTlsConfig::new().identity(identity);
        let server = transport::Server::builder().tls_config(tls).unwrap();
        Self::serve(server, "https://localhost").await
    }

    async fn serve(mut server: transport::Server, origin: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("{origin}:{}", listener.local_addr().unwrap().port());
        let (sender, received) = unbounded_channel();
        let service = TraceServiceServer::new(Intake(sender));
        let serving = server.add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { endpoint, received }
    }

    /// Waits for the next span of this name; those before it are dropped.
    pub async fn next(&mut self, name: &str) -> Received {
        loop {
            let next = timeout(PATIENCE, self.received.recv()).await;
            let next = next.unwrap_or_else(|_| panic!("no span {name:?}")).unwrap();
            if next.span.name == name {
                return next;
            }
        }
    }

    /// What has come so far and was not asked for.
    pub fn rest(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

impl Received {
    /// Ids as they are written.
    pub fn trace(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.span.trace_id)
    }

    pub fn parent(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.span.parent_span_id)
    }

    pub fn id(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.span.span_id)
    }

    pub fn is_of_server(&self) -> bool {
        self.span.kind() == SpanKind::Server
    }

    /// What is said of an error, where it is one.
    pub fn error(&self) -> Option<&str> {
        let status = self.span.status.as_ref()?;
        (status.code() == StatusCode::Error).then_some(status.message.as_str())
    }

    pub fn attributes(&self) -> BTreeMap<String, String> {
        texts(&self.span.attributes)
    }
}

struct Intake(UnboundedSender<Received>);

#[tonic::async_trait]
impl TraceService for Intake {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_resource in request.into_inner().resource_spans {
            let resource = of_resource.resource.map(|it| texts(&it.attributes)).unwrap_or_default();
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                // A test that has seen enough is over.
                let _ = self.0.send(Received { span, resource: resource.clone() });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().unwrap().value.as_ref() {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}
