//! Whether the database is there, and what its clock says.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::KeyId;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use tokio::time::timeout;

use crate::error::{Result, StoreError};
use crate::store::Store;

/// For the answer. A database that is slower serves no calls.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the database says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What time it is there. None of SQLite, which has the clock of this process.
    pub now: Option<Timestamp>,
    /// Whether it takes no changes, as a standby does.
    pub is_read_only: bool,
    /// Whether the key that was asked about has been retired.
    pub is_key_retired: bool,
}

#[derive(FromQueryResult)]
struct Row {
    now: i64,
    is_read_only: bool,
}

impl Store {
    /// Asks it, over a connection that no call uses, for at most 2 s; also about a key
    /// of the ring.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::SchemaTooNew`] where a newer program
    /// has changed the schema meanwhile.
    pub async fn condition(&self, key: KeyId) -> Result<Condition> {
        match timeout(TIMEOUT, self.ask_condition(key)).await {
            Ok(condition) => condition,
            Err(late) => Err(StoreError::Unavailable(late.into())),
        }
    }

    async fn ask_condition(&self, key: KeyId) -> Result<Condition> {
        let connection = &self.watch().0;
        let backend = connection.get_database_backend();
        self.watch().check_schema().await?;
        let is_key_retired = self.watch().is_retired(key).await?;
        if backend != DbBackend::Postgres {
            return Ok(Condition { now: None, is_read_only: false, is_key_retired });
        }
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now,
                          current_setting('transaction_read_only') = 'on' AS is_read_only";
        let row = connection.query_one_raw(Statement::from_string(backend, sql)).await?;
        let row = row.map(|row| Row::from_query_result(&row, "")).transpose()?;
        let row = row.ok_or_else(|| StoreError::Internal("a SELECT without a row".into()))?;
        let now = Some(Timestamp::from_micros(row.now));
        Ok(Condition { now, is_read_only: row.is_read_only, is_key_retired })
    }
}
