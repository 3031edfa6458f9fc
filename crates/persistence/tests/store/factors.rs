use gatehouse_domain::enrollment::{Factor, Owner};
use gatehouse_domain::id::FactorId;
use gatehouse_domain::totp::{TimeStep, TotpAlgorithm, TotpParameters};

use crate::support::example::{
    MINUTE, NOW, ana, commit, factor, insert, key, session_id, sign_in_id, uuid,
};
use crate::support::{TestDatabase, race};

on_both_databases! {
    a_factor_comes_back_as_it_went_in,
    a_factor_takes_the_place_of_any_other,
    a_factor_is_taken_away,
    one_of_many_uses_of_a_time_step_is_accepted,
    a_time_step_is_accepted_after_earlier_ones_alone,
    a_time_step_is_of_one_factor_of_one_customer,
}

async fn a_factor_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    for (number, algorithm) in
        [TotpAlgorithm::Sha1, TotpAlgorithm::Sha256, TotpAlgorithm::Sha512].into_iter().enumerate()
    {
        let sealed = vec![u8::try_from(number).unwrap(); 60];
        let factor = Factor {
            parameters: TotpParameters::new(algorithm, 8, 300).unwrap(),
            accepted_step: TimeStep::from_number(i64::MAX - 1),
            last_used_at: Some(NOW + MINUTE),
            enabled_by: Owner::SignIn(sign_in_id(2)),
            ..factor(&ana())
        };
        commit(&store, async |tx| tx.put_factor(&factor, sealed.clone()).await).await.unwrap();
        let found = store.read().factor_with_secret(&ana()).await.unwrap();
        assert_eq!(found, Some((factor, sealed)));
    }
    let bare = Factor { enabled_by: Owner::Session(session_id(2)), ..factor(&ana()) };
    commit(&store, async |tx| tx.put_factor(&bare, Vec::new()).await).await.unwrap();
    assert_eq!(store.read().factor(&ana()).await.unwrap(), Some(bare));
}

async fn a_factor_takes_the_place_of_any_other(database: TestDatabase) {
    let store = database.store().await;
    let bob = key("acme", "bob");
    insert(&store, &[ana(), bob.clone()]).await;
    let next = Factor { id: FactorId::from_uuid(uuid(3)), ..factor(&ana()) };
    let of_bob = Factor { id: FactorId::from_uuid(uuid(2)), ..factor(&bob) };
    for factor in [&factor(&ana()), &of_bob, &next] {
        commit(&store, async |tx| tx.put_factor(factor, vec![1]).await).await.unwrap();
    }
    assert_eq!(store.read().factor(&ana()).await.unwrap(), Some(next));
    assert_eq!(store.read().factor(&bob).await.unwrap(), Some(of_bob));
}

async fn a_factor_is_taken_away(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    commit(&store, async |tx| tx.put_factor(&factor(&ana()), vec![1]).await).await.unwrap();
    for _ in 0..2 {
        commit(&store, async |tx| tx.delete_factor(&ana()).await).await.unwrap();
        assert_eq!(store.read().factor(&ana()).await.unwrap(), None);
    }
}

async fn one_of_many_uses_of_a_time_step_is_accepted(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    commit(&store, async |tx| tx.put_factor(&factor(&ana()), vec![1]).await).await.unwrap();
    let winners = race(&store, |tx| async move {
        let factor = factor(&ana());
        let step = TimeStep::from_number(101);
        let accepted = tx.accept_time_step(&ana(), factor.id, step, NOW).await?;
        tx.commit().await?;
        Ok(accepted)
    });
    assert_eq!(winners.await, 1);
}

async fn a_time_step_is_accepted_after_earlier_ones_alone(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let original = factor(&ana());
    commit(&store, async |tx| tx.put_factor(&original, vec![1]).await).await.unwrap();
    for (number, accepted) in
        [(99, false), (100, false), (102, true), (102, false), (101, false), (103, true)]
    {
        let step = TimeStep::from_number(number);
        let at = NOW + MINUTE;
        let result =
            commit(&store, async |tx| tx.accept_time_step(&ana(), original.id, step, at).await);
        assert_eq!(result.await.unwrap(), accepted, "{number}");
    }
    let expected = Factor {
        accepted_step: TimeStep::from_number(103),
        last_used_at: Some(NOW + MINUTE),
        ..original
    };
    assert_eq!(store.read().factor(&ana()).await.unwrap(), Some(expected));
}

async fn a_time_step_is_of_one_factor_of_one_customer(database: TestDatabase) {
    let store = database.store().await;
    let namesake = key("beta", "ana");
    insert(&store, &[ana(), namesake.clone()]).await;
    let other = Factor { id: FactorId::from_uuid(uuid(2)), ..factor(&namesake) };
    commit(&store, async |tx| {
        tx.put_factor(&factor(&ana()), vec![1]).await?;
        tx.put_factor(&other, vec![1]).await
    })
    .await
    .unwrap();
    let step = TimeStep::from_number(101);
    for (key, id) in [(ana(), other.id), (namesake.clone(), factor(&ana()).id)] {
        let result = commit(&store, async |tx| tx.accept_time_step(&key, id, step, NOW).await);
        assert!(!result.await.unwrap());
    }
    assert_eq!(store.read().factor(&ana()).await.unwrap(), Some(factor(&ana())));
    assert_eq!(store.read().factor(&namesake).await.unwrap(), Some(other));
}
