use std::future::pending;

use gatehouse_api::v1::{GetPortalRequest, Portal};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;
use tower::ServiceExt;

use super::*;

const PATH: &str = "/gatehouse.v1.AdminService/GetPortal";

/// What the handler under the layer does.
#[derive(Clone, Copy)]
enum Handler {
    Answers,
    Fails,
    Hangs,
}

impl UnaryService<GetPortalRequest> for Handler {
    type Response = Portal;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<Portal>, Status>> + Send + 'static>>;

    fn call(&mut self, request: tonic::Request<GetPortalRequest>) -> Self::Future {
        assert!(request.extensions().get::<RequestId>().is_some());
        match self {
            Self::Answers => Box::pin(ready(Ok(tonic::Response::new(Portal::default())))),
            Self::Fails => Box::pin(ready(Err(AppError::Internal("hunter2".into()).into()))),
            Self::Hangs => Box::pin(pending()),
        }
    }
}

/// A length-prefixed message, as gRPC frames it.
fn frame(message: &str) -> String {
    format!("\0\0\0\0{}{message}", char::from(u8::try_from(message.len()).unwrap()))
}

fn request(path: &str, body: String) -> Request {
    let request = http::Request::post(path).header("content-type", "application/grpc");
    request.body(Body::new(body)).unwrap()
}

fn layer() -> CallLayer {
    let metrics = Arc::new(CallMetrics::new().unwrap());
    CallLayer::new(metrics, Traces::default(), || {
        RequestId::generate(&mut StdRng::from_seed([7; 32]))
    })
}

/// Sends `request` through the layer to `handler`, with a limit of 16 bytes.
async fn call(handler: Handler, request: Request) -> Response {
    let method = tower::service_fn(move |request: Request| async move {
        let mut grpc = Grpc::new(ProstCodec::<Portal, GetPortalRequest>::default())
            .max_decoding_message_size(16);
        Ok::<_, Infallible>(grpc.unary(handler, request).await)
    });
    layer().layer(method).oneshot(request).await.unwrap()
}

/// The status and the fields it names.
fn error(response: &Response) -> (Code, String, Vec<String>) {
    let status = Status::from_header_map(response.headers()).unwrap();
    let details = status.get_error_details();
    let reason = details.error_info().unwrap().reason.clone();
    assert_eq!(response.headers()[REASON_HEADER], *reason);
    let fields = details.bad_request().map(|bad| &*bad.field_violations).unwrap_or_default();
    (status.code(), reason, fields.iter().map(|violation| violation.field.clone()).collect())
}

#[tokio::test]
async fn a_call_that_succeeds_passes_unchanged() {
    let response = call(Handler::Answers, request(PATH, frame(""))).await;
    assert!(!response.headers().contains_key(Status::GRPC_STATUS));
}

#[tokio::test]
async fn a_malformed_message_is_an_invalid_request_that_names_it() {
    let invalid = |fields: &str| {
        let reason = ErrorReason::RequestInvalid.as_str_name().to_owned();
        (Code::InvalidArgument, reason, vec![fields.to_owned()])
    };
    let too_large = frame("\n\x0f123456789012345");
    let truncated = frame("\n\x7fa");
    let unfinished = "\0\0\0\0\x05a".to_owned();
    let bad_flag = "\x01\0\0\0\0".to_owned();
    for body in [too_large, truncated, unfinished, bad_flag, String::new()] {
        let response = call(Handler::Answers, request(PATH, body.clone())).await;
        assert_eq!(error(&response), invalid("GetPortalRequest"), "{body:?}");
        let message = response.headers()[Status::GRPC_MESSAGE].to_str().unwrap();
        assert_eq!(message, "the%20request%20is%20not%20valid");
    }
}

#[tokio::test]
async fn a_compressed_message_is_not_implemented() {
    let mut request = request(PATH, frame(""));
    request.headers_mut().insert("grpc-encoding", http::HeaderValue::from_static("gzip"));
    let response = call(Handler::Answers, request).await;
    let reason = ErrorReason::RequestInvalid.as_str_name().to_owned();
    assert_eq!(error(&response), (Code::Unimplemented, reason, vec![]));
    assert_eq!(response.headers()["grpc-accept-encoding"], "identity");
}

#[tokio::test]
async fn an_unknown_method_is_not_implemented() {
    for path in [PATH, "/nobody.v1.Nothing/Get", "/"] {
        let routes = layer().layer(tonic::service::Routes::default());
        let response = routes.oneshot(request(path, frame(""))).await.unwrap();
        let reason = ErrorReason::RequestInvalid.as_str_name().to_owned();
        assert_eq!(error(&response), (Code::Unimplemented, reason, vec![]), "{path}");
    }
}

#[tokio::test]
async fn health_and_reflection_keep_their_own_errors() {
    for path in ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/Info"] {
        let response = call(Handler::Answers, request(path, String::new())).await;
        assert!(response.headers().contains_key(Status::GRPC_STATUS));
        assert!(!response.headers().contains_key(REASON_HEADER));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_the_callers_deadline_or_the_servers() {
    for (asked, allowed) in [(None, 10), (Some("3S"), 3), (Some("1H"), 10)] {
        let mut request = request(PATH, frame(""));
        if let Some(asked) = asked {
            request.headers_mut().insert("grpc-timeout", http::HeaderValue::from_static(asked));
        }
        let before = tokio::time::Instant::now();
        let response = call(Handler::Hangs, request).await;
        assert_eq!(before.elapsed().as_secs(), allowed);
        assert_eq!(response.headers()["x-request-id"].len(), 32);
        let reason = ErrorReason::Overloaded.as_str_name().to_owned();
        assert_eq!(error(&response), (Code::DeadlineExceeded, reason, vec![]));
    }
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_an_invalid_request() {
    let mut request = request(PATH, frame(""));
    request.headers_mut().insert("grpc-timeout", http::HeaderValue::from_static("soon"));
    let (code, _, fields) = error(&call(Handler::Answers, request).await);
    assert_eq!((code, fields), (Code::InvalidArgument, vec!["grpc-timeout".to_owned()]));
}

#[tokio::test]
async fn every_answer_says_its_request_id() {
    let mut given = request(PATH, frame(""));
    given.headers_mut().insert("x-request-id", http::HeaderValue::from_static("mine"));
    let response = call(Handler::Answers, given).await;
    assert_eq!(response.headers()["x-request-id"], "mine");

    let response = call(Handler::Answers, request(PATH, String::new())).await;
    assert_eq!(response.headers()["x-request-id"].len(), 32);
}

#[tokio::test]
async fn an_internal_error_tells_the_request_id_and_nothing_else() {
    let response = call(Handler::Fails, request(PATH, frame(""))).await;
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    let details = status.get_error_details();
    let id = response.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(details.request_info().unwrap().request_id, id);
    assert!(!String::from_utf8_lossy(status.details()).contains("hunter2"));
}
