//! The schema, one step at a time. A step that has been released is never edited.

mod m0001_initial;

use sea_orm_migration::prelude::*;

/// All steps in their order.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_initial::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "schema_migration".into_iden()
    }
}
