use std::sync::Arc;

use gatehouse_domain::throttle::{ADDRESS, ADDRESS_AND_SOURCE, Rule, SOURCE, Throttle};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Store, StoreError};

use crate::support::example::{MINUTE, NOW, SECOND, commit, digest};
use crate::support::{TestDatabase, at_once};

on_both_databases! {
    a_budget_comes_back_as_it_went_in,
    budgets_come_in_the_order_asked_for,
    budgets_that_overlap_never_wait_for_each_other,
    parallel_guesses_stay_within_every_budget,
    a_guess_takes_back_exactly_its_own_charge,
    a_budget_that_is_forgotten_is_whole_again,
    a_source_is_known_until_it_is_forgotten,
}

async fn a_budget_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    let spent = Throttle {
        window: i64::MAX / 1_000_000,
        previous: i32::MAX.unsigned_abs(),
        current: 7,
        charged_at: Some(NOW),
    };
    let charged = Throttle::default().charge(NOW, &ADDRESS).unwrap();
    for throttle in [spent, charged, Throttle::default()] {
        commit(&store, async |tx| {
            let mut budgets = tx.lock_throttles(&[(digest(1), &ADDRESS)]).await?;
            budgets[0].throttle = throttle;
            tx.save_throttles(&budgets).await
        })
        .await
        .unwrap();
        let tx = store.begin().await.unwrap();
        let budgets = tx.lock_throttles(&[(digest(1), &ADDRESS)]).await.unwrap();
        assert_eq!((&budgets[0].key, budgets[0].rule), (&digest(1), &ADDRESS));
        assert_eq!(budgets[0].throttle, throttle);
    }
}

async fn budgets_come_in_the_order_asked_for(database: TestDatabase) {
    let store = database.store().await;
    let keys = [(digest(3), &SOURCE), (digest(1), &ADDRESS), (digest(2), &ADDRESS_AND_SOURCE)];
    for _ in ["new", "stored"] {
        let tx = store.begin().await.unwrap();
        let budgets = tx.lock_throttles(&keys).await.unwrap();
        let found = budgets.iter().map(|budget| (budget.key.clone(), budget.rule));
        assert!(found.eq(keys.clone()));
        tx.save_throttles(&budgets).await.unwrap();
        tx.commit().await.unwrap();
    }
    let tx = store.begin().await.unwrap();
    assert!(tx.lock_throttles(&[]).await.unwrap().is_empty());
    tx.save_throttles(&[]).await.unwrap();
}

/// With budgets that some find new and others stored, in any order, nobody
/// waits for somebody who waits for them: that would be a `Conflict`.
async fn budgets_that_overlap_never_wait_for_each_other(database: TestDatabase) {
    let store = database.store().await;
    let keys = [5, 1, 4, 2, 3].map(|key| (digest(key), &ADDRESS_AND_SOURCE));
    commit(&store, async |tx| tx.lock_throttles(&keys[..1]).await).await.unwrap();
    let results = at_once(64, |number| {
        let store = store.clone();
        let mut keys = keys.to_vec();
        keys.rotate_left(number % 5);
        keys.truncate(2 + number % 4);
        async move { change(&store, &keys, |throttle, rule| Ok(throttle.count(NOW, rule))).await }
    });
    assert!(results.await.iter().all(Result::is_ok));
}

type Budgets = [(gatehouse_domain::vault::Digest, &'static Rule)];

/// Charges one guess to every budget; gives when the next is allowed if it is
/// not now.
async fn charge(store: &Store, budgets: &Budgets, now: Timestamp) -> Result<(), Timestamp> {
    change(store, budgets, |throttle, rule| throttle.charge(now, rule)).await
}

async fn change(
    store: &Store,
    budgets: &Budgets,
    next: impl Fn(Throttle, &Rule) -> Result<Throttle, Timestamp>,
) -> Result<(), Timestamp> {
    again!(try_change(store, budgets, &next).await).unwrap()
}

async fn try_change(
    store: &Store,
    budgets: &Budgets,
    next: &impl Fn(Throttle, &Rule) -> Result<Throttle, Timestamp>,
) -> Result<Result<(), Timestamp>, StoreError> {
    let tx = store.begin().await?;
    let mut budgets = tx.lock_throttles(budgets).await?;
    for budget in &mut budgets {
        match next(budget.throttle, budget.rule) {
            Ok(throttle) => budget.throttle = throttle,
            Err(until) => return Ok(Err(until)),
        }
    }
    tx.save_throttles(&budgets).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// How many of 200 guesses made at once are admitted.
async fn admitted(store: &Arc<Store>, budgets: &[(u128, &'static Rule)]) -> usize {
    let results = at_once(200, |_| {
        let store = store.clone();
        let budgets = budgets.iter().map(|(key, rule)| (digest(*key), *rule)).collect::<Vec<_>>();
        async move { charge(&store, &budgets, NOW).await }
    });
    results.await.iter().filter(|result| result.is_ok()).count()
}

async fn parallel_guesses_stay_within_every_budget(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(admitted(&store, &[(1, &ADDRESS)]).await, 100);
    assert_eq!(admitted(&store, &[(1, &ADDRESS)]).await, 0);
    assert_eq!(admitted(&store, &[(2, &ADDRESS_AND_SOURCE), (3, &ADDRESS)]).await, 5);
    // Of those that were refused, no budget has a trace.
    assert_eq!(admitted(&store, &[(3, &ADDRESS)]).await, 95);
}

async fn a_guess_takes_back_exactly_its_own_charge(database: TestDatabase) {
    let store = database.store().await;
    let results = at_once(40, |number| {
        let store = store.clone();
        async move {
            let budget = [(digest(1), &ADDRESS)];
            charge(&store, &budget, NOW).await?;
            let right = number % 4 == 0;
            if right {
                change(&store, &budget, |throttle, rule| Ok(throttle.take_back(NOW, rule))).await?;
            }
            Ok::<_, Timestamp>(())
        }
    });
    assert!(results.await.iter().all(Result::is_ok));
    assert_eq!(admitted(&store, &[(1, &ADDRESS)]).await, 100 - 30);
}

async fn a_budget_that_is_forgotten_is_whole_again(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(admitted(&store, &[(1, &ADDRESS)]).await, 100);
    assert_eq!(admitted(&store, &[(2, &ADDRESS)]).await, 100);
    let these = [digest(1), digest(3)];
    commit(&store, async |tx| tx.delete_throttles(&these).await).await.unwrap();
    commit(&store, async |tx| tx.delete_throttles(&[]).await).await.unwrap();
    assert_eq!(admitted(&store, &[(1, &ADDRESS)]).await, 100);
    assert_eq!(admitted(&store, &[(2, &ADDRESS)]).await, 0, "another one");
}

async fn a_source_is_known_until_it_is_forgotten(database: TestDatabase) {
    let store = database.store().await;
    let known = async |keys: &[_], at| store.read().is_known_source(keys, at).await.unwrap();
    assert!(!known(&[digest(1)], NOW).await);
    for end in [NOW + SECOND, NOW + MINUTE] {
        commit(&store, async |tx| tx.remember_source(&digest(1), end).await).await.unwrap();
        assert!(known(&[digest(1)], end - SECOND).await);
        assert!(!known(&[digest(1)], end).await);
    }
    assert!(known(&[digest(2), digest(1)], NOW).await);
    assert!(!known(&[digest(2)], NOW).await);
    assert!(!known(&[], NOW).await);
}
