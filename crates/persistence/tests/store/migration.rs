use crate::support::{TestDatabase, example};

on_both_databases! {
    a_new_database_is_empty_until_a_key_has_left_its_canary,
    migrating_again_changes_nothing,
    two_servers_migrate_one_empty_database,
}

async fn a_new_database_is_empty_until_a_key_has_left_its_canary(database: TestDatabase) {
    let store = database.connect().await;
    assert!(store.is_empty().await.unwrap());
    store.migrate().await.unwrap();
    assert!(store.is_empty().await.unwrap());
    store.insert_key_canary(1.into(), vec![1]).await.unwrap();
    assert!(!store.is_empty().await.unwrap());
}

async fn migrating_again_changes_nothing(database: TestDatabase) {
    let store = database.store().await;
    example::insert(&store, &[example::ana()]).await;
    store.migrate().await.unwrap();
    assert!(store.read().customer(&example::ana()).await.unwrap().is_some());
}

async fn two_servers_migrate_one_empty_database(database: TestDatabase) {
    let (one, other) = tokio::join!(database.store(), database.store());
    for store in [one, other] {
        assert!(store.is_empty().await.unwrap());
    }
}
