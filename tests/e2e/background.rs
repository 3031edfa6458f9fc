//! What servers do by themselves: number audit events, remove what has expired.

use std::time::Duration;

use gatehouse::usecase::{audit, housekeeping};
use gatehouse_api::v1;
use gatehouse_domain::audit::Expected;

use gatehouse_tests::{Acme, PORTAL, Refusal, TestServer, refused};

gatehouse_tests::on_each_database! {
    replicas_that_race_number_every_event_once,
    another_replica_numbers_once_the_lease_has_expired,
    a_server_that_serves_numbers_its_events,
    housekeeping_takes_nothing_that_anybody_could_miss,
    another_replica_keeps_house_once_the_lease_has_expired,
}

/// How many events there are.
async fn events(acme: &Acme) -> usize {
    let request = v1::ListAuditEventsRequest { page_size: 1_000, ..Default::default() };
    let answer = acme.admin.client().list_audit_events(request).await.unwrap().into_inner();
    answer.audit_events.len()
}

/// How many are numbered, all of them fitting.
async fn numbered(server: &TestServer) -> i64 {
    let app = server.app();
    let (vault, expected) = (app.vault(), Expected::default());
    let verified = audit::verify(&app.store, &vault, expected, |found| panic!("{found}"));
    verified.await.unwrap().summary.end.number
}

async fn replicas_that_race_number_every_event_once(server: TestServer) {
    let acme = Acme::new(server).await;
    let replicas = [acme.server.replica().await, acme.server.replica().await];
    let mut tasks = tokio::task::JoinSet::new();
    for (turn, server) in (0..).zip([&acme.server, &replicas[0], &replicas[1]].repeat(4)) {
        let (app, now) = (server.app(), server.now());
        // The clocks disagree, so that none respects another's lease.
        let now = now + audit::LEASE * 2 * turn;
        tasks.spawn(async move { audit::number_batch(&app, now).await.unwrap() });
        let (admin, email) = (acme.admin.clone(), format!("c{turn}@example.com"));
        tasks.spawn(
            async move { admin.create_customer(PORTAL, &email, "").await.map(|_| 0).unwrap() },
        );
    }
    tasks.join_all().await;
    let end = acme.server.now() + Duration::from_hours(1);
    while audit::number_batch(&acme.server.app(), end).await.unwrap() > 0 {}
    assert_eq!(numbered(&acme.server).await, i64::try_from(events(&acme).await).unwrap());
}

async fn another_replica_numbers_once_the_lease_has_expired(server: TestServer) {
    let acme = Acme::new(server).await;
    let [one, other] = [acme.server.idle_app().await, acme.server.idle_app().await];
    // Later than it is for the server, which from the first of these on respects the lease.
    let now = acme.server.now() + Duration::from_hours(1);
    while audit::number_batch(&one, now).await.unwrap() == 0 {
        refused(acme.admin.reset_mfa(&format!("{PORTAL}/customers/nobody")).await);
    }
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    let almost = now + audit::LEASE - Duration::from_micros(1);
    assert_eq!(audit::number_batch(&other, almost).await.unwrap(), 0);
    assert_eq!(audit::number_batch(&other, now + audit::LEASE).await.unwrap(), 1);
    assert_eq!(numbered(&acme.server).await, i64::try_from(events(&acme).await).unwrap());
}

async fn a_server_that_serves_numbers_its_events(server: TestServer) {
    let acme = Acme::new(server).await;
    let count = i64::try_from(events(&acme).await).unwrap();
    while numbered(&acme.server).await < count {
        tokio::task::yield_now().await;
    }
}

async fn housekeeping_takes_nothing_that_anybody_could_miss(server: TestServer) {
    let acme = Acme::new(server).await;
    let session = acme.password_session().await;
    let app = acme.server.app();
    let remove = async || housekeeping::remove_batch(&app, acme.server.now()).await.unwrap();
    // A budget that nothing was counted against is of no use to anybody.
    remove().await;
    assert_eq!(remove().await, 0);
    acme.web.validate(&session.token).await.unwrap();
    // The sign-in that came with the session is the first to go.
    acme.server.pass(Duration::from_mins(5));
    for _ in 0..4 {
        assert_eq!(remove().await, 0);
        acme.web.validate(&session.token).await.unwrap();
        acme.server.pass(housekeeping::CLOCK_MARGIN / 4);
    }
    assert_eq!(remove().await, 1);
    acme.web.validate(&session.token).await.unwrap();

    // The session is dead, and its customer is told how it ended, for a week.
    acme.server.pass(Duration::from_hours(12));
    acme.server.pass_almost(Duration::from_hours(7 * 24) - Duration::from_mins(5));
    remove().await;
    let ended = refused(acme.web.validate(&session.token).await);
    assert_eq!(ended, Refusal::session_ended("expired"));
    acme.server.pass_the_rest();
    assert_eq!(remove().await, 1);
    let unknown = refused(acme.web.validate(&session.token).await);
    assert_eq!(unknown, Refusal::of(v1::ErrorReason::SessionInvalid));
    acme.password_session().await;
}

async fn another_replica_keeps_house_once_the_lease_has_expired(server: TestServer) {
    let acme = Acme::new(server).await;
    let other = acme.server.replica().await;
    acme.password_session().await;
    acme.server.pass(Duration::from_mins(5) + housekeeping::CLOCK_MARGIN);
    let now = acme.server.now();
    let before = now - Duration::from_mins(1);
    // The sign-in lives on; what goes is a budget that nothing was counted against.
    housekeeping::remove_batch(&acme.server.app(), before).await.unwrap();
    let remove = async |at| housekeeping::remove_batch(&other.app(), at).await.unwrap();
    assert_eq!(remove(now).await, 0);
    assert_eq!(remove(before + housekeeping::LEASE).await, 1);
}
