use std::sync::Arc;
use std::time::Duration;

use gatehouse_domain::api_key::{AdminGrant, AdminRole, Grant, PortalScope};
use gatehouse_domain::id::ServerId;
use gatehouse_domain::vault::{Digest, DigestKind, KeyId, KeyRing, Vault};
use gatehouse_persistence::{
    Canary, KeyUse, RunningServer, SealedColumn, SealedRow, SealedValue, Store,
};

use crate::support::TestDatabase;
use crate::support::example::{
    MINUTE, NOW, SECOND, ana, api_key, api_key_by, backup_code_set, commit, factor, insert, key,
    session, uuid,
};

on_both_databases! {
    a_key_leaves_one_canary,
    a_key_is_needed_from_its_first_use_until_it_is_retired,
    rows_that_need_a_key_are_counted_until_they_end,
    a_row_of_unknown_key_needs_every_key,
    an_api_key_follows_the_digest_that_it_is_used_with,
    a_walk_comes_by_each_value_once,
    a_walk_passes_by_rows_that_are_corrupt,
    a_value_is_replaced_only_where_it_is_still_the_same,
    servers_are_known_while_they_say_so,
}

const OLD: u32 = 1;
const NEW: u32 = 2;

/// A value in the form of one sealed under this key.
fn sealed(key: u32, fill: u8) -> Vec<u8> {
    [[1, 1].as_slice(), &key.to_be_bytes(), &[fill; 40]].concat()
}

fn digest(key: u32, number: u8) -> Digest {
    let ring = format!("primary {key:08x} {}", "A".repeat(43));
    Vault::new(&ring.parse::<KeyRing>().unwrap()).digest(DigestKind::Session, &[number])
}

async fn a_key_leaves_one_canary(database: TestDatabase) {
    let store = database.store().await;
    let keys = [KeyId::from(0), KeyId::from(u32::MAX)];
    for key in keys {
        assert!(store.insert_key_canary(key, b"first".to_vec()).await.unwrap());
        assert!(!store.insert_key_canary(key, b"second".to_vec()).await.unwrap());
    }
    let canaries = store.read().key_canaries().await.unwrap();
    let sealed = b"first".to_vec();
    let first = |key| Canary { key, sealed: sealed.clone(), sealing_since: None, retired_at: None };
    assert_eq!(canaries, keys.map(first));
}

async fn a_key_is_needed_from_its_first_use_until_it_is_retired(database: TestDatabase) {
    let store = database.store().await;
    let canary = async || store.read().key_canaries().await.unwrap().pop().unwrap();
    assert!(!store.seal_under_key(OLD.into(), NOW).await.unwrap(), "nobody has it");
    store.insert_key_canary(OLD.into(), b"canary".to_vec()).await.unwrap();
    assert!(!canary().await.is_needed());
    for at in [NOW, NOW + MINUTE] {
        assert!(store.seal_under_key(OLD.into(), at).await.unwrap());
        assert_eq!(canary().await.sealing_since, Some(NOW));
    }
    assert!(canary().await.is_needed());
    assert_eq!(store.condition().await.unwrap().keys, [canary().await]);

    store.retire_key(OLD.into(), NOW).await.unwrap();
    assert!(!canary().await.is_needed());
    assert!(!store.seal_under_key(OLD.into(), NOW).await.unwrap());
    assert!(!store.insert_key_canary(OLD.into(), b"again".to_vec()).await.unwrap());
    assert_eq!(canary().await.retired_at, Some(NOW));
    store.unretire_key(OLD.into()).await.unwrap();
    assert!(canary().await.is_needed());
}

fn owner() -> Grant {
    Grant::Admin(AdminGrant { role: AdminRole::Owner, scope: PortalScope::All })
}

async fn rows_that_need_a_key_are_counted_until_they_end(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let live = session(&ana(), 1, NOW);
    commit(&store, async |tx| {
        tx.insert_session(&live, &digest(OLD, 1)).await?;
        tx.insert_session(&session(&ana(), 2, NOW), &digest(NEW, 2)).await?;
        tx.insert_api_key(&api_key(1, owner()), &digest(OLD, 1)).await?;
        tx.remember_source(&digest(OLD, 1), NOW + MINUTE).await?;
        tx.put_factor(&factor(&ana()), sealed(OLD, 1)).await?;
        let codes = vec![sealed(OLD, 1), sealed(NEW, 2)];
        tx.put_backup_codes(&ana(), backup_code_set(1), codes, NOW).await
    })
    .await
    .unwrap();

    let read = async |key: u32, at| store.key_use(key.into(), at).await.unwrap();
    assert_eq!(read(OLD, NOW).await, KeyUse { sealed: 2, api_keys: 1, passing: 2 });
    assert_eq!(read(NEW, NOW).await, KeyUse { sealed: 1, api_keys: 0, passing: 1 });
    let source_is_forgotten = NOW + MINUTE;
    assert_eq!(read(OLD, source_is_forgotten).await.passing, 1);
    let session_is_over = NOW + live.limits.absolute;
    assert_eq!(read(OLD, session_is_over).await.passing, 0);
    assert!(read(3, NOW).await.is_none());
}

async fn a_row_of_unknown_key_needs_every_key(database: TestDatabase) {
    let store = database.store().await;
    let put =
        commit(&store, async |tx| tx.insert_api_key(&api_key(1, owner()), &digest(OLD, 1)).await);
    put.await.unwrap();
    // As a program of the version before leaves it.
    database.execute("UPDATE api_key SET digest_key_id = NULL").await;
    for key in [OLD, NEW] {
        let needed = store.key_use(key.into(), NOW).await.unwrap();
        assert_eq!(needed, KeyUse { api_keys: 1, ..KeyUse::default() });
    }
}

async fn an_api_key_follows_the_digest_that_it_is_used_with(database: TestDatabase) {
    let store = database.store().await;
    let api_key = api_key(1, owner());
    commit(&store, async |tx| tx.insert_api_key(&api_key, &digest(OLD, 1)).await).await.unwrap();
    store.touch_api_key(api_key.id, &digest(NEW, 1), NOW).await.unwrap();
    let found = api_key_by(&store, &[digest(NEW, 1)]).await.unwrap();
    assert_eq!(found.unwrap().id, api_key.id);
    assert!(store.key_use(OLD.into(), NOW).await.unwrap().is_none());
}

async fn walk(store: &Store, column: SealedColumn) -> Vec<SealedValue> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.read().sealed_page(column, after.as_ref(), 2).await.unwrap();
        assert!(page.values.len() <= 2);
        all.extend(page.values);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn a_walk_comes_by_each_value_once(database: TestDatabase) {
    let store = database.store().await;
    let keys = ["a", "b", "c"].map(|portal| ["x", "y"].map(|customer| key(portal, customer)));
    let keys = keys.concat();
    insert(&store, &keys).await;
    insert(&store, &[key("d", "without")]).await;
    commit(&store, async |tx| {
        for (number, key) in (0..).zip(&keys) {
            tx.set_password(key, Some(sealed(OLD, number))).await?;
            tx.put_factor(&factor(key), sealed(OLD, number)).await?;
            let codes = (0..5).map(|slot| sealed(OLD, slot)).collect();
            tx.put_backup_codes(key, backup_code_set(number.into()), codes, NOW).await?;
        }
        Ok(())
    })
    .await
    .unwrap();

    for column in [SealedColumn::Password, SealedColumn::FactorSecret] {
        let found = walk(&store, column).await;
        let values: Vec<_> = found.iter().map(|value| value.sealed.clone()).collect();
        assert_eq!(values, [0, 1, 2, 3, 4, 5].map(|number| sealed(OLD, number)), "{column:?}");
        assert!(found.iter().zip(&keys).all(|(value, key)| value.customer == *key));
    }
    let codes = walk(&store, SealedColumn::BackupCode).await;
    let rows: Vec<_> = codes.iter().map(|value| value.row).collect();
    let of = |set: u128| (0..5).map(move |slot| SealedRow::BackupCode(backup_code_set(set), slot));
    assert_eq!(rows, (0..6).flat_map(of).collect::<Vec<_>>());
}

async fn a_walk_passes_by_rows_that_are_corrupt(database: TestDatabase) {
    let store = database.store().await;
    let keys = ["x", "y", "z"].map(|customer| key("acme", customer));
    insert(&store, &keys).await;
    commit(&store, async |tx| {
        for key in &keys {
            tx.put_backup_codes(key, backup_code_set(1), vec![sealed(OLD, 1)], NOW).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    database.execute("UPDATE backup_code SET slot = 1000 WHERE customer_id = 'y'").await;
    let found = walk(&store, SealedColumn::BackupCode).await;
    let customers: Vec<_> = found.into_iter().map(|value| value.customer).collect();
    assert_eq!(customers, [keys[0].clone(), keys[2].clone()]);
}

async fn a_value_is_replaced_only_where_it_is_still_the_same(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let put = async |store: &Arc<Store>, fill: u8| {
        commit(store, async |tx| {
            tx.set_password(&ana(), Some(sealed(OLD, fill))).await?;
            tx.put_factor(&factor(&ana()), sealed(OLD, fill)).await?;
            tx.put_backup_codes(&ana(), backup_code_set(1), vec![sealed(OLD, fill)], NOW).await
        })
        .await
        .unwrap();
    };
    put(&store, 1).await;
    for column in [SealedColumn::Password, SealedColumn::FactorSecret, SealedColumn::BackupCode] {
        put(&store, 1).await;
        let seen = walk(&store, column).await.pop().unwrap();
        put(&store, 2).await;
        assert!(!store.replace_sealed(&seen, sealed(NEW, 3)).await.unwrap(), "{column:?}");
        let seen = walk(&store, column).await.pop().unwrap();
        assert_eq!(seen.sealed, sealed(OLD, 2));
        assert!(store.replace_sealed(&seen, sealed(NEW, 3)).await.unwrap(), "{column:?}");
        assert_eq!(walk(&store, column).await.pop().unwrap().sealed, sealed(NEW, 3));
    }
}

async fn servers_are_known_while_they_say_so(database: TestDatabase) {
    let store = database.store().await;
    let server = |number, seen_at| RunningServer {
        id: ServerId::from_uuid(uuid(number)),
        version: "1.2.3".to_owned(),
        keys: vec![NEW.into(), OLD.into()],
        seen_at,
    };
    let old = NOW - Duration::from_secs(30);
    store.announce_server(&server(1, old), old - SECOND).await.unwrap();
    store.announce_server(&server(2, NOW), old - SECOND).await.unwrap();
    assert_eq!(store.read().servers(old).await.unwrap(), [server(2, NOW)]);
    assert_eq!(store.read().servers(old - SECOND).await.unwrap().len(), 2);

    // Who comes next removes those that are gone.
    let again = RunningServer { keys: vec![NEW.into()], ..server(2, NOW + SECOND) };
    store.announce_server(&again, old).await.unwrap();
    assert_eq!(store.read().servers(old - SECOND).await.unwrap(), [again]);
    store.forget_server(ServerId::from_uuid(uuid(2))).await.unwrap();
    assert!(store.read().servers(old - SECOND).await.unwrap().is_empty());
}
