//! Connections and transactions.

use std::path::Path;
use std::time::{Duration, Instant};

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    EntityTrait, QuerySelect, SqliteTransactionMode, SqlxError, TransactionOptions,
};
use tokio::time::{sleep, timeout};

use crate::connection::{Connection, STATEMENT_TIMEOUT, Trouble};
use crate::entity::key_canary;
use crate::error::{Result, StoreError, is_sqlite_busy};
use crate::fault::Faults;
use crate::location::DatabaseLocation;
use crate::migration::has_table;
use crate::observer::{Observed, Observer, PoolState};

/// To get a connection out of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// For a connection that has answered, before it is asked whether it is alive.
const TRUST: Duration = Duration::from_secs(1);
/// Pages that a connection to SQLite keeps, in KiB by the minus: the upper levels of what is
/// looked things up by. Whatever is not among them is read from the file anew each time.
const CACHE_KIB: &str = "-8192";
/// Between two tries to open a file that is being opened.
const BUSY_WAIT: Duration = Duration::from_millis(10);

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Which database, and where.
    pub location: DatabaseLocation,
    /// Connections for calls at most, 2 or more. PostgreSQL gets one more, by which it
    /// is watched.
    pub max_connections: u32,
}

/// What a store may do to an SQLite file.
#[derive(Clone, Copy, Debug)]
enum Access {
    Write,
    Look,
}

/// Something that queries run on: the pool, or a transaction. All reads are
/// methods of it; writes are methods of [`Tx`] alone.
#[derive(Debug)]
pub struct Queries<C>(pub(crate) C);

/// Single autocommit reads.
pub type Read = Queries<Connection<DatabaseConnection>>;

/// A transaction. Dropped without [`Tx::commit`], it rolls back.
///
/// Locks are taken in one order: portal, customer, the rest.
pub type Tx = Queries<Connection<DatabaseTransaction>>;

/// The database.
#[derive(Debug)]
pub struct Store {
    read: Read,
    /// By which the database is watched, when calls have taken all others, too.
    watch: Read,
    /// On SQLite a pool of one: writers queue here in order instead of polling
    /// for the file's lock.
    write: Connection<DatabaseConnection>,
    observer: Observer,
}

impl Store {
    /// Opens the database; an SQLite file is made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not answer.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self> {
        Self::open(settings, Access::Write).await
    }

    /// Opens the database to be looked at, as it is: an SQLite file that is not there is not
    /// made, nor is one written that is. What writes to PostgreSQL is the caller's to leave.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it does not answer, or there is none.
    pub async fn connect_to_look(location: DatabaseLocation) -> Result<Self> {
        Self::open(&DatabaseSettings { location, max_connections: 2 }, Access::Look).await
    }

    async fn open(settings: &DatabaseSettings, access: Access) -> Result<Self> {
        let trouble = Trouble::default();
        let (read, watch, write) = match &settings.location {
            DatabaseLocation::Sqlite(path) => {
                let options = |connections| sqlite_options(path, connections, access);
                let write = first_sqlite_connection(&options).await?;
                let readers = settings.max_connections.saturating_sub(1).max(1);
                let read = Database::connect(options(readers)).await?;
                (read, Database::connect(options(1)).await?, write)
            }
            DatabaseLocation::Postgres(url) => {
                reach(url).await?;
                // Transactions that wait for each other's locks keep no read waiting.
                let writers = settings.max_connections.div_ceil(2);
                let readers = settings.max_connections.saturating_sub(writers).max(1);
                let options = |connections| postgres_options(url, connections, trouble.clone());
                let write = Database::connect(options(writers)).await?;
                let read = Database::connect(options(readers)).await?;
                (read, Database::connect(options(1)).await?, write)
            }
        };
        let faults = Faults::default();
        let observer = Observer::default();
        let of_pool =
            |pool| Connection::of_pool(pool, trouble.clone(), faults.clone(), observer.clone());
        let [read, watch] = [read, watch].map(|pool| Queries(of_pool(pool)));
        Ok(Self { read, watch, write: of_pool(write), observer })
    }

    /// Tells `observer` from now on of every statement and of every event that was
    /// committed. It is called by whoever waits for the statement, and must not block. Only
    /// the first one is told.
    pub fn observe(&self, observer: impl Fn(Observed<'_>) + Send + Sync + 'static) {
        self.observer.set(observer);
    }

    /// The pools of connections as they are now, each with its name.
    #[must_use]
    pub fn pools(&self) -> [(&'static str, PoolState); 3] {
        let pools = [("read", &self.read.0), ("write", &self.write), ("watch", &self.watch.0)];
        pools.map(|(name, pool)| (name, PoolState::of(pool.inner())))
    }

    /// For single reads outside any transaction.
    #[must_use]
    pub const fn read(&self) -> &Read {
        &self.read
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.write.get_database_backend() == DbBackend::Sqlite
    }

    pub(crate) const fn watch(&self) -> &Read {
        &self.watch
    }

    /// For single guarded statements that are a transaction by themselves.
    pub(crate) const fn autocommit(&self) -> &Connection<DatabaseConnection> {
        &self.write
    }

    /// What tests make happen to statements of this store.
    #[cfg(feature = "fault-injection")]
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        self.write.faults()
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at
    /// once: a deferred one that reads first can fail at its first write.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection is to be had in time.
    pub async fn begin(&self) -> Result<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Queries(self.write.begin(options).await?))
    }

    /// Whether gatehouse has never been here: only then may a key ring be made.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn is_empty(&self) -> Result<bool> {
        use key_canary::{Column, Entity};

        if !has_table(&self.read.0, "key_canary").await? {
            return Ok(true);
        }
        // One column that every schema has.
        let any = Entity::find().select_only().column(Column::KeyId).into_tuple::<i64>();
        Ok(any.one(&self.read.0).await?.is_none())
    }
}

impl Tx {
    /// Lets the statements of this transaction take as long as they need, for work
    /// that grows with what is stored. SQLite has no limit.
    pub(crate) async fn lift_statement_limit(&self) -> Result<()> {
        Ok(self.0.lift_limit().await?)
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: nothing happened. [`StoreError::Unavailable`]:
    /// it is not known whether it happened.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

/// The one that gives a new file its journal. Where several do that at once, SQLite
/// tells all but one that it is busy without the wait that it was asked for.
async fn first_sqlite_connection(
    options: &impl Fn(u32) -> ConnectOptions,
) -> Result<DatabaseConnection> {
    let start = Instant::now();
    loop {
        match Database::connect(options(1)).await {
            Err(error) if is_sqlite_busy(&error) && start.elapsed() < STATEMENT_TIMEOUT => {
                sleep(BUSY_WAIT).await;
            }
            connection => return Ok(connection?),
        }
    }
}

fn sqlite_options(path: &Path, connections: u32, access: Access) -> ConnectOptions {
    let path = path.to_owned();
    // The path is set below: in a URL it would have to be escaped.
    let mut options = pool_options("sqlite://gatehouse.db", connections);
    // It is in this process, and cannot go away.
    options.test_before_acquire(false);
    options.map_sqlx_sqlite_opts(move |options| {
        let options = options.filename(&path);
        let options = match access {
            Access::Write => options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal),
            Access::Look => options.read_only(true),
        };
        options
            // NORMAL forgets commits on power loss: a spent code would come back.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", CACHE_KIB)
            .busy_timeout(STATEMENT_TIMEOUT)
    });
    // On a full disk and other trouble SQLite rolls back by itself, and sqlx then takes the
    // transaction to be open still. The next one would be a savepoint within it, whose
    // commit commits nothing: such a connection is closed instead.
    options.map_sqlx_sqlite_pool_opts(|pool| {
        pool.before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
    });
    options
}

fn postgres_options(url: &str, connections: u32, trouble: Trouble) -> ConnectOptions {
    let mut options = pool_options(url, connections);
    options.map_sqlx_postgres_opts(|options| {
        options.application_name("gatehouse").options([
            ("statement_timeout", STATEMENT_TIMEOUT.as_millis().to_string().as_str()),
            ("synchronous_commit", "on"),
        ])
    });
    options.test_before_acquire(false);
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let [before, after] = [trouble.clone(), trouble.clone()];
        // What answered a moment ago is alive; to ask costs as much as a statement.
        let pool = pool.before_acquire(move |connection, used| {
            let is_suspect = used.idle_for >= TRUST || before.is_recent();
            Box::pin(async move {
                if is_suspect {
                    connection.ping().await?;
                }
                Ok(true)
            })
        });
        // sqlx asks whether a connection is alive before it frees its place in the pool, and
        // waits for the answer of a server that is gone until TCP gives up.
        pool.after_release(move |connection, _| {
            let is_suspect = after.is_recent();
            Box::pin(async move {
                if !is_suspect {
                    return Ok(true);
                }
                match timeout(ACQUIRE_TIMEOUT, connection.ping()).await {
                    Ok(alive) => alive.map(|()| true),
                    Err(_) => Err(SqlxError::PoolTimedOut),
                }
            })
        })
    });
    options
}

/// Connects once: a pool would only say that it has waited too long.
async fn reach(url: &str) -> Result<()> {
    let unavailable = |error: SqlxError| StoreError::Unavailable(error.into());
    let options: PgConnectOptions = url.parse().map_err(unavailable)?;
    let connection = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options));
    match connection.await {
        Ok(connection) => connection.map_err(unavailable)?.close().await.map_err(unavailable),
        Err(late) => Err(StoreError::Unavailable(late.into())),
    }
}

fn pool_options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        // Statements carry digests and addresses; they are not for the log.
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

/// A row that could not be turned into a domain value.
pub(crate) fn corrupt(table: &'static str, id: &impl ToString) -> StoreError {
    StoreError::Corrupt { table, id: id.to_string() }
}
