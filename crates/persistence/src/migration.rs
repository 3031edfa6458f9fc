//! The schema, one step at a time. A step that has been released is never edited.
//!
//! Expand, then contract: a step that a program of the version before can run on, as
//! it adds what that one does not look at, leaves [`REQUIRED_STEPS`] as it is. What
//! such a program still needs is taken away one version later, in a step that raises it.

mod m0001_initial;
mod m0002_whole_contract;
mod m0003_replicas;
mod m0004_pages;
mod m0005_foreign_hashes;
mod m0006_keyed_chain;
mod schema;

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, IntoDatabaseExecutor, Set};
use sea_orm_migration::prelude::*;

use crate::connection::Connection;
use crate::entity::schema_requirement as requirement;
use crate::error::{Result, StoreError};
use crate::observer::StatementKind;
use crate::store::{Queries, Store, Tx};

/// Where the steps that were taken are noted.
const STEPS_TABLE: &str = "schema_migration";
/// How long a step waits for a table, while whoever else wants it waits for the step.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '3s'";
/// Tries to get all tables that a step changes, at most.
const TRIES: u32 = 20;
/// Serializes migrations of replicas that start at once. Any fixed number serves.
const MIGRATION_LOCK: i64 = 0x6761_7465_686f_7573;

/// How many steps a program has to know, from the first on, to run on the schema
/// after the last one.
const REQUIRED_STEPS: i32 = 2;

/// All steps in their order.
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_initial::Migration),
            Box::new(m0002_whole_contract::Migration),
            Box::new(m0003_replicas::Migration),
            Box::new(m0004_pages::Migration),
            Box::new(m0005_foreign_hashes::Migration),
            Box::new(m0006_keyed_chain::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        STEPS_TABLE.into_iden()
    }
}

/// How a database stands to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// It has every step, and no other.
    UpToDate,
    /// It lacks these steps, which [`Store::migrate`] takes.
    Behind(Vec<String>),
    /// A newer program has taken steps that this one can run on.
    Ahead,
}

impl Store {
    /// Brings the schema up to date; leaves one alone that is ahead. Safe to run in
    /// several processes at once, beside servers that serve, and to be killed at any
    /// time.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] if this program is too old for the database.
    /// [`StoreError::Conflict`] if the tables are not to be had for a minute.
    pub async fn migrate(&self) -> Result<()> {
        for _ in 1..TRIES {
            match self.try_migrate().await {
                Err(StoreError::Conflict(_)) => {}
                result => return result,
            }
        }
        self.try_migrate().await
    }

    async fn try_migrate(&self) -> Result<()> {
        let tx = self.begin().await?;
        tx.lift_statement_limit().await?;
        tx.lock_schema().await?;
        // Asked again under the lock: another may have just migrated.
        if let SchemaState::Behind(_) = state(&tx).await? {
            Migrator::up(tx.0.inner(), None).await?;
            tx.require_steps(REQUIRED_STEPS).await?;
        }
        tx.commit().await
    }

    /// How the database stands to this program. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`].
    pub async fn schema_state(&self) -> Result<SchemaState> {
        state(self.read()).await
    }
}

impl<C: ConnectionTrait> Queries<C> {
    /// Whether this program may go on, where a newer one may have migrated since it
    /// started.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`].
    pub(crate) async fn check_schema(&self) -> Result<()> {
        let required = requirement::Entity::find().one(&self.0).await?;
        check(required.map_or(0, |row| row.known_steps))
    }
}

impl Tx {
    async fn lock_schema(&self) -> Result<()> {
        // On SQLite nobody else writes while this transaction lasts.
        if self.0.get_database_backend() == DbBackend::Postgres {
            // What another has done while this one waited for the lock is to be seen.
            let isolation = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
            self.0.execute_unprepared(isolation).await?;
            let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
            self.0.execute_unprepared(&lock).await?;
            // From here on: another migration may take as long as it needs.
            self.0.execute_unprepared(LOCK_TIMEOUT).await?;
        }
        Ok(())
    }

    async fn require_steps(&self, known_steps: i32) -> Result<()> {
        let row = requirement::ActiveModel { id: Set(1), known_steps: Set(known_steps) };
        let overwrite = OnConflict::column(requirement::Column::Id)
            .update_column(requirement::Column::KnownSteps)
            .to_owned();
        requirement::Entity::insert(row)
            .on_conflict(overwrite)
            .exec_without_returning(&self.0)
            .await?;
        Ok(())
    }
}

async fn state<C>(queries: &Queries<Connection<C>>) -> Result<SchemaState>
where
    C: ConnectionTrait,
    for<'c> &'c C: IntoDatabaseExecutor<'c>,
{
    let applied = applied_steps(&queries.0).await?;
    let known = Migrator::migrations();
    let known: Vec<_> = known.iter().map(|step| step.name()).collect();
    let missing = known.iter().filter(|step| !applied.iter().any(|other| other == *step));
    let missing: Vec<_> = missing.map(|step| (*step).to_owned()).collect();
    if applied.iter().all(|step| known.contains(&step.as_str())) {
        return Ok(if missing.is_empty() {
            SchemaState::UpToDate
        } else {
            SchemaState::Behind(missing)
        });
    }
    let required = requirement::Entity::find().one(&queries.0).await?;
    check(required.map_or(i32::MAX, |row| row.known_steps))?;
    if missing.is_empty() {
        Ok(SchemaState::Ahead)
    } else {
        // Two programs that each took a step which the other does not know.
        Err(StoreError::SchemaTooNew)
    }
}

/// Whether there is such a table yet.
pub(crate) async fn has_table<C>(connection: &Connection<C>, name: &str) -> Result<bool>
where
    C: ConnectionTrait,
    for<'c> &'c C: IntoDatabaseExecutor<'c>,
{
    let schema = SchemaManager::new(connection.inner());
    Ok(connection.run_once(StatementKind::Read, schema.has_table(name)).await?)
}

async fn applied_steps<C>(connection: &Connection<C>) -> Result<Vec<String>>
where
    C: ConnectionTrait,
    for<'c> &'c C: IntoDatabaseExecutor<'c>,
{
    if !has_table(connection, STEPS_TABLE).await? {
        return Ok(Vec::new());
    }
    let names = Query::select().column("version").from(STEPS_TABLE).take();
    let rows = connection.query_all(&names).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<_, _>>()?)
}

fn check(required_steps: i32) -> Result<()> {
    let known = Migrator::migrations().len().try_into().unwrap_or(i32::MAX);
    if required_steps <= known { Ok(()) } else { Err(StoreError::SchemaTooNew) }
}
