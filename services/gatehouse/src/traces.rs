//! Traces: spans of calls, sent to a collector over OTLP. The one place where spans are made.
//!
//! A call has one span, from its head to the head of its answer. What it waited for is noted
//! under it by whoever has measured it anyway, once it is over: statements, look-ups, the
//! hasher. So what is in a trace and what is counted cannot disagree, and without a collector
//! nothing is made at all. Names and attributes are those of OpenTelemetry's semantic
//! conventions 1.45.0 (RPC, database); none holds what a caller said, but for the trace that
//! it belongs to and its request id.

mod call;
mod export;

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_domain::id::ServerId;
use opentelemetry::trace::{SpanId, TraceId, TracerProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, RetryPolicy, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{IdGenerator, Sampler, SdkTracer, SdkTracerProvider, SpanExporter};
use rand::Rng;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tonic::transport::{Certificate, ClientTlsConfig};

pub use call::{CallSpan, hash, hash_wait, look_up, note_portal, statement, within_call};

use crate::config::{Sampling, TracesSettings};
use crate::entropy::Entropy;
use crate::metrics::SpanMetrics;
use export::Queue;

/// For what has not been sent when the server ends.
const LAST_BATCH: Duration = Duration::from_secs(3);
/// The conventions that names and attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.45.0";

/// Why no traces can be exported.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The file of CAs cannot be read.
    #[error("traces_ca: {}", .path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of CAs holds none.
    #[error("traces_ca: {} holds no certificate in PEM form", .path.display())]
    NoCa {
        /// The file.
        path: PathBuf,
    },
    /// The exporter refuses its settings, those in the standard variables among them.
    #[error("traces")]
    Exporter(#[from] ExporterBuildError),
}

/// Traces calls, or does nothing. Clones share it.
#[derive(Clone, Default)]
pub struct Traces(Option<Tracing>);

#[derive(Clone)]
struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends spans as `settings` say, from a thread of its own, whether or not the collector
    /// is there; none without settings. What becomes of them is counted in `metrics`. Call it
    /// within a runtime.
    ///
    /// # Errors
    /// [`TracesError`], never about a collector that does not answer.
    pub fn start(
        settings: Option<&TracesSettings>,
        server: ServerId,
        metrics: &Arc<SpanMetrics>,
    ) -> Result<Self, TracesError> {
        let Some(settings) = settings else { return Ok(Self::default()) };
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(settings.endpoint.to_string())
            .with_retry_policy(RetryPolicy::recommended());
        if settings.endpoint.scheme_str() == Some("https") {
            exporter = exporter.with_tls_config(tls(settings)?);
        }
        let queue = Queue::new(exporter.build()?, Arc::clone(metrics));
        let provider = provider(settings.sampling, resource(server, settings.service_name.clone()));
        let provider = provider.with_span_processor(queue).build();
        Ok(Self::of(provider))
    }

    /// Gives each span to `exporter` where it ends, for tests.
    #[must_use]
    pub fn to(exporter: impl SpanExporter + 'static, sampling: Sampling, server: ServerId) -> Self {
        Self::of(provider(sampling, resource(server, None)).with_simple_exporter(exporter).build())
    }

    fn of(provider: SdkTracerProvider) -> Self {
        let scope = InstrumentationScope::builder("gatehouse")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA)
            .build();
        Self(Some(Tracing { tracer: provider.tracer_with_scope(scope), provider }))
    }

    /// Sends what has not been sent, and makes no more spans. Takes 3 s at most, and
    /// waits for nothing where there are no traces.
    pub async fn end(&self) {
        let Some(Tracing { provider, .. }) = self.0.clone() else { return };
        // It blocks, and the connection to the collector needs the threads of the runtime.
        let end = move || provider.shutdown_with_timeout(LAST_BATCH);
        match tokio::task::spawn_blocking(end).await {
            Ok(Ok(()) | Err(OTelSdkError::AlreadyShutdown)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans were not exported"),
            Err(error) => tracing::warn!(%error, "the last spans were not exported"),
        }
    }
}

fn tls(settings: &TracesSettings) -> Result<ClientTlsConfig, TracesError> {
    let Some(path) = &settings.ca else { return Ok(ClientTlsConfig::new().with_webpki_roots()) };
    let pem = fs::read(path).map_err(|source| TracesError::Ca { path: path.clone(), source })?;
    // tonic would take a file without any, and then trust nobody.
    if !matches!(CertificateDer::pem_slice_iter(&pem).next(), Some(Ok(_))) {
        return Err(TracesError::NoCa { path: path.clone() });
    }
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
}

fn provider(
    Sampling { of_parent, share }: Sampling,
    resource: Resource,
) -> opentelemetry_sdk::trace::TracerProviderBuilder {
    let share = Sampler::TraceIdRatioBased(share);
    let sampler = if of_parent { Sampler::ParentBased(Box::new(share)) } else { share };
    SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_id_generator(Ids(Entropy))
        .with_resource(resource)
}

/// What all spans are of. The operator's words for it come last, and win.
fn resource(server: ServerId, name: Option<String>) -> Resource {
    let resource = Resource::builder_empty()
        .with_schema_url(
            [
                KeyValue::new("service.name", "gatehouse"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", server.to_string()),
            ],
            SCHEMA,
        )
        .with_detector(Box::new(EnvResourceDetector::new()));
    match name {
        Some(name) => resource.with_service_name(name),
        None => resource,
    }
    .build()
}

/// Ids of traces and spans, from the one source of randomness.
#[derive(Debug)]
struct Ids(Entropy);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        let mut id = [0; 16];
        self.0.rng().fill_bytes(&mut id);
        TraceId::from_bytes(id)
    }

    fn new_span_id(&self) -> SpanId {
        let mut id = [0; 8];
        self.0.rng().fill_bytes(&mut id);
        SpanId::from_bytes(id)
    }
}
