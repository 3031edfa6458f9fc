//! gRPC itself: what tonic would answer, health, reflection, request ids. Below it are HTTP/2 and
//! the log.

mod connections;
mod floods;
mod headers;
mod log;
mod messages;
mod tls;

use gatehouse_api::v1;
use tokio_stream::StreamExt;
use tonic::Request;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1 as reflection, v1alpha as reflection_alpha};

use crate::ground::START_SIGN_IN;
use gatehouse_tests::{
    Acme, Database, EMAIL, EMPTY, PASSWORD, Refusal, TestServer, frame, refused,
};

async fn acme() -> Acme {
    Acme::new(TestServer::start(Database::Sqlite).await).await
}

#[tokio::test]
async fn a_message_of_64_kib_is_read_and_none_that_is_larger() {
    let acme = acme().await;
    let verify = async |bytes: usize| {
        // The field's tag and its length take four bytes.
        let password = "x".repeat(bytes - 4);
        let request = v1::VerifyPasswordRequest { password, ..Default::default() };
        refused(acme.web.client().verify_password(request).await)
    };
    assert_eq!(verify(64 * 1024).await, Refusal::invalid(&["sign_in_token", "password"]));
    for bytes in [64 * 1024 + 1, 65 * 1024, 1024 * 1024] {
        assert_eq!(verify(bytes).await, Refusal::invalid(&["VerifyPasswordRequest"]), "{bytes}");
    }
    acme.web.start(EMAIL).await.unwrap();
}

#[tokio::test]
async fn what_is_not_one_message_is_named_without_its_text() {
    let acme = acme().await;
    for body in [
        frame("\x07"),
        frame("\x0a\x05abc"),
        frame("hunter2"),
        String::new(),
        "\0\0\0\0".to_owned(),
        "\0\0\0\0\x05abc".to_owned(),
        "\x02\0\0\0\0".to_owned(),
    ] {
        let status = acme.server.raw().key(&acme.key).call(START_SIGN_IN, &body).await;
        let status = status.err().unwrap_or_else(|| panic!("{body:?} was taken"));
        assert_eq!(Refusal::read(&status), Refusal::invalid(&["StartSignInRequest"]), "{body:?}");
        assert!(!String::from_utf8_lossy(status.details()).contains("hunter2"));
        assert!(!status.message().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_compressed_message_is_refused() {
    let acme = acme().await;
    let gzip = acme.server.raw().key(&acme.key).header("grpc-encoding", "gzip");
    let answer = gzip.call(START_SIGN_IN, "\x01\0\0\0\x05abcde").await;
    assert_eq!(refused(answer), Refusal::unimplemented());
    let unannounced = acme.server.raw().key(&acme.key);
    let answer = unannounced.call(START_SIGN_IN, "\x01\0\0\0\x05abcde").await;
    assert_eq!(refused(answer), Refusal::invalid(&["StartSignInRequest"]));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unimplemented() {
    let acme = acme().await;
    for path in ["/gatehouse.v2.AdminService/GetPortal", "/", "/x", "/x/y/z"] {
        let answer = acme.server.raw().key(&acme.key).call(path, EMPTY).await;
        assert_eq!(refused(answer), Refusal::unimplemented(), "{path}");
    }
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_named() {
    let acme = acme().await;
    for timeout in ["", "1", "S", "-1S", "999999999S", "1x"] {
        let raw = acme.server.raw().key(&acme.key).header("grpc-timeout", timeout);
        let refusal = refused(raw.call(START_SIGN_IN, EMPTY).await);
        assert_eq!(refusal, Refusal::invalid(&["grpc-timeout"]), "{timeout}");
    }
}

#[tokio::test]
async fn a_request_id_comes_back_with_every_answer() {
    let acme = acme().await;
    let mut request = Request::new(v1::GetPortalRequest { name: "portals/acme".to_owned() });
    request.metadata_mut().insert("x-request-id", "req-1".parse().unwrap());
    let answer = acme.admin.client().get_portal(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "req-1");

    let call = async |id: Option<&str>| {
        let raw = acme.server.raw();
        let raw = match id {
            Some(id) => raw.header("x-request-id", id),
            None => raw,
        };
        let status = raw.call(START_SIGN_IN, EMPTY).await.err().unwrap();
        status.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(call(Some("req-2")).await, "req-2", "of a refusal too");
    let own = call(None).await;
    assert_eq!(own.len(), 32);
    assert_ne!(own, call(None).await);
    for bad in ["a b", "<script>", &"x".repeat(65)] {
        assert_eq!(call(Some(bad)).await.len(), 32, "{bad} is replaced");
    }
}

#[tokio::test]
async fn health_is_told_to_anyone() {
    let server = TestServer::start(Database::Sqlite).await;
    let mut health = HealthClient::new(server.channel());
    for service in ["", "gatehouse.v1.AdminService", "gatehouse.v1.PortalAuthService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "x".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
}

/// What must be described for a client to print every answer and every error.
const SYMBOLS: [&str; 8] = [
    "gatehouse.v1.AdminService",
    "gatehouse.v1.PortalAuthService",
    "grpc.health.v1.Health",
    "google.rpc.ErrorInfo",
    "google.rpc.BadRequest",
    "google.rpc.RetryInfo",
    "google.rpc.PreconditionFailure",
    "google.rpc.ResourceInfo",
];

async fn describes(channel: Channel, symbol: &str) -> bool {
    use reflection::server_reflection_client::ServerReflectionClient;
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;

    let request = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    let answer = answers.into_inner().next().await.unwrap().unwrap();
    matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_)))
}

async fn describes_in_alpha(channel: Channel, symbol: &str) -> bool {
    use reflection_alpha::server_reflection_client::ServerReflectionClient;
    use reflection_alpha::server_reflection_request::MessageRequest;
    use reflection_alpha::server_reflection_response::MessageResponse;

    let request = reflection_alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    let answer = answers.into_inner().next().await.unwrap().unwrap();
    matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_)))
}

#[tokio::test]
async fn reflection_of_both_versions_describes_the_contract_and_its_errors() {
    let server = TestServer::start(Database::Sqlite).await;
    for symbol in SYMBOLS {
        assert!(describes(server.channel(), symbol).await, "{symbol}");
        assert!(describes_in_alpha(server.channel(), symbol).await, "{symbol}");
    }
}

#[tokio::test]
async fn a_server_with_bad_callers_goes_on_with_good_ones() {
    let acme = acme().await;
    let headers = (0..200)
        .fold(acme.server.raw().key(&acme.key), |raw, _| raw.header("x-padding", "x".repeat(100)));
    assert!(headers.call(START_SIGN_IN, EMPTY).await.is_err(), "20 KiB of headers");
    acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
}
