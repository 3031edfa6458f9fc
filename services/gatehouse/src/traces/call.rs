//! The span of a call, and those of what it waited for.

use std::future::Future;
use std::time::{Duration, SystemTime};

use gatehouse_domain::id::PortalId;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Outcome, StatementKind};
use http::HeaderMap;
use opentelemetry::context::{FutureExt, WithContext};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;
use tonic::Code;

use super::{Traces, Tracing};
use crate::clock::Clock;
use crate::layer::RequestId;
use crate::metrics::Answered;

/// What stands for a method that there is not: callers name those as they like.
const OTHER: &str = "_OTHER";
/// W3C Trace Context, section 3.2: version, trace, span and flags, each in hex.
const SHORTEST_TRACEPARENT: usize = 55;

/// In the context of a call whose spans are kept.
struct Kept(SdkTracer);

/// A call that is not answered yet. Dropped before it is, it was cancelled.
pub struct CallSpan {
    context: Context,
    is_answered: bool,
}

impl Traces {
    /// A call begins of `method`, if there is such a method: `package.Service/Method`. Its
    /// parent is the one that its `traceparent` names, if that can be read.
    #[must_use]
    pub fn begin(
        &self,
        method: Option<&str>,
        headers: &HeaderMap,
        id: &RequestId,
    ) -> Option<CallSpan> {
        let Tracing { tracer, .. } = self.0.as_ref()?;
        let parent =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        let span = tracer
            // "Span name": the system's where the method is not known.
            .span_builder(method.unwrap_or("grpc").to_owned())
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("rpc.system.name", "grpc"),
                KeyValue::new("rpc.method", method.unwrap_or(OTHER).to_owned()),
                KeyValue::new("gatehouse.request_id", id.as_str().to_owned()),
            ])
            .start_with_context(tracer, &parent);
        let is_kept = span.is_recording();
        let mut context = Context::new().with_span(span);
        if is_kept {
            context = context.with_value(Kept(tracer.clone()));
        }
        Some(CallSpan { context, is_answered: false })
    }
}

impl CallSpan {
    /// The trace that it belongs to, kept or not, in 32 digits of hex.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.context.span().span_context().trace_id().to_string()
    }

    /// What a future that is polled in it waits for is noted under this span. None where it is
    /// not kept.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        self.context.get::<Kept>().map(|_| self.context.clone())
    }

    /// It is answered.
    pub fn answered(mut self, answered: Answered) {
        self.is_answered = true;
        self.finish(answered);
    }

    fn finish(&self, Answered { code, reason }: Answered) {
        let span = self.context.span();
        let word = Answered::code_word(code);
        span.set_attribute(KeyValue::new("rpc.response.status_code", word));
        if !reason.is_empty() {
            span.set_attribute(KeyValue::new("gatehouse.reason", reason));
        }
        // The others tell of the caller: "gRPC, Server", `rpc.response.status_code`.
        if matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ) {
            span.set_attribute(KeyValue::new("error.type", word));
            span.set_status(Status::error(reason));
        }
        span.end();
    }
}

impl Drop for CallSpan {
    fn drop(&mut self) {
        if !self.is_answered {
            self.finish(Answered { code: Code::Cancelled, reason: "" });
        }
    }
}

/// Lets a task of its own be part of the call that begins it.
#[must_use]
pub fn within_call<F: Future>(work: F) -> WithContext<F> {
    work.with_current_context()
}

/// Says which portal the call is of.
pub fn note_portal(portal: &PortalId) {
    if let Some((context, _)) = current() {
        let name = format!("portals/{portal}");
        context.span().set_attribute(KeyValue::new("gatehouse.portal", name));
    }
}

/// A statement was answered or given up; `system` is the database's name in the conventions.
pub fn statement(system: &'static str, kind: StatementKind, took: Duration, outcome: Outcome) {
    let name = match kind {
        StatementKind::Read => "database read",
        StatementKind::Lock => "database lock",
        StatementKind::Write => "database write",
        StatementKind::Begin => "database begin",
        StatementKind::Commit => "database commit",
    };
    note(name, SpanKind::Client, took, |span| {
        span.set_attribute(KeyValue::new("db.system.name", system));
        if outcome != Outcome::Done {
            span.set_attribute(KeyValue::new("error.type", outcome.as_str()));
            span.set_status(Status::error(outcome.as_str()));
        }
    });
}

/// The key of the call, and what it asks about, were looked up: by a statement that many calls
/// share, and that is part of none.
pub fn look_up(took: Duration) {
    note("look up caller", SpanKind::Internal, took, |_| {});
}

/// A password waited for its turn.
pub fn hash_wait(took: Duration) {
    note("wait for hasher", SpanKind::Internal, took, |_| {});
}

/// A password was hashed.
pub fn hash(took: Duration) {
    note("hash password", SpanKind::Internal, took, |_| {});
}

/// The context of the call that this is part of, where its spans are kept.
fn current() -> Option<(Context, SdkTracer)> {
    Context::map_current(|context| {
        context.get::<Kept>().map(|Kept(tracer)| (context.clone(), tracer.clone()))
    })
}

/// Makes a span of what has `took` so long until now.
fn note(
    name: &'static str,
    kind: SpanKind,
    took: Duration,
    say: impl FnOnce(&mut opentelemetry_sdk::trace::Span),
) {
    let Some((context, tracer)) = current() else { return };
    let end = now();
    let builder = tracer.span_builder(name).with_kind(kind).with_start_time(end - took);
    let mut span = builder.start_with_context(&tracer, &context);
    say(&mut span);
    span.end_with_timestamp(end);
}

/// Real time, also where a test holds the server's clock: that is what spans are of.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Clock::system().now().since(Timestamp::EPOCH)
}

/// Metadata, as the propagator reads it.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    /// What is sent once, and as text.
    fn get(&self, key: &str) -> Option<&str> {
        let mut all = self.0.get_all(key).iter();
        let (only, None) = (all.next()?, all.next()) else { return None };
        let text = only.to_str().ok()?;
        // The propagator takes shorter ids for such that begin with zeros.
        (key != "traceparent" || text.len() >= SHORTEST_TRACEPARENT).then_some(text)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
