use gatehouse_persistence::{SchemaState, StoreError};

use crate::support::{TestDatabase, example};

on_both_databases! {
    a_new_database_is_empty_until_a_key_has_left_its_canary,
    migrating_again_changes_nothing,
    eight_servers_migrate_one_empty_database,
    a_database_says_which_steps_it_lacks,
    a_newer_schema_that_this_program_can_run_on_is_left_alone,
    a_newer_schema_that_it_cannot_run_on_is_refused,
    a_schema_of_another_branch_is_refused,
    a_migration_that_is_cut_off_is_done_by_the_next,
}

/// A program of a later version was here, on whose schema programs can run that know
/// so many steps.
async fn take_a_later_step(database: &TestDatabase, known_steps: i32) {
    database.execute("INSERT INTO schema_migration VALUES ('m9999_later', 0)").await;
    database.execute(&format!("UPDATE schema_requirement SET known_steps = {known_steps}")).await;
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

async fn eight_servers_migrate_one_empty_database(database: TestDatabase) {
    let mut stores = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = database.connect().await;
        stores.spawn(async move {
            store.migrate().await.unwrap();
            store.is_empty().await.unwrap()
        });
    }
    while let Some(is_empty) = stores.join_next().await {
        assert!(is_empty.unwrap());
    }
}

async fn a_database_says_which_steps_it_lacks(database: TestDatabase) {
    let store = database.connect().await;
    let SchemaState::Behind(steps) = store.schema_state().await.unwrap() else { panic!("new") };
    assert_eq!(steps.first().unwrap(), "m0001_initial");
    store.migrate().await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::UpToDate);
}

async fn a_newer_schema_that_this_program_can_run_on_is_left_alone(database: TestDatabase) {
    let store = database.store().await;
    take_a_later_step(&database, 5).await;
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Ahead);
    store.migrate().await.unwrap();
    store.condition().await.unwrap();
    assert_eq!(database.count("schema_requirement WHERE known_steps = 5").await, 1);
}

async fn a_newer_schema_that_it_cannot_run_on_is_refused(database: TestDatabase) {
    let store = database.store().await;
    store.condition().await.unwrap();
    take_a_later_step(&database, 1_000).await;
    assert!(matches!(store.schema_state().await, Err(StoreError::SchemaTooNew)));
    assert!(matches!(store.migrate().await, Err(StoreError::SchemaTooNew)));
    // Also noticed by a server that was there before.
    assert!(matches!(store.condition().await, Err(StoreError::SchemaTooNew)));
}

async fn a_schema_of_another_branch_is_refused(database: TestDatabase) {
    let store = database.store().await;
    take_a_later_step(&database, 1).await;
    database.execute("DELETE FROM schema_migration WHERE version = 'm0003_replicas'").await;
    assert!(matches!(store.migrate().await, Err(StoreError::SchemaTooNew)));
}

/// At whatever point it has come to.
async fn a_migration_that_is_cut_off_is_done_by_the_next(database: TestDatabase) {
    let store = database.connect().await;
    for turns in (0..200).step_by(7) {
        let migrating = store.clone();
        let task = tokio::spawn(async move { migrating.migrate().await });
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        task.abort();
    }
    store.migrate().await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::UpToDate);
    example::insert(&store, &[example::ana()]).await;
}
