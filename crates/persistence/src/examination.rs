//! What is asked of a database to find out what is wrong with it, and of nothing else: it is
//! opened as it is, and nothing is changed.

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{CustomerId, PortalId};
use gatehouse_domain::time::Timestamp;
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryOrder, QuerySelect, Statement,
};

use crate::entity::session::{Column, Entity};
use crate::error::{Result, StoreError};
use crate::row;
use crate::store::{Queries, corrupt};

/// The newest sessions that are looked at, of all portals together.
const SESSIONS: u64 = 10_000;

/// The program that keeps the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// In this process.
    Sqlite {
        /// Such as `3.50.2`.
        version: String,
        /// Whether the file has a write-ahead log beside it, so that reads wait for no writer.
        is_wal: bool,
    },
    /// A server, or something that speaks as one.
    Postgres {
        /// Such as `15.14 (Debian 15.14-0+deb12u1)`.
        version: String,
        /// The first number of it.
        major: i32,
        /// Connections that gatehouse may have at most: by the server, the database and the role.
        most_connections: i64,
        /// Connections that others have now, of the most that the server takes.
        others_connections: i64,
    },
}

#[derive(FromQueryResult)]
struct PostgresRow {
    version: String,
    number: i32,
    most: i32,
    of_database: i32,
    of_role: i32,
    others: i64,
}

/// `reserved_connections` is there from PostgreSQL 16 on. A limit of -1 is none.
const POSTGRES: &str = "
    SELECT current_setting('server_version') AS version,
           current_setting('server_version_num')::int AS number,
           current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int
             - COALESCE(current_setting('reserved_connections', true)::int, 0) AS most,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database())
             AS of_database,
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
              AND (datname, application_name) IS DISTINCT FROM (current_database(), 'gatehouse'))
             AS others";

#[derive(FromQueryResult)]
struct SqliteRow {
    version: String,
    journal: String,
}

const SQLITE: &str =
    "SELECT sqlite_version() AS version, journal_mode AS journal FROM pragma_journal_mode()";

/// A session, as far as it tells where its customer was.
#[derive(FromQueryResult)]
struct SessionRow {
    portal_id: String,
    customer_id: String,
    client_ip: String,
    ended_at: Option<i64>,
    expires_at: Option<i64>,
}

impl<C: ConnectionTrait> Queries<C> {
    /// The program behind this connection.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn engine(&self) -> Result<Engine> {
        if self.0.get_database_backend() != DbBackend::Postgres {
            let row: SqliteRow = self.one_row(SQLITE).await?;
            return Ok(Engine::Sqlite { version: row.version, is_wal: row.journal == "wal" });
        }
        let row: PostgresRow = self.one_row(POSTGRES).await?;
        let limits = [row.of_database, row.of_role].into_iter().filter(|limit| *limit >= 0);
        let others = row.others;
        let free = i64::from(row.most).saturating_sub(others);
        let most = limits.map(i64::from).fold(free, i64::min);
        Ok(Engine::Postgres {
            version: row.version,
            major: row.number / 10_000,
            most_connections: most,
            others_connections: others,
        })
    }

    async fn one_row<T: FromQueryResult>(&self, sql: &str) -> Result<T> {
        let statement = Statement::from_string(self.0.get_database_backend(), sql);
        let row = self.0.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| StoreError::Internal("a SELECT without a row".into()))?;
        Ok(T::from_query_result(&row, "")?)
    }

    /// From where the customers of the newest 10,000 sessions signed in, oldest first, each with
    /// the portal: those of them that are live at `now` and came with an address. Idle ones
    /// count as live until they are removed.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_clients(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(PortalId, CustomerId, ClientContext)>> {
        let columns = [
            Column::PortalId,
            Column::CustomerId,
            Column::ClientIp,
            Column::EndedAt,
            Column::ExpiresAt,
        ];
        // By the primary key, so that no more rows are read than these. Ids tell the time.
        let rows = Entity::find()
            .select_only()
            .columns(columns)
            .order_by_desc(Column::Id)
            .limit(SESSIONS)
            .into_model::<SessionRow>()
            .all(&self.0)
            .await?;
        let is_live = |row: &SessionRow| {
            row.ended_at.is_none() && row.expires_at.is_none_or(|at| at > now.as_micros())
        };
        let live = rows.into_iter().rev().filter(|row| is_live(row) && !row.client_ip.is_empty());
        live.map(|row| {
            let name = format!("{}/{}", row.portal_id, row.customer_id);
            let decoded = || {
                let client = row::client(&row.client_ip, String::new())?;
                Some((row.portal_id.parse().ok()?, row.customer_id.parse().ok()?, client))
            };
            decoded().ok_or_else(|| corrupt("session", &name))
        })
        .collect()
    }
}
