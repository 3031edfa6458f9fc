//! What surrounds every call: its request id, its deadline, and the form of
//! the errors that tonic makes before a handler is asked.

mod content;
mod deadline;
mod request_id;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use gatehouse_api::v1::ErrorReason;
use gatehouse_domain::field::FieldViolation;
use opentelemetry::context::FutureExt;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;

pub use request_id::{HEADER as REQUEST_ID_HEADER, RequestId};

use crate::error::{AppError, REASON_HEADER, with_request_id};
use crate::metrics::{Answered, CallMetrics};
use crate::traces::{CallSpan, Traces};

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// In the extensions of an answer: the call's message was larger than its method takes.
#[derive(Clone, Copy)]
pub struct TooLarge;

/// Services with a contract of their own, errors included. Probes and tools call them: they are
/// not traced.
const FOREIGN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// Wraps the router, so that nothing leaves the server past it.
#[derive(Clone)]
pub struct CallLayer {
    metrics: Arc<CallMetrics>,
    traces: Traces,
    make_id: Arc<dyn Fn() -> RequestId + Send + Sync>,
}

impl CallLayer {
    /// With `make_id` for calls that come without a request id. Each is counted in `metrics`,
    /// and has a span in `traces`.
    pub fn new(
        metrics: Arc<CallMetrics>,
        traces: Traces,
        make_id: impl Fn() -> RequestId + Send + Sync + 'static,
    ) -> Self {
        Self { metrics, traces, make_id: Arc::new(make_id) }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> CallService<S> {
        CallService {
            inner,
            metrics: Arc::clone(&self.metrics),
            traces: self.traces.clone(),
            make_id: Arc::clone(&self.make_id),
        }
    }
}

/// The router with a [`CallLayer`] around it.
#[derive(Clone)]
pub struct CallService<S> {
    inner: S,
    metrics: Arc<CallMetrics>,
    traces: Traces,
    make_id: Arc<dyn Fn() -> RequestId + Send + Sync>,
}

impl<S> Service<Request> for CallService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let id = RequestId::given(request.headers()).unwrap_or_else(|| (self.make_id)());
        let path = request.uri().path().to_owned();
        let counted = self.metrics.begin(&path);
        let traced = if is_foreign(&path) {
            None
        } else {
            self.traces.begin(counted.rpc_method(), request.headers(), &id)
        };
        let trace_id = traced.as_ref().map(CallSpan::trace_id);
        let span = tracing::info_span!(
            "call",
            path,
            request_id = id.as_str(),
            trace_id = trace_id.as_deref(),
        );
        let context = traced.as_ref().and_then(CallSpan::context);
        request.extensions_mut().insert(id.clone());

        let end = move |response: Response, path: &str, id: &RequestId| {
            let response = finish(response, path, id);
            let answered = Answered::of(response.headers());
            let Answered { code, reason } = answered;
            tracing::debug!(code = Answered::code_word(code), reason, "answered");
            counted.answered(answered);
            if let Some(traced) = traced {
                traced.answered(answered);
            }
            response
        };
        if let Some(refusal) = content::refusal(&request) {
            return Box::pin(ready(Ok(span.in_scope(|| end(refusal, &path, &id)))));
        }
        let deadline = match deadline::of(request.headers()) {
            Ok(deadline) => deadline,
            Err(violation) => {
                let refusal = Status::from(AppError::from(violation)).into_http();
                return Box::pin(ready(Ok(span.in_scope(|| end(refusal, &path, &id)))));
            }
        };
        let answer = span.in_scope(|| self.inner.call(request));
        // tonic has a timer for the same, but outside of all layers and as CANCELLED.
        let answer = tokio::time::timeout_at(deadline, answer);
        let call = async move {
            let response = match answer.await {
                Ok(response) => response?,
                Err(_elapsed) => Status::from(AppError::DeadlineExceeded).into_http(),
            };
            Ok(end(response, &path, &id))
        };
        let call = call.instrument(span);
        match context {
            Some(context) => Box::pin(call.with_context(context)),
            None => Box::pin(call),
        }
    }
}

fn finish(mut response: Response, path: &str, id: &RequestId) -> Response {
    if tonics_own(response.headers()) == Some(Code::OutOfRange) {
        response.extensions_mut().insert(TooLarge);
    }
    if let Some(status) = corrected(&response, path, id) {
        // Cannot fail: our texts are fixed, and what is not ASCII in them is encoded.
        // What else tonic said, such as grpc-accept-encoding, stays.
        let _ = status.add_header(response.headers_mut());
    }
    response.headers_mut().insert(REQUEST_ID_HEADER, id.header());
    response
}

fn is_foreign(path: &str) -> bool {
    FOREIGN.iter().any(|service| path.starts_with(service))
}

/// The status to send instead of the one in `response`, if any.
fn corrected(response: &Response, path: &str, id: &RequestId) -> Option<Status> {
    let headers = response.headers();
    if let Some(code) = tonics_own(headers) {
        return (!is_foreign(path)).then(|| nearest(code, path).into());
    }
    let is_internal = headers.get(REASON_HEADER)? == ErrorReason::Internal.as_str_name();
    let status = Status::from_header_map(headers).filter(|_| is_internal)?;
    Some(with_request_id(&status, id.as_str()))
}

/// What a call failed with before a handler was asked: an error without a reason.
fn tonics_own(headers: &http::HeaderMap) -> Option<Code> {
    // A call that has not failed yet sends its status after the messages.
    let code = Code::from_bytes(headers.get(Status::GRPC_STATUS)?.as_bytes());
    (code != Code::Ok && !headers.contains_key(REASON_HEADER)).then_some(code)
}

/// Our error for one that tonic made. Its text is not used: it may quote the request.
fn nearest(code: Code, path: &str) -> AppError {
    let why = match code {
        Code::Unimplemented => return AppError::Unimplemented,
        Code::OutOfRange => "is larger than this method takes",
        // All that is left is about the framing or the encoding of the message.
        _ => "must be one well-formed protobuf message",
    };
    let method = path.rsplit('/').next().unwrap_or_default();
    FieldViolation::new(format!("{method}Request"), why).into()
}
