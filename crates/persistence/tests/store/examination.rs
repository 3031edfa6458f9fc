use std::fs;

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::session::Session;
use gatehouse_persistence::{DatabaseLocation, Engine, SchemaState, Store, StoreError};

use crate::support::TestDatabase;
use crate::support::example::{LIMITS, NOW, ana, commit, digest, insert, key, session};

on_both_databases! {
    a_database_is_looked_at_as_it_is,
    sessions_tell_from_where_their_customers_came,
}

const LIMIT_CONNECTIONS: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 7', current_database());
END $$";

async fn a_database_is_looked_at_as_it_is(database: TestDatabase) {
    database.store().await;
    let store = Store::connect_to_look(database.location()).await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::UpToDate);
    match store.read().engine().await.unwrap() {
        Engine::Sqlite { version, is_wal } => {
            assert!(!database.is_postgres() && version.starts_with("3.") && is_wal);
            // It cannot be written by accident.
            store.migrate().await.unwrap();
            store.insert_key_canary(1.into(), Vec::new()).await.unwrap_err();
        }
        Engine::Postgres { version, major, most_connections, .. } => {
            assert!(database.is_postgres() && version.starts_with(&major.to_string()));
            assert!((1..1_000).contains(&most_connections), "{most_connections}");
            database.execute(LIMIT_CONNECTIONS).await;
            let engine = store.read().engine().await.unwrap();
            assert!(matches!(engine, Engine::Postgres { most_connections: 7, .. }), "{engine:?}");
        }
    }
}

#[tokio::test]
async fn an_sqlite_file_is_neither_made_nor_changed_by_a_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatehouse.db");
    let location = DatabaseLocation::Sqlite(path.clone());
    let none = Store::connect_to_look(location.clone()).await.unwrap_err();
    assert!(matches!(none, StoreError::Unavailable(_)), "{none:?}");
    assert!(!path.exists());

    fs::write(&path, "").unwrap();
    let store = Store::connect_to_look(location).await.unwrap();
    assert!(store.is_empty().await.unwrap());
    let engine = store.read().engine().await.unwrap();
    assert!(matches!(engine, Engine::Sqlite { is_wal: false, .. }), "{engine:?}");
    assert_eq!(fs::read(&path).unwrap(), b"");
}

async fn sessions_tell_from_where_their_customers_came(database: TestDatabase) {
    let store = database.store().await;
    let bob = key("acme", "bob");
    insert(&store, &[ana(), bob.clone()]).await;
    let at = |ip: &str| ClientContext::new(Some(ip.parse().unwrap()), String::new()).unwrap();
    for (number, whose, client) in [
        (1, ana(), at("203.0.113.7")),
        (2, bob.clone(), at("2001:db8::7")),
        (3, bob.clone(), ClientContext::default()),
        (4, ana(), at("203.0.113.8")),
    ] {
        let session = Session { client, ..session(&whose, number, NOW) };
        commit(&store, async |tx| tx.insert_session(&session, &digest(number)).await)
            .await
            .unwrap();
    }
    let ended = "UPDATE session SET ended_at = 1, end_reason = 'x' WHERE client_ip = '203.0.113.8'";
    assert_eq!(database.execute(ended).await, 1);

    let look = Store::connect_to_look(database.location()).await.unwrap();
    let clients = look.read().session_clients(NOW).await.unwrap();
    let expected = [(ana(), at("203.0.113.7")), (bob, at("2001:db8::7"))]
        .map(|(key, client)| (key.portal, key.customer, client));
    assert_eq!(clients, expected);
    assert_eq!(look.read().session_clients(NOW + LIMITS.absolute).await.unwrap(), []);
}
