//! What statements run on: a pool or a transaction, each statement bounded in time.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::async_trait;
use tokio::time::timeout;

use crate::fault::Faults;

/// For one statement of PostgreSQL, lock waits included: the server ends it.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// For its answer. A server that is frozen or cut off ends nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// A pool or a transaction, whose statements end in time whatever the database does.
#[derive(Debug)]
pub struct Connection<C> {
    inner: C,
    /// SQLite's statements wait for nobody but its own writers, who queue before.
    is_limited: AtomicBool,
    faults: Faults,
}

impl<C: ConnectionTrait> Connection<C> {
    pub(crate) fn new(inner: C, faults: Faults) -> Self {
        let is_limited = AtomicBool::new(inner.get_database_backend() == DbBackend::Postgres);
        Self { inner, is_limited, faults }
    }

    /// What sea-orm's migrator asks for.
    pub(crate) const fn inner(&self) -> &C {
        &self.inner
    }

    #[cfg(feature = "fault-injection")]
    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    async fn run<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        let answer = async {
            if self.is_limited.load(Ordering::Relaxed) {
                timeout(ANSWER_TIMEOUT, statement).await.unwrap_or_else(|_| Err(no_answer()))
            } else {
                statement.await
            }
        };
        self.faults.interfere(answer).await
    }
}

impl Connection<DatabaseConnection> {
    pub(crate) async fn begin(
        &self,
        options: TransactionOptions,
    ) -> Result<Connection<DatabaseTransaction>, DbErr> {
        let tx = self.run(self.inner.begin_with_options(options)).await?;
        Ok(Connection::new(tx, self.faults.clone()))
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
        let Self { inner, is_limited, faults } = self;
        let commit = inner.commit();
        let answer = async {
            if is_limited.into_inner() {
                timeout(ANSWER_TIMEOUT, commit).await.unwrap_or_else(|_| Err(no_answer()))
            } else {
                commit.await
            }
        };
        faults.interfere(answer).await
    }
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
        self.run(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(self.inner.query_all_raw(statement)).await
    }
}
