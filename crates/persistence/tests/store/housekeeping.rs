use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::id::InvitationId;
use gatehouse_domain::invitation::Invitation;
use gatehouse_domain::session::SessionEnd;
use gatehouse_domain::throttle::{ADDRESS, Throttle};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{SESSION_RETENTION, Sessions, Store};

use crate::support::example::{
    LIMITS, MINUTE, NOW, SECOND, ana, commit, digest, enrollment, insert, session, sign_in,
    sign_in_id, uuid,
};
use crate::support::{TestDatabase, at_once};

on_both_databases! {
    rows_go_when_their_time_has_passed_and_no_earlier,
    sessions_are_kept_for_a_week_however_they_ended,
    a_batch_removes_no_more_than_it_may_and_the_oldest_first,
    no_guess_is_lost_to_housekeeping,
}

async fn remove(store: &Store, limit: u64, now: Timestamp) -> u64 {
    again!(commit(store, async |tx| tx.remove_expired(limit, now).await).await).unwrap()
}

async fn rows_go_when_their_time_has_passed_and_no_earlier(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let sign_in = sign_in(&ana(), 1, NOW);
    let enrollment = enrollment(1, Owner::SignIn(sign_in_id(1)));
    let invitation = Invitation {
        id: InvitationId::from_uuid(uuid(1)),
        customer: ana(),
        created_at: NOW,
        expires_at: NOW + MINUTE,
    };
    let budget = [(digest(1), &ADDRESS)];
    let charged = Throttle::default().charge(NOW, &ADDRESS).unwrap();
    commit(&store, async |tx| {
        tx.insert_sign_in(&sign_in, &digest(1), None).await?;
        tx.put_enrollment(&enrollment, vec![1], NOW).await?;
        tx.insert_invitation(&invitation, &digest(1)).await?;
        let mut budgets = tx.lock_throttles(&budget).await?;
        budgets[0].throttle = charged;
        tx.save_throttles(&budgets).await?;
        tx.remember_source(&digest(1), NOW + SECOND).await
    })
    .await
    .unwrap();
    let mut ends = [
        ("sign_in", sign_in.expires_at),
        ("enrollment", enrollment.expires_at),
        ("invitation", invitation.expires_at),
        ("throttle", charged.expires_at(&ADDRESS)),
        ("known_source", NOW + SECOND),
    ];
    ends.sort_by_key(|(_, end)| *end);
    for (table, end) in ends {
        remove(&store, 100, end - std::time::Duration::from_micros(1)).await;
        assert_eq!(database.count(table).await, 1, "{table}");
        remove(&store, 100, end).await;
        assert_eq!(database.count(table).await, 0, "{table}");
    }
    assert_eq!(database.count("customer").await, 1);
}

async fn sessions_are_kept_for_a_week_however_they_ended(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    commit(&store, async |tx| {
        for number in [1, 2] {
            tx.insert_session(&session(&ana(), number, NOW), &digest(number)).await?;
        }
        let one = Sessions::One(session(&ana(), 1, NOW).id);
        tx.end_sessions(&ana(), one, SessionEnd::Revoked, &LIMITS, NOW).await
    })
    .await
    .unwrap();
    let end = NOW + LIMITS.absolute + SESSION_RETENTION;
    assert_eq!(remove(&store, 100, end - SECOND).await, 0);
    assert_eq!(remove(&store, 100, end).await, 2);
}

async fn a_batch_removes_no_more_than_it_may_and_the_oldest_first(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, async |tx| {
        for number in [3, 1, 5, 2, 4] {
            tx.remember_source(&digest(number), NOW + SECOND * u32::try_from(number).unwrap())
                .await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let end = NOW + MINUTE;
    assert_eq!(remove(&store, 0, end).await, 0);
    assert_eq!(remove(&store, 2, end).await, 2);
    for number in 1..=5 {
        let known = store.read().is_known_source(&[digest(number)], NOW).await.unwrap();
        assert_eq!(known, number > 2, "{number}");
    }
    assert_eq!(remove(&store, 2, end).await, 2);
    assert_eq!(remove(&store, 2, end).await, 1);
}

/// Blank budgets are expired from the start: each is removed at any moment before
/// its first guess is counted, and never after.
async fn no_guess_is_lost_to_housekeeping(database: TestDatabase) {
    const KEYS: u128 = 20;
    let store = database.store().await;
    let keys = (0..KEYS).map(|key| (digest(key), &ADDRESS)).collect::<Vec<_>>();
    commit(&store, async |tx| tx.lock_throttles(&keys).await).await.unwrap();
    let results = at_once(48, |task| {
        let (store, keys) = (store.clone(), keys.clone());
        async move {
            for key in keys {
                if task % 3 == 0 {
                    remove(&store, 1, NOW).await;
                    continue;
                }
                let counted = again!(
                    commit(&store, async |tx| {
                        let mut budgets = tx.lock_throttles(std::slice::from_ref(&key)).await?;
                        budgets[0].throttle = budgets[0].throttle.count(NOW, &ADDRESS);
                        tx.save_throttles(&budgets).await
                    })
                    .await
                );
                counted.unwrap();
            }
        }
    });
    results.await;
    let tx = store.begin().await.unwrap();
    let budgets = tx.lock_throttles(&keys).await.unwrap();
    assert!(budgets.iter().all(|budget| budget.throttle.current == 32), "{budgets:?}");
}
