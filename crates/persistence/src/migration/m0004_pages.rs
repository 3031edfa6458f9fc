//! Indexes in the orders that pages are read in, so that none walks through what it does
//! not show, on SQLite either.

use sea_orm_migration::prelude::*;

use super::schema::{index, unique};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// What the new ones take the place of.
const REPLACED: [(&str, &str); 3] = [
    ("customer_email", "customer"),
    ("session_customer", "session"),
    ("audit_event_number", "audit_event"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in indexes() {
            manager.create_index(index).await?;
        }
        for (name, table) in REPLACED {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn indexes() -> Vec<IndexCreateStatement> {
    let page = ["portal_id", "id"];
    vec![
        // An address is looked for in one portal, and in all.
        unique("customer_address", "customer", &["email", "portal_id"]),
        index("customer_suspended", "customer", &page)
            .and_where(Expr::col("suspended_at").is_not_null())
            .take(),
        index("customer_failures", "customer", &page)
            .and_where(Expr::col("code_failures").gt(0))
            .take(),
        index("session_page", "session", &["portal_id", "customer_id", "id"]),
        // Without those that have none: SQLite would look for them here, and sort them.
        unique("audit_event_chain", "audit_event", &["number"])
            .and_where(Expr::col("number").is_not_null())
            .take(),
    ]
}
