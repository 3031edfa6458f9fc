use gatehouse_domain::enrollment::{Enrollment, LIFETIME, MAX_FAILURES, Owner, State};
use gatehouse_domain::totp::{TimeStep, TotpAlgorithm, TotpParameters};

use crate::support::example::{
    NOW, SECOND, ana, commit, enrollment, insert, key, session_id, sign_in_id,
};
use crate::support::{TestDatabase, race};

on_both_databases! {
    an_enrollment_comes_back_as_it_went_in,
    an_enrollment_ends_by_itself,
    starting_again_replaces_what_the_owner_began,
    no_more_codes_are_charged_than_the_budget_holds,
    a_right_code_takes_its_own_charge_back,
    one_of_many_right_codes_verifies,
    wrong_codes_are_counted_while_a_code_is_asked_for,
    an_owner_gives_up_its_own,
    a_customer_loses_every_one,
}

const SIGN_IN: Owner = Owner::SignIn(sign_in_id(1));
const SESSION: Owner = Owner::Session(session_id(1));

async fn an_enrollment_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let pending = enrollment(1, SIGN_IN);
    let verified = Enrollment {
        state: State::Verified { step: TimeStep::from_number(7) },
        parameters: TotpParameters::new(TotpAlgorithm::Sha512, 7, 15).unwrap(),
        charges: MAX_FAILURES,
        failures: MAX_FAILURES - 1,
        charged_at: Some(NOW),
        ..enrollment(2, SESSION)
    };
    for (enrollment, sealed) in [(pending, vec![1; 60]), (verified, Vec::new())] {
        commit(&store, async |tx| tx.put_enrollment(&enrollment, sealed.clone(), NOW).await)
            .await
            .unwrap();
        let found = store.read().enrollment(enrollment.owner, NOW).await.unwrap();
        assert_eq!(found, Some((enrollment, sealed)));
    }
}

async fn an_enrollment_ends_by_itself(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let enrollment = enrollment(1, SIGN_IN);
    commit(&store, async |tx| tx.put_enrollment(&enrollment, vec![1], NOW).await).await.unwrap();
    let end = NOW + LIFETIME;
    for (at, there) in [(end - SECOND, true), (end, false)] {
        let found = store.read().enrollment(SIGN_IN, at).await.unwrap();
        assert_eq!(found.is_some(), there, "{at:?}");
    }
}

async fn starting_again_replaces_what_the_owner_began(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    for enrollment in [enrollment(1, SIGN_IN), enrollment(2, SESSION), enrollment(3, SIGN_IN)] {
        commit(&store, async |tx| tx.put_enrollment(&enrollment, vec![1], NOW).await)
            .await
            .unwrap();
    }
    for (number, owner) in [(2, SESSION), (3, SIGN_IN)] {
        let (found, _) = store.read().enrollment(owner, NOW).await.unwrap().unwrap();
        assert_eq!(found, enrollment(number, owner));
    }
    // The ids are the same, and the owners are not.
    let other_kind = Owner::Session(session_id(2));
    assert_eq!(store.read().enrollment(other_kind, NOW).await.unwrap(), None);
    assert_eq!(database.count("enrollment").await, 2);
}

async fn no_more_codes_are_charged_than_the_budget_holds(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    commit(&store, async |tx| {
        tx.put_enrollment(&enrollment(1, SIGN_IN), vec![1], NOW).await?;
        tx.put_enrollment(&enrollment(2, SESSION), vec![1], NOW).await
    })
    .await
    .unwrap();
    let charged = race(&store, |tx| async move {
        let charged = tx.charge_enrollment(enrollment(1, SIGN_IN).id, NOW).await?;
        tx.commit().await?;
        Ok(charged)
    });
    assert_eq!(charged.await, 5);
    for (owner, charges) in [(SIGN_IN, 5), (SESSION, 0)] {
        let (found, _) = store.read().enrollment(owner, NOW).await.unwrap().unwrap();
        assert_eq!(found.charges, charges);
    }
}

async fn a_right_code_takes_its_own_charge_back(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let pending = enrollment(1, SIGN_IN);
    let step = TimeStep::from_number(7);
    commit(&store, async |tx| {
        tx.put_enrollment(&pending, vec![1], NOW).await?;
        for _ in 0..3 {
            assert!(tx.charge_enrollment(pending.id, NOW).await?);
        }
        assert!(tx.verify_enrollment(pending.id, step).await?);
        // Verified, it asks for no code.
        assert!(!tx.charge_enrollment(pending.id, NOW).await?);
        Ok(())
    })
    .await
    .unwrap();
    let (found, _) = store.read().enrollment(SIGN_IN, NOW).await.unwrap().unwrap();
    let state = State::Verified { step };
    assert_eq!(found, Enrollment { state, charges: 2, charged_at: Some(NOW), ..pending });
}

async fn one_of_many_right_codes_verifies(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let pending = enrollment(1, SIGN_IN);
    commit(&store, async |tx| tx.put_enrollment(&pending, vec![1], NOW).await).await.unwrap();
    let winners = race(&store, |tx| async move {
        let id = enrollment(1, SIGN_IN).id;
        let verified = tx.verify_enrollment(id, TimeStep::from_number(7)).await?;
        tx.commit().await?;
        Ok(verified)
    });
    assert_eq!(winners.await, 1);
}

async fn wrong_codes_are_counted_while_a_code_is_asked_for(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let pending = enrollment(1, SIGN_IN);
    commit(&store, async |tx| {
        tx.put_enrollment(&pending, vec![1], NOW).await?;
        for _ in 0..3 {
            assert!(tx.charge_enrollment(pending.id, NOW).await?);
        }
        tx.fail_enrollment(pending.id).await?;
        tx.fail_enrollment(pending.id).await?;
        assert!(tx.verify_enrollment(pending.id, TimeStep::from_number(7)).await?);
        tx.fail_enrollment(pending.id).await?;
        Ok(())
    })
    .await
    .unwrap();
    let (found, _) = store.read().enrollment(SIGN_IN, NOW).await.unwrap().unwrap();
    assert_eq!(found.failures, 2);
}

async fn an_owner_gives_up_its_own(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    commit(&store, async |tx| {
        tx.put_enrollment(&enrollment(1, SIGN_IN), vec![1], NOW).await?;
        tx.put_enrollment(&enrollment(2, SESSION), vec![1], NOW).await
    })
    .await
    .unwrap();
    for there in [true, false] {
        let deleted = commit(&store, async |tx| tx.delete_enrollment(SIGN_IN, None).await).await;
        assert_eq!(deleted.unwrap(), there);
    }
    assert!(store.read().enrollment(SESSION, NOW).await.unwrap().is_some());
}

async fn a_customer_loses_every_one(database: TestDatabase) {
    let store = database.store().await;
    let bob = key("acme", "bob");
    insert(&store, &[ana(), bob.clone()]).await;
    let of_bob = Enrollment { customer: bob, ..enrollment(3, Owner::Session(session_id(3))) };
    commit(&store, async |tx| {
        for enrollment in [&enrollment(1, SIGN_IN), &enrollment(2, SESSION), &of_bob] {
            tx.put_enrollment(enrollment, vec![1], NOW).await?;
        }
        tx.delete_enrollments(&ana()).await
    })
    .await
    .unwrap();
    for (owner, there) in [(SIGN_IN, false), (SESSION, false), (of_bob.owner, true)] {
        let found = store.read().enrollment(owner, NOW).await.unwrap();
        assert_eq!(found.is_some(), there, "{owner:?}");
    }
}
