//! Which key of the ring an event's digest is made under, and where the trail begins once
//! old events have been removed.

use sea_orm_migration::prelude::*;

use super::schema::{add_column, big, bytes, int, null, table};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A program that knows nothing of it numbers without a key.
        add_column(manager, "audit_event", null(big("chain_key_id"))).await?;
        let columns =
            [int("id"), big("number"), bytes("chain_digest"), big("key_id"), bytes("proof")];
        manager.create_table(table("trail_start", columns, ["id"])).await
    }
}
