//! The end: what is under way is answered, unless somebody insists.

use std::net::TcpStream;
use std::pin::Pin;

use gatehouse_api::v1::{SignIn, WatchAuditEventsRequest};
use tonic::Streaming;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::support::{Acme, Answer, PASSWORD, Server, Site, refused};

/// A password hash that takes a good part of a second.
const SLOW: [&str; 6] =
    ["--hash-memory-kib", "131072", "--hash-passes", "4", "--hash-threads", "1"];

/// A server with a VerifyPassword under way.
struct Busy {
    server: Server,
    answer: Pin<Box<dyn Future<Output = Answer<SignIn>>>>,
    /// Tells every change of the server's health. A call without an end of its
    /// own, so that the server has not ended while it is there.
    health: Streaming<HealthCheckResponse>,
}

async fn busy(site: &Site) -> Busy {
    let server = site.serve(&SLOW);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let channel = server.channel();
    let web = acme.web_on(channel.clone());
    let started = web.start().await.unwrap();
    let mut answer = Box::pin(async move { web.password(&started.token, PASSWORD).await });
    let mut client = HealthClient::new(channel);
    // Sent in this order on one connection: when the second call is answered,
    // the first has been taken up.
    let watch = tokio::select! {
        biased;
        _ = &mut answer => panic!("a slow hash was quicker than the health check"),
        watch = client.watch(HealthCheckRequest::default()) => watch,
    };
    let mut health = watch.unwrap().into_inner();
    assert_eq!(next(&mut health).await, ServingStatus::Serving);
    Busy { server, answer, health }
}

async fn next(health: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    health.message().await.unwrap().unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_refuses_new_connections_and_lets_calls_under_way_finish() {
    let site = Site::sqlite();
    let Busy { mut server, answer, mut health } = busy(&site).await;
    server.process.terminate();
    assert_eq!(next(&mut health).await, ServingStatus::NotServing);
    while TcpStream::connect(server.address).is_ok() {}
    assert!(server.process.is_running());

    answer.await.unwrap();
    drop(health);
    let ended = server.process.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("stopped\n"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_waits_for_nothing() {
    let site = Site::sqlite();
    let Busy { mut server, answer, health: _health } = busy(&site).await;
    server.process.terminate();
    server.process.line("draining");
    server.process.terminate();
    let ended = server.process.ended();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("ending at once\n"), "{}", ended.stderr);
    assert!(answer.await.is_err());
}

/// Though the stream has no end of its own, and its connection is kept.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_the_audit_trail_is_sent_away_and_keeps_no_server() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let mut admin = acme.admin(&server);
    let watch = admin.watch_audit_events(WatchAuditEventsRequest::default()).await.unwrap();
    let mut watch = watch.into_inner();
    server.process.terminate();
    let end = loop {
        match watch.message().await {
            Ok(message) => assert!(message.is_some(), "it ended without a word"),
            end => break end,
        }
    };
    assert_eq!(refused(end).reason, "ERROR_REASON_STORE_UNAVAILABLE");
    let ended = server.process.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("streams were cut off"), "{}", ended.stderr);
}
