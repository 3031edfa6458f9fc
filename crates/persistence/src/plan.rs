//! How the database would go about a statement that was sent, for tests; and what fills
//! it, so that this matters.

use sea_orm::{ConnectionTrait, Statement, Value};

use crate::error::{Result, StoreError};
use crate::record::Sent;
use crate::store::Store;

impl Store {
    /// The plan of a statement, line by line, with other texts for those of its values
    /// that `rename` gives one for. Empty for what has no plan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn plan(
        &self,
        sent: &Sent,
        rename: impl Fn(&str) -> Option<String> + Send,
    ) -> Result<Vec<String>> {
        let Sent::Statement { statement, .. } = sent else { return Ok(Vec::new()) };
        let has_plan = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
        if !has_plan.iter().any(|word| statement.sql.trim_start().starts_with(word)) {
            return Ok(Vec::new());
        }
        let mut explain = Statement::clone(statement);
        let (word, column) =
            if self.is_sqlite() { ("EXPLAIN QUERY PLAN", 3) } else { ("EXPLAIN", 0) };
        explain.sql = format!("{word} {}", explain.sql);
        for value in explain.values.iter_mut().flat_map(|values| &mut values.0) {
            if let Value::String(Some(text)) = value
                && let Some(other) = rename(text)
            {
                *text = other;
            }
        }
        self.texts_of(explain, column).await
    }

    /// Runs statements of a test.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn execute(&self, sql: &str) -> Result<()> {
        self.autocommit().execute_unprepared(sql).await?;
        Ok(())
    }

    /// The first column of what a query of a test finds, which is text.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let backend = self.autocommit().get_database_backend();
        self.texts_of(Statement::from_string(backend, sql), 0).await
    }

    async fn texts_of(&self, query: Statement, column: usize) -> Result<Vec<String>> {
        let rows = self.read().0.query_all_raw(query).await?;
        let texts = rows.iter().map(|row| row.try_get_by_index(column));
        texts.collect::<std::result::Result<_, _>>().map_err(StoreError::from)
    }
}
