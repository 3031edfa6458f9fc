use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Status;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::health::SERVICES;
use super::*;
use crate::startup::tests::TestApp;

/// A server at work, the end of it, and a client.
struct Running {
    served: JoinHandle<Result<(), ServerError>>,
    shutdown: oneshot::Sender<()>,
    channel: Channel,
    app: TestApp,
}

/// With all that is served where it is asked for, or with none of it.
async fn start(optional: bool) -> Running {
    let app = TestApp::open().await;
    let settings = ServerSettings {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        reflection: optional,
        envoy_authorization: optional,
    };
    let bound = Server::bind(Arc::clone(&app.app), &settings).await.unwrap();
    let address = format!("http://{}", bound.local_addr());
    let (shutdown, requested) = oneshot::channel();
    let served = tokio::spawn(bound.serve(async { requested.await.unwrap() }));
    let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
    Running { served, shutdown, channel, app }
}

fn health_of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let app = TestApp::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap();
    let settings =
        ServerSettings { listen, tls: None, reflection: false, envoy_authorization: false };
    let error = Server::bind(Arc::clone(&app.app), &settings).await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {listen}"));
}

#[tokio::test]
async fn every_service_is_healthy_while_the_server_serves() {
    for optional in [false, true] {
        let server = start(optional).await;
        let mut health = HealthClient::new(server.channel.clone());
        for service in SERVICES {
            let answer = health.check(health_of(service)).await.unwrap().into_inner();
            assert_eq!(answer.status(), Status::Serving, "{service}");
        }
        let envoy = health.check(health_of("envoy.service.auth.v3.Authorization")).await;
        let envoy =
            envoy.map(|answer| answer.into_inner().status()).map_err(|status| status.code());
        assert_eq!(envoy, if optional { Ok(Status::Serving) } else { Err(tonic::Code::NotFound) });
    }
}

#[tokio::test]
async fn a_shutdown_is_told_first_and_waits_for_calls_under_way() {
    let server = start(false).await;
    let mut health = HealthClient::new(server.channel.clone());
    let mut watched = health.watch(health_of("")).await.unwrap().into_inner();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), Status::Serving);

    server.shutdown.send(()).unwrap();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), Status::NotServing);
    assert!(!server.served.is_finished());

    drop((watched, health, server.channel));
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_for_tasks_that_nobody_waits_for() {
    let server = start(false).await;
    let app = Arc::clone(&server.app.app);
    let (begun, has_begun) = oneshot::channel();
    let (end, may_end) = oneshot::channel::<()>();
    let work = async move {
        begun.send(()).unwrap();
        may_end.await.unwrap();
        Ok(())
    };
    tokio::select! {
        _ = app.tasks.run(None, work) => unreachable!("it has not been told to end"),
        begun = has_begun => begun.unwrap(),
    }
    let Running { mut served, shutdown, channel, .. } = server;
    drop(channel);
    shutdown.send(()).unwrap();
    tokio::select! {
        biased;
        _ = &mut served => unreachable!("work is under way"),
        () = tokio::task::yield_now() => {}
    }
    end.send(()).unwrap();
    served.await.unwrap().unwrap();
}

/// Whether the server describes `symbol`, or that it describes nothing.
async fn describes(channel: Channel, symbol: &str) -> Result<bool, tonic::Code> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
    };
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await;
    let mut answers = answers.map_err(|status| status.code())?.into_inner();
    match answers.next().await.unwrap() {
        Ok(answer) => {
            Ok(matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))))
        }
        Err(status) => {
            assert_eq!(status.code(), tonic::Code::NotFound);
            Ok(false)
        }
    }
}

#[tokio::test]
async fn reflection_knows_the_contract_and_the_details_of_errors() {
    let server = start(true).await;
    for symbol in [
        "gatehouse.v1.AdminService",
        "gatehouse.v1.PortalAuthService",
        "envoy.service.auth.v3.Authorization",
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest",
        "google.protobuf.Timestamp",
        "grpc.health.v1.Health",
    ] {
        assert_eq!(describes(server.channel.clone(), symbol).await, Ok(true), "{symbol}");
    }
    assert_eq!(describes(server.channel.clone(), "gatehouse.v1.Nobody").await, Ok(false));
}

#[tokio::test]
async fn reflection_that_is_off_is_not_there() {
    let server = start(false).await;
    let answer = describes(server.channel.clone(), "gatehouse.v1.AdminService").await;
    assert_eq!(answer, Err(tonic::Code::Unimplemented));
}
