//! How a watch ends, and what it leaves.

use std::time::{Duration, Instant};

use gatehouse::metrics;
use gatehouse::trail::Pace;
use gatehouse::usecase::audit::MAX_CONCURRENT_READERS;
use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole::Viewer;
use gatehouse_api::v1::ErrorReason::{
    ApiKeyInvalid, ApiKeyScope, Internal, Overloaded, StoreUnavailable,
};
use gatehouse_api::v1::api_key::Grant;

use super::{SHORT, all, calm, names, unlock};
use gatehouse_tests::{Acme, Database, Refusal, TestServer, refused, timestamp};
use tonic::Request;
use tonic_types::StatusExt;

gatehouse_tests::on_each_database! {
    a_key_that_is_revoked_ends_its_stream_before_anything_else_is_told,
    a_key_that_expires_ends_its_stream,
    a_key_that_may_not_do_the_same_any_more_ends_its_stream,
    a_reader_that_is_too_slow_is_ended_and_goes_on_without_a_gap,
    a_server_that_ends_ends_its_streams_and_begins_none,
}

/// A key for the whole server: its name and its secret.
async fn viewer(acme: &Acme, key: v1::ApiKey) -> (String, String) {
    let portals = vec!["portals/-".to_owned()];
    let grant = Some(Grant::Admin(v1::AdminGrant { role: Viewer.into(), portals }));
    acme.admin.create_key(v1::ApiKey { grant, ..key }).await.unwrap()
}

/// The limit that calls have, and whatever deadline a client sends.
#[tokio::test]
async fn a_deadline_is_for_the_first_answer_and_cuts_no_stream() {
    const DEADLINE: Duration = Duration::from_secs(1);
    let acme = calm(TestServer::start(Database::Sqlite).await).await;
    let pace = Pace { heartbeat: SHORT, ..Pace::default() };
    let server = acme.server.replica_watched(pace).await;
    let mut request = Request::new(v1::WatchAuditEventsRequest::default());
    request.set_timeout(DEADLINE);
    let begun = Instant::now();
    let stream = server.admin().client().watch_audit_events(request).await;
    let mut stream = stream.unwrap().into_inner();
    while begun.elapsed() < DEADLINE + SHORT {
        assert!(stream.message().await.unwrap().is_some());
    }
}

/// Though its next look at the key were half a minute away.
async fn a_key_that_is_revoked_ends_its_stream_before_anything_else_is_told(server: TestServer) {
    let acme = calm(server).await;
    let (name, secret) = viewer(&acme, v1::ApiKey::default()).await;
    acme.server.number_events().await;
    let mut revoked = acme.server.admin_with(&secret).watch_from_now(all()).await;
    let mut other = acme.admin.watch_from_now(all()).await;
    acme.admin.revoke_key(&name).await.unwrap();
    unlock(&acme, 1).await;
    // Not even of its own end.
    assert_eq!(refused(revoked.next().await), Refusal::of(ApiKeyInvalid));
    assert_eq!(other.events(2).await.len(), 2);
    let again = acme.server.admin_with(&secret).watch(all(), &revoked.token).await;
    assert_eq!(refused(again), Refusal::of(ApiKeyInvalid));
}

async fn a_key_that_expires_ends_its_stream(server: TestServer) {
    let acme = calm(server).await;
    let hour = Duration::from_hours(1);
    let expire_time = Some(timestamp(acme.server.now() + hour));
    let key = v1::ApiKey { expire_time, ..Default::default() };
    let (_, secret) = viewer(&acme, key).await;
    acme.server.number_events().await;
    let mut watcher = acme.server.admin_with(&secret).watch_from_now(all()).await;
    acme.server.pass_almost(hour);
    unlock(&acme, 1).await;
    assert_eq!(watcher.events(1).await.len(), 1);
    acme.server.pass_the_rest();
    unlock(&acme, 1).await;
    assert_eq!(refused(watcher.next().await), Refusal::of(ApiKeyInvalid));
}

async fn a_key_that_may_not_do_the_same_any_more_ends_its_stream(server: TestServer) {
    let acme = calm(server).await;
    let pace = Pace { heartbeat: SHORT, ..Pace::default() };
    let server = acme.server.replica_watched(pace).await;
    let (_, secret) = viewer(&acme, v1::ApiKey::default()).await;
    acme.server.number_events().await;
    let mut watcher = server.admin_with(&secret).watch_from_now(all()).await;
    // No call does that: whatever did, it holds.
    let sql = "UPDATE api_key SET admin_portals = 'acme' WHERE admin_role = 'viewer'";
    acme.server.app().store.execute(sql).await.unwrap();
    assert_eq!(Refusal::read(&watcher.end().await), Refusal::of(ApiKeyScope));
}

async fn a_reader_that_is_too_slow_is_ended_and_goes_on_without_a_gap(server: TestServer) {
    let acme = calm(server).await;
    let before = acme.server.numbered_events().await.len();
    let pace = Pace { backlog: 2, poll: SHORT, ..Pace::default() };
    let server = acme.server.replica_watched(pace).await;
    let mut slow = server.watch_directly().await;
    let mut quick = server.watch_directly().await;
    for _ in 0..3 {
        unlock(&acme, 1).await;
        assert_eq!(quick.events(1).await.len(), 1);
    }
    assert_eq!(refused(slow.next().await), Refusal::of(StoreUnavailable));
    let mut resumed = server.admin().watch(all(), &slow.token).await.unwrap();
    let missed = resumed.events(3).await;
    assert_eq!(names(&missed), acme.server.numbered_events().await[before..]);
}

async fn a_server_that_ends_ends_its_streams_and_begins_none(server: TestServer) {
    let acme = calm(server).await;
    let other = acme.server.replica().await;
    let mut watcher = other.admin().watch_from_now(all()).await;
    other.app().trail.close();
    assert_eq!(refused(watcher.next().await), Refusal::of(StoreUnavailable));
    let again = other.admin().watch(all(), &watcher.token).await;
    assert_eq!(refused(again), Refusal::of(StoreUnavailable));
    unlock(&acme, 1).await;
    let mut resumed = acme.admin.watch(all(), &watcher.token).await.unwrap();
    assert_eq!(resumed.events(1).await.len(), 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_ends_every_stream_with_its_request_id() {
    // Nothing is numbered but by the test.
    let acme = calm(TestServer::without_background(Database::Sqlite).await).await;
    let mut watchers = [acme.admin.watch_from_now(all()).await, acme.server.watch_directly().await];
    unlock(&acme, 1).await;
    let sql = "UPDATE audit_event SET attributes = 'x' WHERE kind = 'customer.unlocked'";
    acme.server.app().store.execute(sql).await.unwrap();
    acme.server.number_events().await;
    for watcher in &mut watchers {
        let end = watcher.end().await;
        let details = end.get_error_details();
        assert!(!details.request_info().unwrap().request_id.is_empty());
        assert!(Refusal::read(&end).is(Internal));
    }
}

#[tokio::test]
async fn a_key_gets_fewer_places_than_are_free_and_leaves_them_with_its_streams() {
    let acme = calm(TestServer::start(Database::Sqlite).await).await;
    // Half as many as changes may be under way.
    let server = acme.server.replica_with_places(8).await;
    let [one, other] = [
        acme.admin.admin_key(Viewer, &["portals/-"]).await.unwrap(),
        acme.admin.admin_key(Viewer, &["portals/-"]).await.unwrap(),
    ];
    let watch = async |key: &str| server.admin_with(key).watch(all(), "").await;
    let first = [watch(&one).await.unwrap(), watch(&one).await.unwrap()];
    let refusal = refused(watch(&one).await);
    assert!(refusal.is(Overloaded) && refusal.retry_after().is_some(), "{refusal:?}");
    let second = watch(&other).await.unwrap();
    assert_eq!(gauge(&server, WATCHERS), "3");
    drop((first, second));
    becomes(&server, WATCHERS, "0").await;
    watch(&one).await.unwrap();
}

/// Or whoever comes again and again would let reads wait without a bound.
#[tokio::test]
async fn who_breaks_off_has_a_place_until_its_read_has_ended() {
    let acme = calm(TestServer::start(Database::Sqlite).await).await;
    // For one watcher.
    let server = acme.server.replica_with_places(2).await;
    let (admin, app) = (server.admin(), server.app());
    let readers = u32::try_from(MAX_CONCURRENT_READERS).unwrap();
    let turns = app.trail_readers.acquire_many(readers).await.unwrap();
    let token = server.resume_token(0);
    tokio::select! {
        biased;
        _ = admin.watch(all(), &token) => panic!("it is not its turn to read"),
        () = becomes(&server, WATCHERS, "1") => {}
    }
    // It is gone, and what it read for is not.
    becomes(&server, "gatehouse_calls_in_flight", "0").await;
    assert_eq!(gauge(&server, WATCHERS), "1");
    assert!(refused(admin.watch(all(), &token).await).is(Overloaded));
    drop(turns);
    becomes(&server, WATCHERS, "0").await;
    assert!(!admin.watch(all(), &token).await.unwrap().next().await.unwrap().is_empty());
}

const WATCHERS: &str = "gatehouse_audit_watchers";

fn gauge(server: &TestServer, name: &str) -> String {
    let metrics = metrics::render(&server.app()).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().to_owned()
}

async fn becomes(server: &TestServer, name: &str, value: &str) {
    while gauge(server, name) != value {
        tokio::task::yield_now().await;
    }
}
