use std::fmt;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanProcessor};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tonic::Code;

use super::*;
use crate::layer::RequestId;
use crate::metrics::Answered;

const ALL: Sampling = Sampling { of_parent: true, share: 1.0 };
const ANSWERED: Answered = Answered { code: Code::Ok, reason: "" };

fn server() -> ServerId {
    ServerId::generate(gatehouse_domain::time::Timestamp::EPOCH, &mut rng())
}

fn rng() -> StdRng {
    StdRng::from_seed([7; 32])
}

/// Hands on what it gets, once it may.
struct Gate {
    spans: Sender<usize>,
    open: Mutex<Receiver<()>>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl SpanExporter for Gate {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.send(batch.len()).unwrap();
        let _ = self.open.lock().unwrap().recv();
        Ok(())
    }
}

fn begin(traces: &Traces) -> Option<CallSpan> {
    traces.begin(Some("a.B/C"), &HeaderMap::new(), &RequestId::generate(&mut rng()))
}

#[test]
fn without_a_collector_there_is_no_span() {
    assert!(begin(&Traces::default()).is_none());
    assert!(!Context::map_current(Context::has_active_span));
}

#[test]
fn a_call_that_is_sampled_out_has_a_trace_and_no_context() {
    let (spans, sent) = channel();
    let gate = Gate { spans, open: Mutex::new(channel().1) };
    let none = Sampling { of_parent: true, share: 0.0 };
    let call = begin(&Traces::to(gate, none, server())).unwrap();
    assert_eq!(call.trace_id().len(), 32);
    assert!(call.context().is_none());
    call.answered(ANSWERED);
    assert!(sent.try_recv().is_err());
}

#[test]
fn a_call_that_is_dropped_was_cancelled() {
    #[derive(Debug)]
    struct Codes(Sender<String>);

    impl SpanExporter for Codes {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            for attribute in batch.into_iter().flat_map(|span| span.attributes) {
                if attribute.key.as_str() == "rpc.response.status_code" {
                    self.0.send(attribute.value.to_string()).unwrap();
                }
            }
            Ok(())
        }
    }

    let (codes, sent) = channel();
    let traces = Traces::to(Codes(codes), ALL, server());
    drop(begin(&traces));
    assert_eq!(sent.recv().unwrap(), "CANCELLED");
    begin(&traces).unwrap().answered(ANSWERED);
    assert_eq!(sent.recv().unwrap(), "OK");
}

#[test]
fn what_more_would_have_to_wait_is_dropped_and_counted() {
    let (spans, sent) = channel();
    let (open, opened) = channel();
    let metrics = Arc::new(SpanMetrics::new().unwrap());
    let queue = Queue::new(Gate { spans, open: Mutex::new(opened) }, Arc::clone(&metrics));
    let span = || {
        let ids = SpanContext::new(
            TraceId::from(1_u128),
            SpanId::from(1_u64),
            opentelemetry::TraceFlags::SAMPLED,
            false,
            opentelemetry::trace::TraceState::default(),
        );
        SpanData {
            span_context: ids,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: opentelemetry::trace::SpanKind::Server,
            name: "call".into(),
            start_time: std::time::SystemTime::UNIX_EPOCH,
            end_time: std::time::SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: opentelemetry_sdk::trace::SpanEvents::default(),
            links: opentelemetry_sdk::trace::SpanLinks::default(),
            status: opentelemetry::trace::Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    };
    let mut ended = 0;
    // The first batch is on its way, and held there.
    while sent.try_recv().is_err() {
        queue.on_end(span());
        ended += 1;
    }
    for _ in 0..10_000 {
        queue.on_end(span());
        ended += 1;
    }
    let dropped = metrics.take_dropped();
    assert!(dropped >= 10_000 - 8_192, "{dropped} of {ended}");
    assert_eq!(metrics.take_dropped(), 0);
    // Nobody waits for it any more: all the others are sent.
    drop(open);
    queue.shutdown_with_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(metrics.exported(), ended - dropped);
}
