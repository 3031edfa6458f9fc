use gatehouse_domain::audit::EventType;
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::session::SessionEnd;
use gatehouse_domain::totp::TimeStep;
use gatehouse_persistence::{EndedEpoch, StoreError};

use crate::support::TestDatabase;
use crate::support::example::{
    NOW, SECOND, ana, audit_event, backup_code_set, commit, customer, digest, enrollment, factor,
    insert, session, sign_in,
};

on_both_databases! {
    what_may_have_been_used_up_is_ended,
    an_authenticator_that_is_further_on_stays_there,
    backup_codes_are_kept_on_request,
    the_last_event_and_the_suspended_are_told,
    a_copy_holds_what_was_committed,
}

async fn what_may_have_been_used_up_is_ended(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let under_way = sign_in(&ana(), 1, NOW);
    commit(&store, async |tx| {
        tx.insert_session(&session(&ana(), 1, NOW), &digest(1)).await?;
        tx.insert_sign_in(&under_way, &digest(1), None).await?;
        let owner = Owner::SignIn(under_way.id);
        tx.put_enrollment(&enrollment(1, owner), vec![1], NOW).await?;
        tx.put_factor(&factor(&ana()), vec![1]).await?;
        tx.put_backup_codes(&ana(), backup_code_set(1), vec![vec![1]; 5], NOW).await?;
        tx.consume_backup_code(&ana(), backup_code_set(1), 0, NOW).await
    })
    .await
    .unwrap();

    let ended = commit(&store, async |tx| tx.end_epoch(NOW, true).await).await.unwrap();
    let expected = EndedEpoch { sessions: 1, sign_ins: 1, pending: 1, factors: 1, backup_codes: 4 };
    assert_eq!(ended, expected);

    let acme = ana().portal;
    let found = store.read().session(&acme, &[digest(1)]).await.unwrap().unwrap();
    assert_eq!(found.ended, Some((NOW, SessionEnd::Revoked)));
    assert!(store.read().sign_in(&acme, &[digest(1)], NOW).await.unwrap().is_none());
    let found = store.read().factor(&ana()).await.unwrap().unwrap();
    assert_eq!(found.accepted_step, TimeStep::last_acceptable(NOW, 30));
    let codes = store.read().backup_codes(&ana()).await.unwrap().unwrap();
    assert_eq!(codes.remaining, 0);

    let again = commit(&store, async |tx| tx.end_epoch(NOW, true).await).await.unwrap();
    assert_eq!(again, EndedEpoch::default());
}

async fn an_authenticator_that_is_further_on_stays_there(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let mut ahead = factor(&ana());
    ahead.accepted_step = TimeStep::from_number(i64::MAX);
    commit(&store, async |tx| tx.put_factor(&ahead, vec![1]).await).await.unwrap();
    let ended = commit(&store, async |tx| tx.end_epoch(NOW, true).await).await.unwrap();
    assert_eq!(ended.factors, 0);
    assert_eq!(store.read().factor(&ana()).await.unwrap(), Some(ahead));
}

async fn backup_codes_are_kept_on_request(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let codes = vec![vec![1]; 5];
    commit(&store, async |tx| tx.put_backup_codes(&ana(), backup_code_set(1), codes, NOW).await)
        .await
        .unwrap();
    let ended = commit(&store, async |tx| tx.end_epoch(NOW, false).await).await.unwrap();
    assert_eq!(ended, EndedEpoch::default());
    assert_eq!(store.read().backup_codes(&ana()).await.unwrap().unwrap().remaining, 5);
}

async fn the_last_event_and_the_suspended_are_told(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(store.read().last_event_at(None).await.unwrap(), None);
    insert(&store, &[ana()]).await;
    assert_eq!(store.read().suspended_customers().await.unwrap(), 0);
    commit(&store, async |tx| {
        tx.record(&audit_event(1, NOW)).await?;
        tx.record(&audit_event(1, NOW - SECOND)).await?;
        let mut suspended = customer(&ana());
        suspended.suspended_at = Some(NOW);
        tx.update_customer(&customer(&ana()), &suspended).await
    })
    .await
    .unwrap();
    assert_eq!(store.read().last_event_at(None).await.unwrap(), Some(NOW));
    let restored = Some(EventType::StoreRestored);
    assert_eq!(store.read().last_event_at(restored).await.unwrap(), None);
    assert_eq!(store.read().suspended_customers().await.unwrap(), 1);
}

async fn a_copy_holds_what_was_committed(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let copy = TestDatabase::sqlite();
    if database.is_postgres() {
        let refused = store.copy_to(copy.path()).await;
        assert!(matches!(refused, Err(StoreError::Internal(_))));
        return;
    }
    let open = store.begin().await.unwrap();
    open.delete_customer(&ana()).await.unwrap();
    store.copy_to(copy.path()).await.unwrap();
    let found = copy.connect().await.read().customer(&ana()).await.unwrap();
    assert_eq!(found, Some(customer(&ana())));
    assert!(matches!(store.copy_to(copy.path()).await, Err(StoreError::Internal(_))), "not empty");
}
