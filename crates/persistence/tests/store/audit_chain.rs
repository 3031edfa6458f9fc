use std::sync::Arc;
use std::time::Duration;

use gatehouse_domain::audit::{ChainEnd, ChainedEvent, TrailStart};
use gatehouse_domain::id::ServerId;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Vault;
use gatehouse_persistence::{Lease, Numbering, Store, StoreError};

use crate::support::example::{MINUTE, NOW, SECOND, audit_event, commit, uuid};
use crate::support::{TestDatabase, at_once};

on_both_databases! {
    events_are_numbered_from_1_in_the_order_of_their_ids,
    an_event_that_commits_late_gets_the_next_number,
    events_are_numbered_once_whoever_tries,
    an_event_that_changed_or_went_does_not_fit,
    what_follows_a_broken_digest_is_not_numbered,
    what_a_program_without_keys_numbers_goes_on_and_is_told_apart,
    old_events_are_removed_and_their_end_is_kept,
    events_that_have_lost_their_number_are_counted,
    a_lease_is_held_by_one_until_it_expires,
    a_lease_of_a_clock_that_was_far_ahead_is_nobodys,
    of_many_that_want_a_lease_one_gets_it,
    a_lease_goes_with_its_transaction,
}

fn server(number: u128) -> ServerId {
    ServerId::from_uuid(uuid(number))
}

async fn record(store: &Store, numbers: &[u16]) {
    let recorded = again!(
        commit(store, async |tx| {
            for number in numbers {
                tx.record(&audit_event(*number, NOW)).await?;
            }
            Ok(())
        })
        .await
    );
    recorded.unwrap();
}

fn vault() -> Vault {
    let ring = "primary 00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    Vault::new(&ring.parse().unwrap())
}

async fn number(store: &Store, limit: u64) -> Result<usize, StoreError> {
    commit(store, async |tx| tx.number_events(limit, vault().chain()).await).await
}

async fn numbered(store: &Store) -> Vec<ChainedEvent> {
    store.read().numbered_events(None, 1_000).await.unwrap()
}

fn numbers(events: &[ChainedEvent]) -> Vec<(i64, u128)> {
    events
        .iter()
        .map(|event| (event.number, event.event.as_ref().unwrap().id.as_u128() & 0xffff))
        .collect()
}

/// How many of `events` fit, from the first on.
fn fitting(events: &[ChainedEvent]) -> usize {
    let vault = vault();
    let chain = events.iter().scan(ChainEnd::START, |end, event| {
        *end = event.follows(end, &vault)?;
        Some(())
    });
    chain.count()
}

async fn events_are_numbered_from_1_in_the_order_of_their_ids(database: TestDatabase) {
    let store = database.store().await;
    let numbering = async || store.read().numbering().await.unwrap();
    let none = Numbering { last: 0, waiting: 0, oldest: None };
    assert_eq!(numbering().await, none);
    assert_eq!(number(&store, 10).await.unwrap(), 0);
    record(&store, &[3, 1, 5, 2, 4]).await;
    assert_eq!(numbering().await, Numbering { waiting: 5, oldest: Some(NOW), ..none });
    assert_eq!(number(&store, 2).await.unwrap(), 2);
    assert_eq!(numbering().await, Numbering { last: 2, waiting: 3, oldest: Some(NOW) });
    for left in [2, 1, 0] {
        assert_eq!(number(&store, 2).await.unwrap(), left);
    }
    assert_eq!(numbering().await, Numbering { last: 5, ..none });
    let events = numbered(&store).await;
    assert_eq!(numbers(&events), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
    assert_eq!(fitting(&events), 5);
    let page = store.read().numbered_events(Some(2), 2).await.unwrap();
    assert_eq!(numbers(&page), [(3, 3), (4, 4)]);
}

async fn an_event_that_commits_late_gets_the_next_number(database: TestDatabase) {
    let store = database.store().await;
    record(&store, &[2]).await;
    number(&store, 10).await.unwrap();
    record(&store, &[1]).await;
    number(&store, 10).await.unwrap();
    assert_eq!(numbers(&numbered(&store).await), [(1, 2), (2, 1)]);
}

/// As servers do it, which race for the lease while events go on coming.
async fn events_are_numbered_once_whoever_tries(database: TestDatabase) {
    let store = database.store().await;
    let results = at_once(32, |task| {
        let store = Arc::clone(&store);
        async move {
            if task % 2 == 0 {
                record(&store, &[u16::try_from(task).unwrap()]).await;
                return;
            }
            let server = server(task as u128 % 4);
            let numbered = again!(
                commit(&store, async |tx| {
                    // Clocks disagree: each finds the lease of the others expired.
                    let now = NOW + MINUTE * u32::try_from(task).unwrap();
                    if tx.take_lease(Lease::Audit, server, now, NOW).await? {
                        tx.number_events(3, vault().chain()).await?;
                    }
                    Ok(())
                })
                .await
            );
            numbered.unwrap();
        }
    });
    results.await;
    while number(&store, 10).await.unwrap() > 0 {}
    let events = numbered(&store).await;
    assert_eq!((events.len(), fitting(&events)), (16, 16));
}

async fn an_event_that_changed_or_went_does_not_fit(database: TestDatabase) {
    let store = database.store().await;
    record(&store, &[1, 2, 3, 4]).await;
    number(&store, 10).await.unwrap();
    database.execute("CREATE TABLE good AS SELECT * FROM audit_event").await;
    let columns = [
        "event_at = event_at + 1",
        "kind = 'portal.updated'",
        "portal_id = 'acme'",
        "customer_id = ''",
        "session_id = id",
        "api_key_id = id",
        "api_key_display_name = 'x'",
        "claimed_actor = 'x'",
        "caller_address = 'x'",
        "request_id = 'x'",
        "client_ip = 'x'",
        "client_user_agent = 'x'",
        "reason = ''",
        "attributes = '{ }'",
        "chain_digest = NULL",
        "chain_key_id = NULL",
        "chain_key_id = 2",
        "chain_key_id = -1",
        "number = 30",
        "number = NULL",
    ];
    for change in columns {
        database.execute(&format!("UPDATE audit_event SET {change} WHERE number = 3")).await;
        assert_eq!(fitting(&numbered(&store).await), 2, "{change}");
        database.execute("DELETE FROM audit_event").await;
        database.execute("INSERT INTO audit_event SELECT * FROM good").await;
    }
    database.execute("DELETE FROM audit_event WHERE number = 1").await;
    assert_eq!(fitting(&numbered(&store).await), 0);
}

async fn what_follows_a_broken_digest_is_not_numbered(database: TestDatabase) {
    let store = database.store().await;
    record(&store, &[1]).await;
    number(&store, 10).await.unwrap();
    record(&store, &[2]).await;
    database.execute("UPDATE audit_event SET chain_digest = NULL").await;
    let broken = audit_event(1, NOW).id.to_string();
    let error = number(&store, 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "audit_event", id } if id == broken));
}

/// As a server of the version before does it while servers are replaced.
async fn what_a_program_without_keys_numbers_goes_on_and_is_told_apart(database: TestDatabase) {
    let store = database.store().await;
    record(&store, &[1, 2]).await;
    number(&store, 1).await.unwrap();
    let end = store.read().chain_end().await.unwrap();
    let mut second = numbered(&store).await.remove(0).event.unwrap();
    second.id = audit_event(2, NOW).id.as_uuid();
    let digest = end.next(None, &second).digest;
    let digest =
        if database.is_postgres() { format!("'\\x{digest}'") } else { format!("x'{digest}'") };
    let by_hand = format!("UPDATE audit_event SET number = 2, chain_digest = {digest}");
    database.execute(&format!("{by_hand} WHERE number IS NULL")).await;
    record(&store, &[3]).await;
    number(&store, 10).await.unwrap();
    let events = numbered(&store).await;
    let keys: Vec<_> = events.iter().map(|event| event.key.map(u32::from)).collect();
    assert_eq!((fitting(&events), keys), (3, vec![Some(1), None, Some(1)]));
}

async fn old_events_are_removed_and_their_end_is_kept(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(store.read().trail_start().await.unwrap(), None);
    record(&store, &[1, 2, 3, 4]).await;
    number(&store, 10).await.unwrap();
    let events = numbered(&store).await;
    for removed in [0..1, 1..3] {
        let last = &events[removed.end - 1];
        let end = ChainEnd { number: last.number, digest: last.digest.unwrap() };
        let start = TrailStart::after(end, vault().chain());
        let ids: Vec<_> =
            events[removed].iter().map(|event| event.event.as_ref().unwrap().id()).collect();
        commit(&store, async |tx| tx.remove_events(&ids, &start).await).await.unwrap();
        assert_eq!(store.read().trail_start().await.unwrap(), Some(start));
        let again = commit(&store, async |tx| tx.remove_events(&ids, &start).await).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))));
    }
    assert_eq!(numbers(&numbered(&store).await), [(4, 4)]);
    record(&store, &[5]).await;
    number(&store, 10).await.unwrap();
    assert_eq!(numbers(&numbered(&store).await), [(4, 4), (5, 5)]);

    database.execute("UPDATE trail_start SET proof = chain_digest WHERE id = 1").await;
    let forged = store.read().trail_start().await.unwrap().unwrap();
    assert!(!forged.is_vouched_for(&vault()));
    // What is left when all that was kept is deleted is not numbered from 1 again.
    database.execute("DELETE FROM audit_event").await;
    record(&store, &[6]).await;
    let error = number(&store, 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "trail_start", id } if id == "3"));
    // What no server writes is a start that nobody vouches for.
    database.execute("UPDATE trail_start SET key_id = -1").await;
    let start = store.read().trail_start().await.unwrap().unwrap();
    assert_eq!(start.removed.number, 3);
    assert!(!start.is_vouched_for(&vault()));
}

async fn events_that_have_lost_their_number_are_counted(database: TestDatabase) {
    let store = database.store().await;
    record(&store, &[1, 2, 3]).await;
    let count = async |before| store.read().count_left_over(before).await.unwrap();
    assert_eq!(count(NOW).await, 0);
    assert_eq!(count(NOW + SECOND).await, 3);
    number(&store, 10).await.unwrap();
    assert_eq!(count(NOW + SECOND).await, 0);
    database.execute("UPDATE audit_event SET number = NULL WHERE number = 2").await;
    assert_eq!(count(NOW).await, 1);
}

async fn a_lease_is_held_by_one_until_it_expires(database: TestDatabase) {
    let store = database.store().await;
    let take = async |holder, now, until| {
        let taken = async |tx: &gatehouse_persistence::Tx| {
            tx.take_lease(Lease::Audit, server(holder), now, until).await
        };
        commit(&store, taken).await.unwrap()
    };
    let end = NOW + MINUTE;
    assert!(take(1, NOW, NOW + SECOND).await);
    assert!(!take(2, NOW, end).await);
    assert!(take(1, NOW, end).await, "extended by its holder");
    assert!(!take(2, end - SECOND, end + MINUTE).await);
    assert!(take(2, end, end + MINUTE).await, "taken over");
    assert!(!take(1, end, end + MINUTE).await);
    let other = async |tx: &gatehouse_persistence::Tx| {
        tx.take_lease(Lease::Housekeeping, server(1), NOW, end).await
    };
    assert!(commit(&store, other).await.unwrap(), "one lease says nothing of another");
}

async fn a_lease_of_a_clock_that_was_far_ahead_is_nobodys(database: TestDatabase) {
    let store = database.store().await;
    let take = async |holder, now: Timestamp| {
        let taken = async |tx: &gatehouse_persistence::Tx| {
            tx.take_lease(Lease::Audit, server(holder), now, now + SECOND).await
        };
        commit(&store, taken).await.unwrap()
    };
    let day = Duration::from_hours(24);
    assert!(take(1, NOW + day).await);
    assert!(!take(2, NOW).await);
    assert!(take(1, NOW + day + SECOND).await);
    assert!(take(2, NOW).await);
}

async fn of_many_that_want_a_lease_one_gets_it(database: TestDatabase) {
    let store = database.store().await;
    for now in [NOW, NOW + MINUTE] {
        let results = at_once(32, |number| {
            let store = Arc::clone(&store);
            let holder = server(number as u128);
            async move {
                let take = async |tx: &gatehouse_persistence::Tx| {
                    tx.take_lease(Lease::Audit, holder, now, now + MINUTE).await
                };
                again!(commit(&store, take).await).unwrap()
            }
        });
        assert_eq!(results.await.into_iter().filter(|taken| *taken).count(), 1);
    }
}

async fn a_lease_goes_with_its_transaction(database: TestDatabase) {
    let store = database.store().await;
    let tx = store.begin().await.unwrap();
    assert!(tx.take_lease(Lease::Audit, server(1), NOW, NOW + MINUTE).await.unwrap());
    drop(tx);
    assert_eq!(database.count("lease").await, 0);
}
