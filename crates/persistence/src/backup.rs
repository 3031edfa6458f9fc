//! A copy of the whole database.

use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::error::{Result, StoreError};
use crate::store::Store;

impl Store {
    /// Copies an SQLite database, as it is at one moment, into the empty file at
    /// `path`. Calls go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the copy cannot be written;
    /// [`StoreError::Internal`] for a path that is not UTF-8, and for PostgreSQL, which
    /// has pg_dump.
    pub async fn copy_to(&self, path: &Path) -> Result<()> {
        if !self.is_sqlite() {
            return Err(StoreError::Internal("PostgreSQL is backed up with pg_dump".into()));
        }
        let path = path.to_str().ok_or_else(|| StoreError::Internal("not UTF-8".into()))?;
        let copy =
            Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
        self.read().0.execute_raw(copy).await?;
        Ok(())
    }
}
