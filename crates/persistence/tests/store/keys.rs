use gatehouse_domain::vault::KeyId;

use crate::support::TestDatabase;

on_both_databases! {
    a_key_leaves_one_canary,
}

async fn a_key_leaves_one_canary(database: TestDatabase) {
    let store = database.store().await;
    let keys = [KeyId::from(0), KeyId::from(u32::MAX)];
    for key in keys {
        assert!(store.insert_key_canary(key, b"first".to_vec()).await.unwrap());
        assert!(!store.insert_key_canary(key, b"second".to_vec()).await.unwrap());
    }
    let canaries = store.read().key_canaries().await.unwrap();
    assert_eq!(canaries, keys.map(|key| (key, b"first".to_vec())));
}
