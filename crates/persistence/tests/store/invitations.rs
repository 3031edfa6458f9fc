use gatehouse_domain::id::{CustomerKey, InvitationId};
use gatehouse_domain::invitation::{Invitation, LIFETIME};
use gatehouse_persistence::Store;
use uuid::Uuid;

use crate::support::TestDatabase;
use crate::support::example::{NOW, SECOND, ana, commit, digest, insert, key};
use crate::support::race;

on_both_databases! {
    an_invitation_comes_back_as_it_went_in,
    an_invitation_is_found_in_its_portal_while_it_lives,
    an_invitation_is_used_once,
    parallel_uses_of_an_invitation_succeed_once,
    every_invitation_of_a_customer_can_be_ended,
}

fn id(number: u128) -> InvitationId {
    InvitationId::from_uuid(Uuid::from_u128(number))
}

/// Stores an invitation, whose token has its number.
async fn put(store: &Store, key: &CustomerKey, number: u128) -> Invitation {
    let invitation = Invitation::new(id(number), key.clone(), NOW);
    commit(store, async |tx| tx.insert_invitation(&invitation, &digest(number)).await)
        .await
        .unwrap();
    invitation
}

async fn an_invitation_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let invitation = put(&store, &ana(), 1).await;
    let digests = [digest(7), digest(1)];
    let found = store.read().invitation(&ana().portal, &digests, NOW).await.unwrap();
    assert_eq!(found, Some(invitation));
}

async fn an_invitation_is_found_in_its_portal_while_it_lives(database: TestDatabase) {
    let store = database.store().await;
    let elsewhere = key("beta", "ana");
    insert(&store, &[ana(), elsewhere.clone()]).await;
    put(&store, &ana(), 1).await;
    let found = async |key: CustomerKey, at| {
        store.read().invitation(&key.portal, &[digest(1)], at).await.unwrap().is_some()
    };
    let end = NOW + LIFETIME;
    assert!(found(ana(), end - SECOND).await);
    assert!(!found(ana(), end).await);
    assert!(!found(elsewhere, NOW).await);
}

async fn an_invitation_is_used_once(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, &ana(), 1).await;
    let use_up = async |number, at| {
        commit(&store, async |tx| tx.consume_invitation(id(number), at).await).await.unwrap()
    };
    assert!(!use_up(2, NOW).await);
    assert!(!use_up(1, NOW + LIFETIME).await);
    assert!(use_up(1, NOW).await);
    assert!(!use_up(1, NOW).await);
}

async fn parallel_uses_of_an_invitation_succeed_once(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, &ana(), 1).await;
    let winners = race(&store, |tx| async move {
        let used = tx.consume_invitation(id(1), NOW).await?;
        tx.commit().await?;
        Ok(used)
    });
    assert_eq!(winners.await, 1);
}

async fn every_invitation_of_a_customer_can_be_ended(database: TestDatabase) {
    let store = database.store().await;
    let other = key("acme", "bob");
    insert(&store, &[ana(), other.clone()]).await;
    for number in [1, 2] {
        put(&store, &ana(), number).await;
    }
    put(&store, &other, 3).await;
    commit(&store, async |tx| tx.end_invitations(&ana()).await).await.unwrap();
    for (number, left) in [(1, false), (2, false), (3, true)] {
        let found = store.read().invitation(&ana().portal, &[digest(number)], NOW).await.unwrap();
        assert_eq!(found.is_some(), left, "{number}");
    }
}
