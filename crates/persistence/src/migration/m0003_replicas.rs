//! What several servers over one database know of each other and of the key ring,
//! and what a program has to know to run on this schema.

use sea_orm_migration::prelude::*;

use super::schema::{add_column, big, int, null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Whose rows are looked up by a digest.
const DIGESTED: [&str; 6] =
    ["api_key", "session", "sign_in", "invitation", "throttle", "known_source"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(schema_requirement()).await?;
        manager.create_table(server()).await?;
        add_column(manager, "key_canary", null(big("sealing_since_at"))).await?;
        add_column(manager, "key_canary", null(big("retired_at"))).await?;
        // Which of the keys that are there have sealed is not known: all are needed.
        let backfill = "UPDATE key_canary SET sealing_since_at = 0";
        manager.get_connection().execute_unprepared(backfill).await?;
        for table in DIGESTED {
            // Rows that are there, and that an older program adds, have none: which key
            // they are under is not known.
            add_column(manager, table, null(big("digest_key_id"))).await?;
        }
        // Only API keys have no end of their own. The other tables may be large, and their
        // rows are gone within 30 days.
        let backfill = "UPDATE api_key SET digest_key_id = (SELECT key_id FROM key_canary)
                         WHERE (SELECT count(*) FROM key_canary) = 1";
        manager.get_connection().execute_unprepared(backfill).await?;
        Ok(())
    }
}

/// One row: how many steps of the schema a program has to know.
fn schema_requirement() -> TableCreateStatement {
    table("schema_requirement", [int("id"), int("known_steps")], ["id"])
}

/// The servers that run, or did so lately.
fn server() -> TableCreateStatement {
    table("server", [uuid("id"), text("version"), text("key_ids"), big("seen_at")], ["id"])
}
