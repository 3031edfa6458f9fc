use std::sync::Arc;

use gatehouse_persistence::{Store, StoreError};

use crate::support::example::{ana, commit, customer, insert, portal};
use crate::support::{TestDatabase, at_once};

on_both_databases! {
    a_transaction_that_is_dropped_leaves_nothing,
    a_transaction_that_is_aborted_leaves_nothing,
    a_transaction_sees_what_it_did,
    readers_do_not_wait_for_a_writer,
    reading_and_then_writing_loses_no_update,
    two_servers_share_a_database,
}

async fn a_transaction_that_is_dropped_leaves_nothing(database: TestDatabase) {
    let store = database.store().await;
    for _ in 0..20 {
        let tx = store.begin().await.unwrap();
        tx.insert_portal(&portal("acme")).await.unwrap();
        drop(tx);
    }
    assert_eq!(store.read().portal(&ana().portal).await.unwrap(), None);
    insert(&store, &[ana()]).await;
}

/// At whatever point it has come to, its beginning included.
async fn a_transaction_that_is_aborted_leaves_nothing(database: TestDatabase) {
    let store = database.store().await;
    for turns in 0..100 {
        let store = store.clone();
        let task = tokio::spawn(async move {
            let tx = store.begin().await?;
            tx.insert_portal(&portal("acme")).await
        });
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        task.abort();
    }
    assert_eq!(store.read().portal(&ana().portal).await.unwrap(), None);
    insert(&store, &[ana()]).await;
}

async fn a_transaction_sees_what_it_did(database: TestDatabase) {
    let store = database.store().await;
    let tx = store.begin().await.unwrap();
    tx.insert_portal(&portal("acme")).await.unwrap();
    assert!(tx.portal(&ana().portal).await.unwrap().is_some());
    assert!(store.read().portal(&ana().portal).await.unwrap().is_none());
}

async fn readers_do_not_wait_for_a_writer(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let tx = store.begin().await.unwrap();
    tx.lock_portal(&ana().portal).await.unwrap();
    let seen = tx.lock_customer(&ana()).await.unwrap().unwrap();
    let changed = seen.next_generation();
    tx.update_customer(&seen, &changed).await.unwrap();
    assert_eq!(store.read().customer(&ana()).await.unwrap(), Some(seen));
    tx.commit().await.unwrap();
    assert_eq!(store.read().customer(&ana()).await.unwrap(), Some(changed));
}

/// As on a full disk. Whoever comes next begins a transaction of their own.
#[tokio::test]
async fn a_transaction_that_sqlite_ends_by_itself_swallows_none_after_it() {
    let database = TestDatabase::sqlite();
    let store = database.store().await;
    database
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON portal WHEN new.id LIKE 'full%'
             BEGIN SELECT RAISE(ROLLBACK, 'no room'); END",
        )
        .await;
    for turn in 0..5 {
        let insert =
            async |id: &str| commit(&store, async |tx| tx.insert_portal(&portal(id)).await).await;
        insert(&format!("full{turn}")).await.unwrap_err();
        insert(&format!("acme{turn}")).await.unwrap();
        drop(store.begin().await.unwrap());
        insert(&format!("beta{turn}")).await.unwrap();
        // As another process sees it.
        assert_eq!(database.count("portal").await, 2 * (turn + 1), "{turn}");
    }
}

/// Reads the customer under a lock and writes what follows from it.
async fn raise_generation(store: Arc<Store>) {
    let raised = again!(
        commit(&store, async |tx| {
            let seen = tx.lock_customer(&ana()).await?.unwrap();
            let raised = seen.next_generation();
            tx.update_customer(&seen, &raised).await
        })
        .await
    );
    raised.unwrap();
}

async fn reading_and_then_writing_loses_no_update(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    at_once(64, |_| raise_generation(store.clone())).await;
    let found = store.read().customer(&ana()).await.unwrap().unwrap();
    assert_eq!(found.generation, customer(&ana()).generation + 64);
}

/// As `create-owner-key` and `serve` do.
async fn two_servers_share_a_database(database: TestDatabase) {
    let stores = [database.store().await, database.store().await];
    insert(&stores[0], &[ana()]).await;
    at_once(64, |number| raise_generation(stores[number % 2].clone())).await;
    let found = stores[1].read().customer(&ana()).await.unwrap().unwrap();
    assert_eq!(found.generation, customer(&ana()).generation + 64);
}

/// Ends every connection to a PostgreSQL database, as a restart does.
async fn end_connections(database: &TestDatabase) {
    let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(others).await;
}

/// Those that answered a moment ago included, which are not asked whether they are alive.
#[tokio::test(flavor = "multi_thread")]
async fn reads_and_transactions_begin_anew_where_the_database_has_ended_connections() {
    let database = TestDatabase::postgres().await;
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    // More than one of each pool.
    at_once(8, |_| raise_generation(store.clone())).await;
    let read = async || store.read().customer(&ana()).await.unwrap().unwrap();
    at_once(8, |_| {
        let store = store.clone();
        async move { drop(store.read().customer(&ana()).await.unwrap()) }
    })
    .await;
    for turn in 1..=5 {
        end_connections(&database).await;
        let seen = read().await;
        end_connections(&database).await;
        raise_generation(store.clone()).await;
        assert_eq!(read().await.generation, seen.generation + 1, "{turn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_connection_has_ended_goes_on_nowhere_else() {
    let database = TestDatabase::postgres().await;
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let tx = store.begin().await.unwrap();
    tx.insert_portal(&portal("beta")).await.unwrap();
    end_connections(&database).await;
    let lost = tx.customer(&ana()).await.unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost:?}");
    let lost = tx.insert_portal(&portal("gamma")).await.unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost:?}");
    tx.commit().await.unwrap_err();
    assert_eq!(database.count("portal").await, 1);
}

/// By a server that has not seen connections end lately: it asks none whether it is alive.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_may_have_been_done_is_not_done_again() {
    let database = TestDatabase::postgres().await;
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let seen = store.read().customer(&ana()).await.unwrap().unwrap();
    let charge = async || store.charge_codes(&seen, seen.codes).await;
    assert!(charge().await.unwrap());
    end_connections(&database).await;
    let lost = charge().await.unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost:?}");
    assert!(charge().await.unwrap());
}
