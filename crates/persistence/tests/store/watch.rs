use crate::support::TestDatabase;

on_both_databases! {
    postgres_tells_its_time_and_whether_it_takes_changes,
    calls_that_hold_every_connection_hide_nothing,
}

async fn postgres_tells_its_time_and_whether_it_takes_changes(database: TestDatabase) {
    let store = database.store().await;
    let condition = store.condition().await.unwrap();
    assert_eq!(condition.now.is_some(), database.is_postgres());
    assert!(!condition.is_read_only);
    if database.is_postgres() {
        assert!(condition.now < store.condition().await.unwrap().now);
    }
}

async fn calls_that_hold_every_connection_hide_nothing(database: TestDatabase) {
    let store = database.store().await;
    let mut held = Vec::new();
    while let Ok(tx) = store.begin().await {
        held.push(tx);
    }
    store.condition().await.unwrap();
}
