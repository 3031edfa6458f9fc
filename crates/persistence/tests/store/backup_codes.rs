use gatehouse_domain::customer::BackupCodes;
use gatehouse_persistence::{Store, StoredBackupCode};

use crate::support::example::{MINUTE, NOW, SECOND, ana, backup_code_set, commit, insert, key};
use crate::support::{TestDatabase, at_once, race};

on_both_databases! {
    a_set_comes_back_as_it_went_in,
    a_set_is_replaced_whole,
    one_of_many_uses_of_a_code_is_accepted,
    different_codes_are_used_at_once,
    a_code_is_of_one_slot_of_one_set_of_one_customer,
    deleted_codes_are_gone,
}

/// What [`put`] stores.
fn digests(fill: u8) -> Vec<Vec<u8>> {
    (0..5).map(|slot| vec![fill, slot]).collect()
}

async fn put(store: &Store, set: u128) {
    let digests = digests(u8::try_from(set).unwrap());
    commit(store, async |tx| tx.put_backup_codes(&ana(), backup_code_set(set), digests, NOW).await)
        .await
        .unwrap();
}

async fn stored(store: &Store) -> Vec<StoredBackupCode> {
    let mut codes = store.read().stored_backup_codes(&ana()).await.unwrap();
    codes.sort_by_key(|code| code.slot);
    codes
}

async fn a_set_comes_back_as_it_went_in(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    assert_eq!(store.read().backup_codes(&ana()).await.unwrap(), None);
    put(&store, 1).await;
    let used_at = NOW + MINUTE;
    let used = commit(&store, async |tx| {
        tx.consume_backup_code(&ana(), backup_code_set(1), 3, used_at).await
    });
    assert!(used.await.unwrap());
    for (code, (slot, digest)) in stored(&store).await.into_iter().zip((0..).zip(digests(1))) {
        assert_eq!((code.set, code.slot, code.digest), (backup_code_set(1), slot, digest));
        assert_eq!(code.used_at, (slot == 3).then_some(used_at));
    }
    let left = store.read().backup_codes(&ana()).await.unwrap();
    assert_eq!(left, Some(BackupCodes { remaining: 4, created_at: NOW }));
}

async fn a_set_is_replaced_whole(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, 1).await;
    put(&store, 2).await;
    let codes = stored(&store).await;
    assert_eq!(codes.len(), 5);
    assert!(codes.iter().all(|code| code.set == backup_code_set(2)));
}

async fn one_of_many_uses_of_a_code_is_accepted(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, 1).await;
    let winners = race(&store, |tx| async move {
        let used = tx.consume_backup_code(&ana(), backup_code_set(1), 2, NOW).await?;
        tx.commit().await?;
        Ok(used)
    });
    assert_eq!(winners.await, 1);
    assert_eq!(store.read().backup_codes(&ana()).await.unwrap().unwrap().remaining, 4);
}

async fn different_codes_are_used_at_once(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, 1).await;
    let used = at_once(5, |number| {
        let (store, slot) = (store.clone(), u8::try_from(number).unwrap());
        async move {
            commit(&store, async |tx| {
                tx.consume_backup_code(&ana(), backup_code_set(1), slot, NOW).await
            })
            .await
            .unwrap()
        }
    });
    assert_eq!(used.await, [true; 5]);
    assert_eq!(store.read().backup_codes(&ana()).await.unwrap().unwrap().remaining, 0);
}

async fn a_code_is_of_one_slot_of_one_set_of_one_customer(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana(), key("acme", "bob"), key("beta", "ana")]).await;
    put(&store, 1).await;
    put(&store, 2).await;
    for (key, set, slot) in [
        (ana(), 1, 0),
        (ana(), 3, 0),
        (ana(), 2, 5),
        (key("acme", "bob"), 2, 0),
        (key("beta", "ana"), 2, 0),
    ] {
        let used = commit(&store, async |tx| {
            tx.consume_backup_code(&key, backup_code_set(set), slot, NOW + SECOND).await
        });
        assert!(!used.await.unwrap(), "{key:?} {set} {slot}");
    }
    assert_eq!(store.read().backup_codes(&ana()).await.unwrap().unwrap().remaining, 5);
}

async fn deleted_codes_are_gone(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    put(&store, 1).await;
    commit(&store, async |tx| tx.delete_backup_codes(&ana()).await).await.unwrap();
    assert_eq!(store.read().backup_codes(&ana()).await.unwrap(), None);
    assert!(stored(&store).await.is_empty());
}
