//! The schema, one step at a time. A step that has been released is never edited.

mod m0001_initial;
mod m0002_whole_contract;
mod schema;

use sea_orm_migration::prelude::*;

/// All steps in their order.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_initial::Migration), Box::new(m0002_whole_contract::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "schema_migration".into_iden()
    }
}
