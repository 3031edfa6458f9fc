use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::FactorId;
use gatehouse_domain::sign_in::{LIFETIME, MAX_PER_CUSTOMER, SignIn};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Store, StoreError};

use crate::support::example::{
    MINUTE, NOW, SECOND, ana, commit, digest, insert, key, sign_in, sign_in_id, uuid,
};
use crate::support::{TestDatabase, race};

on_both_databases! {
    a_sign_in_comes_back_as_it_went_in,
    a_sign_in_is_found_by_its_portal_and_any_of_its_digests,
    one_of_many_uses_of_a_start_is_proven,
    a_start_stays_used_when_its_sign_in_has_ended,
    one_of_many_finishes_wins,
    a_sign_in_ends_by_itself,
    the_sixth_live_sign_in_ends_the_oldest,
    the_newest_sign_in_stays_whatever_the_clocks_say,
    a_reset_ends_every_sign_in_of_its_customer,
}

/// Whether its start had not been used before.
async fn prove(store: &Store, sign_in: &SignIn, token: u128) -> Result<bool, StoreError> {
    commit(store, async |tx| tx.insert_sign_in(sign_in, &digest(token), None).await).await
}

/// Which of the customer's sign-ins, whose tokens have the same numbers, are live.
async fn live(store: &Store, numbers: std::ops::Range<u128>, at: Timestamp) -> Vec<u128> {
    let mut live = Vec::new();
    for number in numbers {
        let found = store.read().sign_in(&ana().portal, &[digest(number)], at).await.unwrap();
        live.extend(found.map(|_| number));
    }
    live
}

async fn a_sign_in_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let bare = SignIn { client: ClientContext::default(), ..sign_in(&ana(), 1, NOW) };
    let full =
        SignIn { enabled_factor: Some(FactorId::from_uuid(uuid(9))), ..sign_in(&ana(), 2, NOW) };
    for (sign_in, token) in [(bare, 1), (full, 2)] {
        prove(&store, &sign_in, token).await.unwrap();
        let found = store.read().sign_in(&ana().portal, &[digest(token)], NOW).await.unwrap();
        assert_eq!(found, Some(sign_in));
    }
    let factor = FactorId::from_uuid(uuid(8));
    let noted = commit(&store, async |tx| tx.set_enabled_factor(sign_in_id(1), factor, NOW).await);
    assert!(noted.await.unwrap());
    let found = store.read().sign_in(&ana().portal, &[digest(1)], NOW).await.unwrap().unwrap();
    assert_eq!(found.enabled_factor, Some(factor));
}

async fn a_sign_in_is_found_by_its_portal_and_any_of_its_digests(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("beta", "ana")]).await;
    prove(&store, &sign_in(&ana(), 1, NOW), 1).await.unwrap();
    let (acme, beta) = (ana().portal, key("beta", "ana").portal);
    for (portal, digests, found) in [
        (&acme, vec![digest(2), digest(1)], true),
        (&acme, vec![digest(2)], false),
        (&acme, vec![], false),
        (&beta, vec![digest(1)], false),
    ] {
        let result = store.read().sign_in(portal, &digests, NOW).await.unwrap();
        assert_eq!(result.is_some(), found, "{portal} {digests:?}");
    }
}

async fn one_of_many_uses_of_a_start_is_proven(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let winners = race(&store, |tx| async move {
        // Every attempt that proves the password makes a token of its own.
        static TOKENS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let token = TOKENS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let sign_in = sign_in(&ana(), 1, NOW);
        let is_first = tx.insert_sign_in(&sign_in, &digest(token.into()), None).await?;
        tx.commit().await?;
        Ok(is_first)
    });
    assert_eq!(winners.await, 1);
    assert_eq!(database.count("sign_in").await, 1);
}

async fn a_start_stays_used_when_its_sign_in_has_ended(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    assert!(!store.read().sign_in_is_proven(sign_in_id(1)).await.unwrap());
    let once = sign_in(&ana(), 1, NOW);
    // Ended at once: its session came with it.
    commit(&store, async |tx| tx.insert_sign_in(&once, &digest(1), Some(NOW)).await).await.unwrap();
    assert!(store.read().sign_in_is_proven(sign_in_id(1)).await.unwrap());
    assert_eq!(live(&store, 0..9, NOW).await, []);
    let again = prove(&store, &once, 2).await;
    assert!(!again.unwrap());
}

async fn one_of_many_finishes_wins(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    prove(&store, &sign_in(&ana(), 1, NOW), 1).await.unwrap();
    prove(&store, &sign_in(&ana(), 2, NOW), 2).await.unwrap();
    let winners = race(&store, |tx| async move {
        let finished = tx.finish_sign_in(sign_in_id(1), NOW).await?;
        tx.commit().await?;
        Ok(finished)
    });
    assert_eq!(winners.await, 1);
    assert_eq!(live(&store, 0..9, NOW).await, [2]);
}

async fn a_sign_in_ends_by_itself(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    prove(&store, &sign_in(&ana(), 1, NOW), 1).await.unwrap();
    let end = NOW + LIFETIME;
    assert_eq!(live(&store, 0..9, end - SECOND).await, [1]);
    assert_eq!(live(&store, 0..9, end).await, []);
    let factor = FactorId::from_uuid(uuid(9));
    let (finished, noted) = commit(&store, async |tx| {
        let finished = tx.finish_sign_in(sign_in_id(1), end).await?;
        Ok((finished, tx.set_enabled_factor(sign_in_id(1), factor, end).await?))
    })
    .await
    .unwrap();
    assert!(!finished && !noted);
}

async fn the_sixth_live_sign_in_ends_the_oldest(database: TestDatabase) {
    let store = database.store().await;
    let others = [key("acme", "bob"), key("beta", "ana")];
    insert(&store, &[&[ana()], others.as_slice()].concat()).await;
    for (key, number) in others.iter().zip(100..) {
        prove(&store, &sign_in(key, number, NOW - SECOND), number).await.unwrap();
    }
    // Neither what has ended nor what has expired counts.
    prove(&store, &sign_in(&ana(), 1, NOW - LIFETIME), 1).await.unwrap();
    let ended = sign_in(&ana(), 2, NOW);
    commit(&store, async |tx| tx.insert_sign_in(&ended, &digest(2), Some(NOW)).await)
        .await
        .unwrap();

    for (number, second) in (10..16).zip([3, 1, 2, 4, 5, 6]) {
        prove(&store, &sign_in(&ana(), number, NOW + second * SECOND), number).await.unwrap();
        let expected = (10..=number).filter(|live| number < 15 || *live != 11);
        let now = NOW + 6 * SECOND;
        assert_eq!(live(&store, 1..99, now).await, expected.collect::<Vec<_>>());
    }
    assert_eq!(live(&store, 10..99, NOW).await.len() as u64, MAX_PER_CUSTOMER);
    assert_eq!(live(&store, 100..101, NOW).await, [100]);
    let beta = store.read().sign_in(&others[1].portal, &[digest(101)], NOW).await.unwrap();
    assert!(beta.is_some());
}

/// Another replica's may be ahead.
async fn the_newest_sign_in_stays_whatever_the_clocks_say(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    for number in 0..5 {
        prove(&store, &sign_in(&ana(), number, NOW + MINUTE), number).await.unwrap();
    }
    prove(&store, &sign_in(&ana(), 5, NOW), 5).await.unwrap();
    assert_eq!(live(&store, 0..9, NOW).await, [1, 2, 3, 4, 5]);
}

async fn a_reset_ends_every_sign_in_of_its_customer(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("acme", "bob")]).await;
    for (key, number) in [(ana(), 1), (ana(), 2), (key("acme", "bob"), 3)] {
        prove(&store, &sign_in(&key, number, NOW), number).await.unwrap();
    }
    commit(&store, async |tx| tx.end_sign_ins(&ana(), NOW).await).await.unwrap();
    assert_eq!(live(&store, 0..9, NOW).await, [3]);
}
