use gatehouse_domain::api_key::{
    AdminGrant, AdminRole, ApiKey, Grant, PortalAccess, PortalGrant, PortalScope,
};
use gatehouse_persistence::{Authenticated, HeldSession, Presented, Store, StoreError};

use crate::support::TestDatabase;
use crate::support::example::{
    NOW, ana, api_key, commit, customer, digest, factor, insert, key, portal, session,
    session_number,
};

on_both_databases! {
    a_key_comes_with_its_portal_and_the_session_of_that_portal,
    each_of_many_calls_is_told_of_its_own,
    a_session_is_found_through_its_own_portals_key_alone,
    a_corrupt_row_fails_those_alone_that_ask_for_it,
}

fn of_portal(id: &str) -> Grant {
    Grant::Portal(PortalGrant { portal: id.parse().unwrap(), access: PortalAccess::Full })
}

fn owner() -> Grant {
    Grant::Admin(AdminGrant { role: AdminRole::Owner, scope: PortalScope::All })
}

/// The key that `token` is of, and the session, whose token is its number.
fn call(token: u128, session: Option<u128>) -> Presented {
    Presented { key: vec![digest(token)], session: session.map(digest).into_iter().collect() }
}

/// Two portals with a customer and a session each, and the keys: 101 of the first,
/// 102 of the second, 103 of an administrator.
async fn store(database: &TestDatabase) -> (std::sync::Arc<Store>, [ApiKey; 3]) {
    let store = database.store().await;
    insert(&store, &[ana(), key("beta", "bo")]).await;
    let grants = [of_portal("acme"), of_portal("beta"), owner()];
    let keys = [(101, 0), (102, 1), (103, 2)].map(|(id, at)| api_key(id, grants[at].clone()));
    for (token, key) in (101..).zip(&keys) {
        commit(&store, async |tx| tx.insert_api_key(key, &digest(token)).await).await.unwrap();
    }
    for (number, customer) in [(1, ana()), (2, key("beta", "bo"))] {
        let session = session(&customer, number, NOW);
        commit(&store, async |tx| tx.insert_session(&session, &digest(number)).await)
            .await
            .unwrap();
    }
    (store, keys)
}

async fn ask(store: &Store, calls: &[Presented]) -> Vec<Option<Authenticated>> {
    let found = store.read().authenticate(calls).await.unwrap();
    found.into_iter().map(Result::unwrap).collect()
}

async fn a_key_comes_with_its_portal_and_the_session_of_that_portal(database: TestDatabase) {
    let (store, [acme, _, admin]) = store(&database).await;
    let [found] = ask(&store, &[call(101, Some(1))]).await.try_into().unwrap();
    let Authenticated { key, portal: own, session: held, .. } = found.unwrap();
    assert_eq!((&*key, own.as_deref()), (&acme, Some(&portal("acme"))));
    let HeldSession { session: found, email, display_name, factor_enabled_at } = held.unwrap();
    assert_eq!(found, session(&ana(), 1, NOW));
    assert_eq!((email, display_name), (customer(&ana()).email.to_string(), String::new()));
    assert_eq!(factor_enabled_at, None);

    commit(&store, async |tx| tx.put_factor(&factor(&ana()), vec![1]).await).await.unwrap();
    let [found] = ask(&store, &[call(101, Some(1))]).await.try_into().unwrap();
    assert_eq!(found.unwrap().session.unwrap().factor_enabled_at, Some(NOW));

    let [found] = ask(&store, &[call(103, None)]).await.try_into().unwrap();
    let Authenticated { key, portal, session, session_is_corrupt } = found.unwrap();
    assert_eq!(*key, admin);
    assert!(portal.is_none() && session.is_none() && !session_is_corrupt);
    assert!(ask(&store, &[]).await.is_empty());
}

async fn each_of_many_calls_is_told_of_its_own(database: TestDatabase) {
    let (store, _) = store(&database).await;
    let calls = [
        (call(101, Some(1)), Some(Some(1))),
        (call(102, Some(2)), Some(Some(2))),
        (call(101, Some(7)), Some(None)),
        (call(101, None), Some(None)),
        (call(99, Some(1)), None),
        (call(101, Some(1)), Some(Some(1))),
        (call(103, Some(1)), Some(None)),
    ];
    let presented: Vec<_> = calls.iter().map(|(call, _)| call.clone()).collect();
    for (found, (call, expected)) in ask(&store, &presented).await.iter().zip(&calls) {
        let found = found
            .as_ref()
            .map(|found| found.session.as_ref().map(|held| session_number(held.session.id)));
        assert_eq!(found, *expected, "{call:?}");
    }
    // Found by any of its digests, as it is under several keys of the ring.
    let mut several = call(101, Some(1));
    several.key.insert(0, digest(98));
    several.session.push(digest(97));
    assert!(ask(&store, &[several]).await.remove(0).unwrap().session.is_some());
}

async fn a_session_is_found_through_its_own_portals_key_alone(database: TestDatabase) {
    let (store, _) = store(&database).await;
    // Beside a call that finds it, too.
    for calls in [
        vec![call(102, Some(1)), call(101, Some(1))],
        vec![call(102, Some(1)), call(101, None)],
        vec![call(102, Some(1))],
    ] {
        assert!(ask(&store, &calls).await.remove(0).unwrap().session.is_none(), "{calls:?}");
    }
}

async fn a_corrupt_row_fails_those_alone_that_ask_for_it(database: TestDatabase) {
    let (store, _) = store(&database).await;
    let calls = [call(101, Some(1)), call(102, Some(2)), call(103, None)];
    for (breaking, table, fails) in [
        ("UPDATE session SET idle_limit = -1 WHERE portal_id = 'acme'", "session", [0]),
        ("UPDATE portal SET totp_skew_steps = -1 WHERE id = 'beta'", "portal", [1]),
        ("UPDATE api_key SET admin_role = 'king' WHERE admin_role = 'owner'", "api_key", [2]),
    ] {
        database.execute(breaking).await;
        let found = store.read().authenticate(&calls).await.unwrap();
        for at in fails {
            assert_corrupt(&found[at], table);
        }
        assert!(found[fails[0] + 1..].iter().all(Result::is_ok), "{breaking}");
    }
}

/// A corrupt session is told of once it is known whose key it is.
#[track_caller]
fn assert_corrupt(found: &Result<Option<Authenticated>, StoreError>, expected: &str) {
    match found {
        Ok(found) => {
            let found = found.as_ref().unwrap();
            assert!(found.session_is_corrupt && found.session.is_none(), "{found:?}");
            assert_eq!(expected, "session");
        }
        Err(StoreError::Corrupt { table, .. }) => assert_eq!(*table, expected),
        Err(error) => panic!("{error:?}"),
    }
}

/// On SQLite a column takes values of any type.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_fails_those_alone_that_ask_for_it() {
    let database = TestDatabase::sqlite();
    let (store, _) = store(&database).await;
    let calls = [call(101, Some(1)), call(102, Some(2)), call(103, None)];
    for (at, breaking, expected) in [
        (0, "UPDATE session SET id = 'x', idle_limit = 'x' WHERE portal_id = 'acme'", "session"),
        (1, "UPDATE portal SET totp_skew_steps = 'x' WHERE id = 'beta'", "portal"),
        (2, "UPDATE api_key SET id = 'x', created_at = 'x' WHERE portal_id IS NULL", "api_key"),
    ] {
        database.execute(breaking).await;
        let found = store.read().authenticate(&calls).await.unwrap();
        assert_corrupt(&found[at], expected);
        assert!(found[at + 1..].iter().all(Result::is_ok), "{breaking}");
    }
}
