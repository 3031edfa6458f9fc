//! Which customers have a password hash of another system, the dearest of a portal first:
//! whether a portal has one, and of which cost, is one look into the index.

use sea_orm_migration::prelude::*;

use super::schema::{add_column, big, index, null};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, "customer", null(big("foreign_hash_micros"))).await?;
        let dearest = index("customer_foreign", "customer", &["portal_id", "foreign_hash_micros"])
            .and_where(Expr::col("foreign_hash_micros").is_not_null())
            .take();
        manager.create_index(dearest).await
    }
}
