//! The audit trail against somebody who can write the database and does not have the key ring:
//! what is found afterwards, and what only a head tells that was noted elsewhere.

mod malformed;
mod victim;

use std::time::Duration;

use gatehouse::error::AppError;
use gatehouse::usecase::audit::retention::Retention;
use gatehouse::usecase::audit::{VerifyError, retention};
use gatehouse::usecase::keys;
use gatehouse_domain::audit::{ChainEnd, Expected, Finding};
use gatehouse_tests::TestServer;
use victim::Trail;

/// Two tests of every rule, each over a server that does nothing by itself: what is taken out
/// of the chain would be numbered anew meanwhile.
macro_rules! on_each_database {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            use gatehouse_tests::{Database, TestServer};
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(TestServer::without_background(Database::Sqlite).await).await;
            })*
        }
        mod postgres {
            use gatehouse_tests::{Database, TestServer};
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(TestServer::without_background(Database::Postgres).await).await;
            })*
        }
    };
}

mod export;

on_each_database! {
    a_trail_is_whole_while_servers_write_it,
    an_event_that_is_edited_is_named,
    events_that_are_deleted_are_missed_wherever_they_stood,
    a_trail_that_is_forged_without_the_ring_is_found,
    an_end_that_is_cut_off_is_found_by_a_head_that_is_known,
    a_trail_that_was_built_anew_with_the_ring_is_found_by_a_head_that_is_known,
    retention_leaves_a_trail_that_is_whole,
    a_beginning_that_retention_did_not_remove_is_missed,
    a_start_that_no_server_noted_is_found_though_it_came_meanwhile,
    retention_takes_no_event_that_was_tampered_with,
    retention_takes_no_trail_that_was_written_anew_without_keys,
    a_trail_of_which_no_number_is_left_is_missed,
    a_trail_holds_over_a_rotation_of_its_keys,
}

const DAY: Duration = Duration::from_hours(24);
const KEEP: Retention = Retention { keep: DAY, unkeyed_until: 0 };

fn missing(first: i64, last: i64) -> Finding {
    Finding::Missing { first, last }
}

async fn a_trail_is_whole_while_servers_write_it(server: TestServer) {
    let trail = Trail::new(server).await;
    let verifying = async {
        for _ in 0..10 {
            assert_eq!(trail.findings().await, []);
        }
    };
    let writing = async {
        for _ in 0..5 {
            trail.add(4).await;
        }
    };
    tokio::join!(verifying, writing);
    let (summary, findings) = trail.verify(Expected::default()).await.unwrap();
    assert_eq!((findings, summary.end), (vec![], trail.head().await));
    assert_eq!(i64::try_from(summary.events).unwrap(), summary.end.number);
    assert_eq!(summary.unkeyed_until, 0);
}

async fn an_event_that_is_edited_is_named(server: TestServer) {
    let trail = Trail::new(server).await;
    trail.sql("CREATE TABLE good AS SELECT * FROM audit_event").await;
    let id = trail.end_at(3).await;
    for change in [
        "event_at = event_at - 1",
        "kind = 'x'",
        "portal_id = 'beta'",
        "customer_id = 'ana'",
        "session_id = id",
        "api_key_id = id",
        "api_key_display_name = 'x'",
        "claimed_actor = 'x'",
        "caller_address = 'x'",
        "request_id = 'x'",
        "client_ip = 'x'",
        "client_user_agent = 'x'",
        "reason = 'x'",
        "attributes = '{}x'",
    ] {
        trail.sql(&format!("UPDATE audit_event SET {change} WHERE number = 3")).await;
        let findings = trail.findings().await;
        let is_named = matches!(findings[..], [Finding::Changed { number: 3, .. }]);
        assert!(is_named, "{change}: {findings:?}");
        trail.sql("DELETE FROM audit_event").await;
        trail.sql("INSERT INTO audit_event SELECT * FROM good").await;
    }
    assert_eq!(trail.findings_against(id).await, []);
    // Two that change places.
    trail.sql("UPDATE audit_event SET number = 0 WHERE number = 2").await;
    trail.sql("UPDATE audit_event SET number = 2 WHERE number = 3").await;
    trail.sql("UPDATE audit_event SET number = 3 WHERE number = 0").await;
    let findings = trail.findings().await;
    let both =
        findings.iter().filter(|finding| matches!(finding, Finding::Changed { number: 2 | 3, .. }));
    assert_eq!(both.count(), 2, "{findings:?}");
}

async fn events_that_are_deleted_are_missed_wherever_they_stood(server: TestServer) {
    let trail = Trail::new(server).await;
    trail.sql("DELETE FROM audit_event WHERE number IN (1, 3, 4)").await;
    assert_eq!(trail.findings().await, [missing(1, 1), missing(3, 4)]);
    // Servers go on, and cover nothing up.
    trail.add(2).await;
    assert_eq!(trail.findings().await, [missing(1, 1), missing(3, 4)]);
    // One that is only taken out of the chain leaves a hole, too.
    trail.sql("UPDATE audit_event SET number = NULL WHERE number = 6").await;
    let expected = [missing(1, 1), missing(3, 4), missing(6, 6), Finding::Unnumbered { count: 1 }];
    assert_eq!(trail.findings().await, expected);
}

async fn a_trail_that_is_forged_without_the_ring_is_found(server: TestServer) {
    let trail = Trail::new(server).await;
    let head = trail.head().await;
    // The digests of all events that follow are computed, too, as the former versions did it.
    let mut end = trail.end_at(2).await;
    while end.number < head.number {
        end = trail.forge(end).await;
    }
    let forged = Finding::Unkeyed { first: 3, last: head.number };
    assert_eq!(trail.findings().await, std::slice::from_ref(&forged));
    // What servers number from now on does not make it good.
    trail.add(2).await;
    assert_eq!(trail.findings().await, [forged]);
    // An old version did not number up to there, and its operator knows; where one did, its
    // last event is held by the one after it.
    let expected = Expected { head: None, unkeyed_until: 2 };
    assert!(!trail.verify(expected).await.unwrap().1.is_empty());
    trail.sql("UPDATE audit_event SET chain_key_id = 1 WHERE number < 7").await;
    let changed = trail.findings().await;
    let of_forged = |finding: &Finding| matches!(finding, Finding::Changed { number, .. } if (3..7).contains(number));
    assert!(changed.iter().filter(|finding| of_forged(finding)).count() >= 4, "{changed:?}");
}

async fn an_end_that_is_cut_off_is_found_by_a_head_that_is_known(server: TestServer) {
    let trail = Trail::new(server).await;
    let head = trail.head().await;
    assert_eq!(trail.findings_against(head).await, []);
    trail.sql(&format!("DELETE FROM audit_event WHERE number > {}", head.number - 2)).await;
    let cut = Finding::CutOff { last: head.number - 2, expected: head.number };
    assert_eq!(trail.findings_against(head).await, [cut]);
    // Nothing else tells: what is left is whole.
    assert_eq!(trail.findings().await, []);
    // Other events get the numbers, and other digests.
    trail.add(3).await;
    assert_eq!(trail.findings().await, []);
    let other = Finding::OtherHead { number: head.number };
    assert_eq!(trail.findings_against(head).await, [other]);
    trail.sql("DELETE FROM audit_event").await;
    let cut = Finding::CutOff { last: 0, expected: head.number };
    assert_eq!(trail.findings_against(head).await, [cut]);
}

async fn a_trail_that_was_built_anew_with_the_ring_is_found_by_a_head_that_is_known(
    server: TestServer,
) {
    let trail = Trail::new(server).await;
    let (head, before) = (trail.head().await, trail.end_at(3).await);
    // Whoever has the ring, or the server that has it, can do this.
    trail.sql("UPDATE audit_event SET claimed_actor = 'nobody' WHERE number = 4").await;
    let clear = "number = NULL, chain_digest = NULL, chain_key_id = NULL";
    trail.sql(&format!("UPDATE audit_event SET {clear} WHERE number > 3")).await;
    trail.add(1).await;
    assert_eq!(trail.findings().await, [], "it is whole");
    let other = Finding::OtherHead { number: head.number };
    assert_eq!(trail.findings_against(head).await, [other]);
    assert_eq!(trail.findings_against(before).await, [], "of before it nothing is said");
}

async fn retention_leaves_a_trail_that_is_whole(server: TestServer) {
    let trail = Trail::new(server).await;
    let (head, first) = (trail.head().await, trail.end_at(1).await);
    let count = usize::try_from(head.number).unwrap();
    assert_eq!(trail.retain(Duration::from_mins(24 * 60 - 1)).await, 0);
    // The last one stays: numbers go on after it.
    assert_eq!(trail.retain(DAY).await, count - 1);
    assert_eq!(trail.retain(DAY).await, 0);
    let (summary, findings) = trail.verify(Expected::default()).await.unwrap();
    assert_eq!((findings, summary.events, summary.end), (vec![], 1, head));
    trail.add(3).await;
    assert_eq!(trail.retain(Duration::from_mins(1)).await, 1);
    let (summary, findings) = trail.verify(Expected::default()).await.unwrap();
    assert_eq!((findings, summary.events), (vec![], 3));
    assert_eq!(summary.first, Some(head.number + 1));
    // A head that was removed last is still known, and none before.
    assert_eq!(trail.findings_against(head).await, []);
    let other = ChainEnd { digest: first.digest, ..head };
    let number = head.number;
    assert_eq!(trail.findings_against(other).await, [Finding::OtherHead { number }]);
    let expected = Expected { head: Some(first), unkeyed_until: 0 };
    let unknown = trail.verify(expected).await.unwrap_err();
    assert!(matches!(unknown, VerifyError::Removed { head: 1, removed } if removed == number));
}

async fn a_beginning_that_retention_did_not_remove_is_missed(server: TestServer) {
    let trail = Trail::new(server).await;
    let head = trail.head().await;
    trail.retain(2 * DAY).await;
    trail.add(4).await;
    let next = head.number + 1;
    trail.sql(&format!("DELETE FROM audit_event WHERE number <= {next}")).await;
    assert_eq!(trail.findings().await, [missing(head.number, next)]);
    // The note of what was removed cannot be written without the ring,
    let digest = trail.bytes(&"00".repeat(32));
    let forged = format!("number = {next}, chain_digest = {digest}");
    trail.sql(&format!("UPDATE trail_start SET {forged}")).await;
    let findings = trail.findings().await;
    assert_eq!(findings[0], Finding::ForgedStart { number: next });
    // nor left out.
    trail.sql("DELETE FROM trail_start").await;
    assert_eq!(trail.findings().await, [missing(1, next)]);
}

/// After the look at where the trail begins, and before its first page is read.
async fn a_start_that_no_server_noted_is_found_though_it_came_meanwhile(server: TestServer) {
    let trail = Trail::new(server).await;
    let mut held = trail.acme.server.faults().hold_statement(2);
    let deleting = async {
        assert!(held.is_there().await);
        // All of it fits but the proof, for which one needs the ring.
        trail
            .sql(
                "INSERT INTO trail_start (id, number, chain_digest, key_id, proof)
                 SELECT 1, number, chain_digest, chain_key_id, chain_digest FROM audit_event
                 WHERE number = 2",
            )
            .await;
        trail.sql("DELETE FROM audit_event WHERE number <= 2").await;
        drop(held);
    };
    let (verified, ()) = tokio::join!(trail.verify(Expected::default()), deleting);
    let (summary, findings) = verified.unwrap();
    assert_eq!(findings, [Finding::ForgedStart { number: 2 }]);
    assert_eq!((summary.first, summary.end), (Some(3), trail.head().await));
}

async fn a_trail_of_which_no_number_is_left_is_missed(server: TestServer) {
    let trail = Trail::new(server).await;
    let head = trail.head().await;
    trail.retain(2 * DAY).await;
    let cut = Finding::CutOff { last: head.number - 1, expected: head.number };
    trail.sql("UPDATE audit_event SET number = NULL").await;
    assert_eq!(trail.findings().await, [cut.clone(), Finding::Unnumbered { count: 1 }]);
    trail.sql("DELETE FROM audit_event").await;
    assert_eq!(trail.findings().await, [cut]);
}

async fn retention_takes_no_event_that_was_tampered_with(server: TestServer) {
    let trail = Trail::new(server).await;
    let now = trail.acme.server.now();
    let remove = async || retention::remove_batch(&trail.app, KEEP, now).await;
    for tampering in [
        // As if they were old.
        "UPDATE audit_event SET event_at = 1",
        "UPDATE audit_event SET claimed_actor = 'nobody', event_at = 1 WHERE number = 1",
        "DELETE FROM audit_event WHERE number = 1",
    ] {
        trail.sql(tampering).await;
        assert!(matches!(remove().await, Err(AppError::Internal(_))), "{tampering}");
        assert!(!trail.findings().await.is_empty(), "{tampering}");
        assert_eq!(trail.app.store.read().trail_start().await.unwrap(), None);
    }
}

/// As old and without keys, which needs no ring.
async fn retention_takes_no_trail_that_was_written_anew_without_keys(server: TestServer) {
    let trail = Trail::new(server).await;
    let (head, now) = (trail.head().await, trail.acme.server.now());
    let remove = async |unkeyed_until| {
        let retention = Retention { unkeyed_until, ..KEEP };
        retention::remove_batch(&trail.app, retention, now).await
    };
    let refused_from = async |number, unkeyed_until| {
        let error = remove(unkeyed_until).await.unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        let told = format!("no more events are removed: the event {number} has a digest without");
        assert!(why.starts_with(&told), "{why}");
        assert_eq!(trail.app.store.read().trail_start().await.unwrap(), None);
        let (summary, _) = trail.verify(Expected::default()).await.unwrap();
        assert_eq!((summary.first, summary.end.number), (Some(1), head.number));
    };
    let mut end = ChainEnd::START;
    while end.number < head.number {
        end = trail.forge(end).await;
    }
    refused_from(1, 0).await;
    refused_from(4, 3).await;
    refused_from(head.number, head.number - 1).await;

    // A version without keys has numbered up to there, and the others were numbered since.
    let clear = "number = NULL, chain_digest = NULL, chain_key_id = NULL";
    trail.sql(&format!("UPDATE audit_event SET {clear} WHERE number > 3")).await;
    trail.number().await;
    refused_from(3, 2).await;
    assert_eq!(remove(3).await.unwrap(), usize::try_from(head.number).unwrap() - 1);
    assert_eq!(trail.findings().await, []);
}

async fn a_trail_holds_over_a_rotation_of_its_keys(server: TestServer) {
    let trail = Trail::new(server).await;
    let (app, now) = (&trail.app, trail.acme.server.now());
    let new = keys::add(app, now).await.unwrap();
    keys::share(app, &mut None, now).await.unwrap();
    keys::promote(app, new, now).await.unwrap();
    trail.add(3).await;
    let events = app.store.read().numbered_events(None, 1_000).await.unwrap();
    assert!(events.first().unwrap().key != Some(new) && events.last().unwrap().key == Some(new));
    assert_eq!(trail.findings().await, []);
    trail.retain(2 * DAY).await;
    assert_eq!(trail.findings().await, []);
    // Under a name that the ring does not have nothing can be verified.
    trail.sql("UPDATE audit_event SET chain_key_id = 9").await;
    let number = trail.head().await.number;
    let unknown = Finding::UnknownKey { key: 9.into(), first: number, last: number };
    assert_eq!(trail.findings().await, [unknown]);
}
