//! Spans on their way to the collector: so many at most, and each counted by what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::metrics::SpanMetrics;

/// Spans that wait to be sent, at most: a second of a thousand calls, in some megabytes.
const MAX_WAITING: usize = 8_192;
/// Spans that are sent at once.
const MAX_BATCH: usize = 512;
/// How long a span waits for others to be sent with.
const DELAY: Duration = Duration::from_secs(1);

/// Hands spans to the thread that sends them. Whoever ends one never waits: past
/// [`MAX_WAITING`] it is dropped, and counted.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: AtomicUsize,
    metrics: Arc<SpanMetrics>,
}

impl Queue {
    /// To `exporter`, on a thread of its own.
    pub(super) fn new(exporter: impl SpanExporter + 'static, metrics: Arc<SpanMetrics>) -> Self {
        let shared = Arc::new(Shared { waiting: AtomicUsize::new(0), metrics });
        let config = BatchConfigBuilder::default()
            // Never full: what waits is counted here.
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let told =
            Told { exporter, shared: Arc::clone(&shared), is_failing: AtomicBool::new(false) };
        Self { batches: BatchSpanProcessor::new(told, config), shared }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.metrics.was_dropped();
        } else {
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// The exporter, with its failures told once and its spans counted.
#[derive(Debug)]
struct Told<E> {
    exporter: E,
    shared: Arc<Shared>,
    is_failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.shared.waiting.fetch_sub(spans, Ordering::Relaxed);
        let sent = self.exporter.export(batch).await;
        let was_failing = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Ok(()) => {
                self.shared.metrics.were_exported(spans);
                if was_failing {
                    tracing::info!("the export of traces works again");
                }
            }
            Err(error) => {
                self.shared.metrics.have_failed(spans);
                if !was_failing {
                    tracing::warn!(%error, "the export of traces fails; calls go on without them");
                }
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
