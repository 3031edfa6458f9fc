use std::path::Path;
use std::sync::Arc;

use gatehouse_persistence::{DatabaseLocation, DatabaseSettings, Store};
use gatehouse_test_postgres::TestPostgres;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, FromQueryResult, Statement};
use tempfile::TempDir;

/// Enough for a race, few enough for many tests on one server.
const MAX_CONNECTIONS: u32 = 16;

/// A database of one test, empty at first.
pub struct TestDatabase {
    location: DatabaseLocation,
    /// Holds the file of an SQLite database.
    _folder: Option<TempDir>,
}

impl TestDatabase {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = DatabaseLocation::Sqlite(folder.path().join("gatehouse.db"));
        Self { location, _folder: Some(folder) }
    }

    pub async fn postgres() -> Self {
        let location = DatabaseLocation::Postgres(TestPostgres::create_database().await);
        Self { location, _folder: None }
    }

    /// Whether it is PostgreSQL, where a test says in SQL what differs.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.location, DatabaseLocation::Postgres(_))
    }

    /// The file of an SQLite database.
    pub fn path(&self) -> &Path {
        match &self.location {
            DatabaseLocation::Sqlite(path) => path,
            DatabaseLocation::Postgres(_) => panic!("not in a file"),
        }
    }

    pub fn location(&self) -> DatabaseLocation {
        self.location.clone()
    }

    /// Another server on this database.
    pub async fn connect(&self) -> Arc<Store> {
        let location = self.location.clone();
        let settings = DatabaseSettings { location, max_connections: MAX_CONNECTIONS };
        Arc::new(Store::connect(&settings).await.unwrap())
    }

    /// The same, with the schema in place.
    pub async fn store(&self) -> Arc<Store> {
        let store = self.connect().await;
        store.migrate().await.unwrap();
        store
    }

    /// Changes rows past the store, which would never do this to them. Gives how many.
    pub async fn execute(&self, sql: &str) -> u64 {
        self.raw().await.execute_unprepared(sql).await.unwrap().rows_affected()
    }

    /// Counts rows past the store: `table WHERE …`.
    pub async fn count(&self, from: &str) -> i64 {
        let raw = self.raw().await;
        let sql = format!("SELECT count(*) FROM {from}");
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        raw.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Reads rows past the store.
    pub async fn select<T: FromQueryResult>(&self, sql: &str) -> Vec<T> {
        let raw = self.raw().await;
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        T::find_by_statement(statement).all(&raw).await.unwrap()
    }

    async fn raw(&self) -> DatabaseConnection {
        let url = match &self.location {
            DatabaseLocation::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseLocation::Postgres(url) => url.clone(),
        };
        Database::connect(url).await.unwrap()
    }
}
