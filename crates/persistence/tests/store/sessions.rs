use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::CustomerKey;
use gatehouse_domain::session::{Limits, MAX_SESSIONS_PER_CUSTOMER, Session, SessionEnd};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Sessions, Store, StoreError};

use crate::support::TestDatabase;
use crate::support::example::{
    LIMITS, MINUTE, NOW, SECOND, ana, commit, digest, insert, key, session, session_id,
    session_number,
};

on_both_databases! {
    a_session_comes_back_as_it_went_in,
    a_session_is_found_by_its_portal_and_any_of_its_digests,
    a_session_ends_once_with_when_and_why,
    use_is_written_forward_and_only_while_it_lives,
    the_twenty_first_session_replaces_the_oldest,
    sessions_that_are_not_live_leave_room,
    the_newest_session_stays_whatever_the_clocks_say,
    ending_counts_live_sessions_and_ends_idle_ones_too,
    all_but_one_can_be_ended,
    sessions_without_a_second_factor_end_with_their_portals_policy,
    every_session_of_a_portal_can_be_ended,
    a_session_is_its_customers_alone,
    a_proof_is_written_only_in_a_session_that_lives,
}

/// Stores a session, whose token has the number of its id.
async fn put(store: &Store, session: &Session) {
    let token = digest(session_number(session.id));
    commit(store, async |tx| tx.insert_session(session, &token).await).await.unwrap();
}

async fn get(store: &Store, key: &CustomerKey, number: u128) -> Session {
    store.read().session(&key.portal, &[digest(number)]).await.unwrap().unwrap()
}

/// When and why each of the customer's sessions was ended.
async fn ends<const N: usize>(
    store: &Store,
    key: &CustomerKey,
    numbers: [u128; N],
) -> [Option<(Timestamp, SessionEnd)>; N] {
    let mut ends = [None; N];
    for (end, number) in ends.iter_mut().zip(numbers) {
        *end = get(store, key, number).await.ended;
    }
    ends
}

async fn end(store: &Store, which: Sessions, why: SessionEnd, now: Timestamp) -> u64 {
    commit(store, async |tx| tx.end_sessions(&ana(), which, why, &LIMITS, now).await).await.unwrap()
}

async fn a_session_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let bare = Session { client: ClientContext::default(), ..session(&ana(), 1, NOW) };
    let full = Session {
        last_used_at: NOW + SECOND,
        authenticated_at: NOW + 2 * SECOND,
        second_factor_at: Some(NOW + 3 * SECOND),
        ..session(&ana(), 2, NOW)
    };
    for session in [bare, full] {
        put(&store, &session).await;
        assert_eq!(get(&store, &ana(), session_number(session.id)).await, session);
    }
}

async fn a_session_is_found_by_its_portal_and_any_of_its_digests(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("beta", "ana")]).await;
    put(&store, &session(&ana(), 1, NOW)).await;
    let (acme, beta) = (ana().portal, key("beta", "ana").portal);
    for (portal, digests, found) in [
        (&acme, vec![digest(2), digest(1)], true),
        (&acme, vec![digest(2)], false),
        (&acme, vec![], false),
        (&beta, vec![digest(1)], false),
    ] {
        let result = store.read().session(portal, &digests).await.unwrap();
        assert_eq!(result.is_some(), found, "{portal} {digests:?}");
    }
}

async fn a_session_ends_once_with_when_and_why(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    for (number, why) in (1..).zip([
        SessionEnd::SignedOut,
        SessionEnd::Revoked,
        SessionEnd::Suspended,
        SessionEnd::PasswordChanged,
        SessionEnd::MfaReset,
        SessionEnd::Replaced,
    ]) {
        put(&store, &session(&ana(), number, NOW)).await;
        let this = Sessions::One(session_id(number));
        assert_eq!(end(&store, this, why, NOW + SECOND).await, 1);
        assert_eq!(end(&store, this, SessionEnd::Expired, NOW + MINUTE).await, 0);
        let expected = Session { ended: Some((NOW + SECOND, why)), ..session(&ana(), number, NOW) };
        assert_eq!(get(&store, &ana(), number).await, expected);
    }
}

async fn use_is_written_forward_and_only_while_it_lives(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, &session(&ana(), 1, NOW)).await;
    put(&store, &session(&ana(), 2, NOW)).await;
    let touch = async |number, at| {
        store.touch_session(session_id(number), at).await.unwrap();
        get(&store, &ana(), number).await.last_used_at
    };
    assert_eq!(touch(1, NOW + MINUTE).await, NOW + MINUTE);
    assert_eq!(touch(1, NOW + SECOND).await, NOW + MINUTE);
    assert_eq!(get(&store, &ana(), 2).await.last_used_at, NOW);
    end(&store, Sessions::All, SessionEnd::SignedOut, NOW + MINUTE).await;
    assert_eq!(touch(1, NOW + 2 * MINUTE).await, NOW + MINUTE);
}

async fn the_twenty_first_session_replaces_the_oldest(database: TestDatabase) {
    let store = database.store().await;
    let others = [key("acme", "bob"), key("beta", "ana")];
    insert(&store, &[&[ana()], others.as_slice()].concat()).await;
    for (other, number) in others.iter().zip(100..) {
        put(&store, &session(other, number, NOW - SECOND)).await;
    }
    // The oldest by their age, not by the order in which they came.
    put(&store, &session(&ana(), 99, NOW + 5 * SECOND)).await;
    for number in 1..20 {
        put(&store, &session(&ana(), number, NOW + SECOND)).await;
    }
    let live = "session WHERE portal_id = 'acme' AND customer_id = 'ana' AND ended_at IS NULL";
    let most = MAX_SESSIONS_PER_CUSTOMER.cast_signed();
    assert_eq!(database.count(live).await, most);

    let now = NOW + 9 * SECOND;
    put(&store, &session(&ana(), 20, now)).await;
    let replaced = Some((now, SessionEnd::Replaced));
    assert_eq!(ends(&store, &ana(), [1, 2, 19, 20, 99]).await, [replaced, None, None, None, None]);
    assert_eq!(database.count(live).await, most);
    for (other, number) in others.iter().zip(100..) {
        assert_eq!(ends(&store, other, [number]).await, [None]);
    }
}

async fn sessions_that_are_not_live_leave_room(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let idle = |number| session(&ana(), number, NOW - LIMITS.idle);
    let old =
        |number| Session { last_used_at: NOW, ..session(&ana(), number, NOW - LIMITS.absolute) };
    for number in 0..10 {
        put(&store, &idle(number)).await;
        put(&store, &old(number + 10)).await;
    }
    for number in 20..40 {
        put(&store, &session(&ana(), number, NOW)).await;
    }
    assert_eq!(ends(&store, &ana(), [0, 10, 20, 39]).await, [None; 4]);
}

/// Another replica's may be ahead.
async fn the_newest_session_stays_whatever_the_clocks_say(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    for number in 0..20 {
        put(&store, &session(&ana(), number, NOW + MINUTE)).await;
    }
    put(&store, &session(&ana(), 20, NOW)).await;
    assert_eq!(ends(&store, &ana(), [20]).await, [None]);
    assert_eq!(database.count("session WHERE ended_at IS NULL").await, 20);
}

async fn ending_counts_live_sessions_and_ends_idle_ones_too(database: TestDatabase) {
    let store = database.store().await;
    let others = [key("acme", "bob"), key("beta", "ana")];
    insert(&store, &[&[ana()], others.as_slice()].concat()).await;
    for (other, number) in others.iter().zip(100..) {
        put(&store, &session(other, number, NOW)).await;
    }
    put(&store, &session(&ana(), 1, NOW)).await;
    put(&store, &session(&ana(), 2, NOW - LIMITS.idle)).await;
    // Its own limits are tighter than the portal's are now.
    let tight = Limits { idle: MINUTE, ..LIMITS };
    put(&store, &Session { limits: tight, ..session(&ana(), 3, NOW - MINUTE) }).await;
    put(&store, &session(&ana(), 4, NOW)).await;
    end(&store, Sessions::One(session_id(4)), SessionEnd::SignedOut, NOW).await;

    let now = NOW + SECOND;
    assert_eq!(end(&store, Sessions::All, SessionEnd::MfaReset, now).await, 1);
    let reset = Some((now, SessionEnd::MfaReset));
    let signed_out = Some((NOW, SessionEnd::SignedOut));
    assert_eq!(ends(&store, &ana(), [1, 2, 3, 4]).await, [reset, reset, reset, signed_out]);
    for (other, number) in others.iter().zip(100..) {
        assert_eq!(ends(&store, other, [number]).await, [None]);
    }
}

async fn all_but_one_can_be_ended(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("acme", "bob")]).await;
    for number in 1..=3 {
        put(&store, &session(&ana(), number, NOW)).await;
    }
    put(&store, &session(&key("acme", "bob"), 4, NOW)).await;
    let others = Sessions::AllBut(session_id(2));
    assert_eq!(end(&store, others, SessionEnd::PasswordChanged, NOW).await, 2);
    let ended = Some((NOW, SessionEnd::PasswordChanged));
    assert_eq!(ends(&store, &ana(), [1, 2, 3, 4]).await, [ended, None, ended, None]);
    // Another customer's is not theirs to end.
    let of_bob = Sessions::One(session_id(4));
    assert_eq!(end(&store, of_bob, SessionEnd::SignedOut, NOW).await, 0);
    assert_eq!(ends(&store, &ana(), [4]).await, [None]);
}

async fn sessions_without_a_second_factor_end_with_their_portals_policy(database: TestDatabase) {
    let store = database.store().await;
    let (bob, elsewhere) = (key("acme", "bob"), key("beta", "ana"));
    insert(&store, &[ana(), bob.clone(), elsewhere.clone()]).await;
    put(&store, &session(&ana(), 1, NOW)).await;
    put(&store, &Session { second_factor_at: Some(NOW), ..session(&ana(), 2, NOW) }).await;
    put(&store, &session(&bob, 3, NOW)).await;
    put(&store, &session(&bob, 4, NOW - LIMITS.idle)).await;
    put(&store, &session(&elsewhere, 5, NOW)).await;
    let count = commit(&store, async |tx| {
        tx.end_password_sessions(&ana().portal, SessionEnd::Revoked, &LIMITS, NOW).await
    });
    assert_eq!(count.await.unwrap(), 2);
    let ended = Some((NOW, SessionEnd::Revoked));
    assert_eq!(ends(&store, &ana(), [1, 2, 3, 4]).await, [ended, None, ended, ended]);
    assert_eq!(ends(&store, &elsewhere, [5]).await, [None]);
}

async fn every_session_of_a_portal_can_be_ended(database: TestDatabase) {
    let store = database.store().await;
    let (bob, elsewhere) = (key("acme", "bob"), key("beta", "ana"));
    insert(&store, &[ana(), bob.clone(), elsewhere.clone()]).await;
    put(&store, &session(&ana(), 1, NOW)).await;
    put(&store, &Session { second_factor_at: Some(NOW), ..session(&bob, 2, NOW) }).await;
    put(&store, &session(&bob, 3, NOW - LIMITS.idle)).await;
    put(&store, &session(&elsewhere, 4, NOW)).await;
    let count = commit(&store, async |tx| {
        tx.end_portal_sessions(&ana().portal, SessionEnd::Revoked, &LIMITS, NOW).await
    });
    assert_eq!(count.await.unwrap(), 2);
    let ended = Some((NOW, SessionEnd::Revoked));
    assert_eq!(ends(&store, &ana(), [1, 2, 3]).await, [ended; 3]);
    assert_eq!(ends(&store, &elsewhere, [4]).await, [None]);
}

async fn a_session_is_its_customers_alone(database: TestDatabase) {
    let store = database.store().await;
    let others = [key("acme", "bob"), key("beta", "ana")];
    let ana = ana();
    insert(&store, &[std::slice::from_ref(&ana), others.as_slice()].concat()).await;
    put(&store, &session(&ana, 1, NOW)).await;
    let has = async |key, number| {
        store.read().customer_session(key, session_id(number)).await.unwrap().is_some()
    };
    assert!(has(&ana, 1).await);
    end(&store, Sessions::All, SessionEnd::Revoked, NOW).await;
    assert!(has(&ana, 1).await, "dead or not");
    assert!(!has(&ana, 2).await);
    for other in &others {
        assert!(!has(other, 1).await, "{other:?}");
    }
}

async fn a_proof_is_written_only_in_a_session_that_lives(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, &session(&ana(), 1, NOW)).await;
    put(&store, &session(&ana(), 2, NOW)).await;
    let prove = async |second_factor, at| {
        commit(&store, async |tx| tx.prove_session(session_id(1), second_factor, at).await).await
    };
    let before = get(&store, &ana(), 1).await;
    let (password, code) = (NOW + SECOND, NOW + 2 * SECOND);
    prove(false, password).await.unwrap();
    let expected = Session { last_used_at: password, authenticated_at: password, ..before };
    assert_eq!(get(&store, &ana(), 1).await, expected);
    prove(true, code).await.unwrap();
    let expected = Session {
        last_used_at: code,
        authenticated_at: code,
        second_factor_at: Some(code),
        ..expected
    };
    assert_eq!(get(&store, &ana(), 1).await, expected);
    assert_eq!(get(&store, &ana(), 2).await.authenticated_at, NOW);

    end(&store, Sessions::All, SessionEnd::Revoked, NOW + MINUTE).await;
    let refused = prove(true, NOW + MINUTE).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert_eq!(get(&store, &ana(), 1).await.second_factor_at, Some(code));
}
