//! Whether the database is there, and what its clock says.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use tokio::time::timeout;

use crate::error::{Result, StoreError};
use crate::keys::Canary;
use crate::store::Store;

/// For the answer. A database that is slower serves no calls.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What time it is there. None of SQLite, which has the clock of this process.
    pub now: Option<Timestamp>,
    /// Whether it takes no changes, as a standby does.
    pub is_read_only: bool,
    /// Which keys of the ring it knows.
    pub keys: Vec<Canary>,
}

#[derive(FromQueryResult)]
struct Row {
    now: i64,
    is_read_only: bool,
}

impl Store {
    /// Asks it, over a connection that no call uses, for at most 2 s.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::SchemaTooNew`] where a newer program
    /// has changed the schema meanwhile.
    pub async fn condition(&self) -> Result<Condition> {
        match timeout(TIMEOUT, self.ask_condition()).await {
            Ok(condition) => condition,
            Err(late) => Err(StoreError::Unavailable(late.into())),
        }
    }

    async fn ask_condition(&self) -> Result<Condition> {
        let connection = &self.watch().0;
        let backend = connection.get_database_backend();
        self.watch().check_schema().await?;
        let keys = self.watch().key_canaries().await?;
        if backend != DbBackend::Postgres {
            return Ok(Condition { now: None, is_read_only: false, keys });
        }
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now,
                          current_setting('transaction_read_only') = 'on' AS is_read_only";
        let row = connection.query_one_raw(Statement::from_string(backend, sql)).await?;
        let row = row.map(|row| Row::from_query_result(&row, "")).transpose()?;
        let row = row.ok_or_else(|| StoreError::Internal("a SELECT without a row".into()))?;
        let now = Some(Timestamp::from_micros(row.now));
        Ok(Condition { now, is_read_only: row.is_read_only, keys })
    }
}
