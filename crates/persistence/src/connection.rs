//! What statements run on: a pool or a transaction, each statement bounded in time.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gatehouse_domain::audit::Event;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::async_trait;
use tokio::time::timeout;

use crate::error::{is_conflict, is_lost_connection};
use crate::fault::Faults;
use crate::observer::{Observed, Observer, Outcome, StatementKind};

/// For one statement of PostgreSQL, lock waits included: the server ends it.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// For its answer. A server that is frozen or cut off ends nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Tries of a statement that is a transaction by itself, at most.
const TRIES: u32 = 5;

/// How long a database that has ended a connection, or left a statement without an answer,
/// is not trusted.
const DISTRUST: Duration = Duration::from_mins(1);

/// When a database last ended a connection, or left a statement without an answer. Until
/// some time after that its connections are asked whether they are alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<Instant>>>);

impl Trouble {
    /// Whether that was lately.
    pub(crate) fn is_recent(&self) -> bool {
        self.last().is_some_and(|last| last.elapsed() < DISTRUST)
    }

    fn note(&self) {
        *self.last() = Some(Instant::now());
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        // A time; nothing panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool or a transaction, whose statements end in time whatever the database does.
#[derive(Debug)]
pub struct Connection<C> {
    inner: C,
    /// Each statement is a transaction by itself.
    is_autocommit: bool,
    /// SQLite's statements wait for nobody but its own writers, who queue before.
    is_limited: AtomicBool,
    trouble: Trouble,
    faults: Faults,
    observer: Observer,
    /// What this transaction has recorded, for its observer, once it has committed.
    recorded: Mutex<Vec<Event>>,
}

impl<C: ConnectionTrait> Connection<C> {
    fn new(
        inner: C,
        is_autocommit: bool,
        trouble: Trouble,
        faults: Faults,
        observer: Observer,
    ) -> Self {
        let is_limited = AtomicBool::new(inner.get_database_backend() == DbBackend::Postgres);
        let recorded = Mutex::default();
        Self { inner, is_autocommit, is_limited, trouble, faults, observer, recorded }
    }

    /// What sea-orm's migrator asks for.
    pub(crate) const fn inner(&self) -> &C {
        &self.inner
    }

    #[cfg(feature = "fault-injection")]
    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Runs a read. By itself it is as good on another connection, where the one that was
    /// taken from the pool has been ended by the database.
    async fn read<T, F>(
        &self,
        kind: StatementKind,
        statement: impl Fn() -> F + Send + Sync,
    ) -> Result<T, DbErr>
    where
        T: Send,
        F: Future<Output = Result<T, DbErr>> + Send,
    {
        match self.run(kind, &statement).await {
            Err(error) if self.is_autocommit && is_lost_connection(&error) => {
                self.run(kind, statement).await
            }
            result => result,
        }
    }

    /// Runs a statement; a few times where it is a transaction by itself that collided
    /// with another, as even a read does on a serializable database. It holds nothing
    /// that others wait for, so that it need not wait either.
    async fn run<T, F>(
        &self,
        kind: StatementKind,
        statement: impl Fn() -> F + Send + Sync,
    ) -> Result<T, DbErr>
    where
        T: Send,
        F: Future<Output = Result<T, DbErr>> + Send,
    {
        if self.is_autocommit {
            for _ in 1..TRIES {
                match self.run_once(kind, statement()).await {
                    Err(error) if is_conflict(&error) => {}
                    result => return result,
                }
            }
        }
        self.run_once(kind, statement()).await
    }

    /// Runs a statement once, whose answer may come late or never.
    pub(crate) async fn run_once<T>(
        &self,
        kind: StatementKind,
        statement: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        let is_limited = self.is_limited.load(Ordering::Relaxed);
        let answer = self.faults.interfere(answer(statement, is_limited, &self.trouble));
        timed(&self.observer, kind, answer).await
    }
}

impl Connection<DatabaseConnection> {
    pub(crate) fn of_pool(
        pool: DatabaseConnection,
        trouble: Trouble,
        faults: Faults,
        observer: Observer,
    ) -> Self {
        Self::new(pool, true, trouble, faults, observer)
    }

    pub(crate) async fn begin(
        &self,
        options: TransactionOptions,
    ) -> Result<Connection<DatabaseTransaction>, DbErr> {
        self.faults.before_transaction().await;
        let begun = match self.begin_once(options).await {
            // Nothing has been done in it.
            Err(error) if is_lost_connection(&error) => self.begin_once(options).await,
            begun => begun,
        };
        let tx = begun?;
        let (trouble, faults) = (self.trouble.clone(), self.faults.note_begin());
        Ok(Connection::new(tx, false, trouble, faults, self.observer.clone()))
    }

    async fn begin_once(&self, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
        // In a task of its own: where its answer comes too late, it is still taken, and the
        // transaction ended. Left to itself its connection would stay in one.
        let pool = self.inner.clone();
        let begin = tokio::spawn(async move { pool.begin_with_options(options).await });
        let answer = async { begin.await.unwrap_or_else(|_| Err(no_answer())) };
        self.run_once(StatementKind::Begin, answer).await
    }
}

impl Connection<DatabaseTransaction> {
    /// Lets the statements of this transaction take as long as they need.
    pub(crate) async fn lift_limit(&self) -> Result<(), DbErr> {
        if self.is_limited.load(Ordering::Relaxed) {
            self.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
            self.is_limited.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, is_limited, trouble, faults, observer, recorded, .. } = self;
        let commit = answer(inner.commit(), is_limited.into_inner(), &trouble);
        timed(&observer, StatementKind::Commit, faults.interfere(commit)).await?;
        faults.note_commit();
        for event in recorded.into_inner().unwrap_or_else(PoisonError::into_inner) {
            observer.tell(Observed::Committed(&event));
        }
        Ok(())
    }

    /// Keeps an event for the observer, which hears of it once it has happened.
    pub(crate) fn note_event(&self, event: &Event) {
        if self.observer.is_there() {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            recorded.push(event.clone());
        }
    }
}

/// The answer to a statement, whose time `observer` is told.
async fn timed<T>(
    observer: &Observer,
    kind: StatementKind,
    answer: impl Future<Output = Result<T, DbErr>> + Send,
) -> Result<T, DbErr> {
    if !observer.is_there() {
        return answer.await;
    }
    let start = Instant::now();
    let answer = answer.await;
    let outcome = answer.as_ref().map_or_else(Outcome::of, |_| Outcome::Done);
    observer.tell(Observed::Statement { kind, took: start.elapsed(), outcome });
    answer
}

/// The answer to a statement; that there is none, where the time for it is limited.
async fn answer<T>(
    statement: impl Future<Output = Result<T, DbErr>> + Send,
    is_limited: bool,
    trouble: &Trouble,
) -> Result<T, DbErr> {
    // Given up, it gives its connection back, which is asked only where trouble is known.
    let mut statement = pin!(statement);
    let (answer, is_missing) = if is_limited {
        match timeout(ANSWER_TIMEOUT, &mut statement).await {
            Ok(answer) => (answer, false),
            Err(_) => (Err(no_answer()), true),
        }
    } else {
        (statement.await, false)
    };
    if is_missing || answer.as_ref().is_err_and(is_lost_connection) {
        trouble.note();
    }
    answer
}

fn no_answer() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the database does not answer".to_owned()))
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Connection<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let done =
            self.run(StatementKind::Write, || self.inner.execute_raw(statement.clone())).await?;
        self.faults.note(&statement, done.rows_affected());
        Ok(done)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = self.run(StatementKind::Write, || self.inner.execute_unprepared(sql)).await?;
        let statement = Statement::from_string(self.get_database_backend(), sql);
        self.faults.note(&statement, done.rows_affected());
        Ok(done)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let kind = StatementKind::of(&statement.sql);
        let query = || self.inner.query_one_raw(statement.clone());
        let row = self.read(kind, query).await?;
        self.faults.note(&statement, row.iter().count() as u64);
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let kind = StatementKind::of(&statement.sql);
        let query = || self.inner.query_all_raw(statement.clone());
        let rows = self.read(kind, query).await?;
        self.faults.note(&statement, rows.len() as u64);
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Notes, as it is dropped, whether trouble was known by then.
    struct Dropped<'a>(&'a Trouble, &'a AtomicBool);

    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.1.store(self.0.is_recent(), Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_an_answer_goes_back_when_the_trouble_is_known() {
        let (trouble, was_known) = (Trouble::default(), AtomicBool::new(false));
        let statement = async {
            let _connection = Dropped(&trouble, &was_known);
            pending::<Result<(), DbErr>>().await
        };
        answer(statement, true, &trouble).await.unwrap_err();
        assert!(was_known.into_inner());
    }
}
