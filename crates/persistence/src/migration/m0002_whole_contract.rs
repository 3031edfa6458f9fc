//! Invitations, the numbers of audit events, and what removes expired rows.

use sea_orm_migration::prelude::*;

use super::schema::{
    CUSTOMER_COLUMNS, add_column, big, bytes, customer_table, index, null, table, text, unique,
    uuid,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(invitation()).await?;
        manager.create_table(lease()).await?;

        // Written by the sequencer, after the event.
        add_column(manager, "audit_event", null(big("number"))).await?;
        add_column(manager, "audit_event", null(bytes("chain_digest"))).await?;
        // The absolute limit as a time, by which rows are found that can go. Of those
        // that an older program adds it is not known, and they stay.
        add_column(manager, "session", null(big("expires_at"))).await?;
        let backfill = "UPDATE session SET expires_at = created_at + absolute_limit";
        manager.get_connection().execute_unprepared(backfill).await?;

        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn invitation() -> TableCreateStatement {
    let columns = [uuid("id"), bytes("token_digest"), big("created_at"), big("expires_at")];
    customer_table("invitation", columns, ["id"])
}

/// Who does what only one process at a time should.
fn lease() -> TableCreateStatement {
    table("lease", [text("name"), uuid("holder"), big("expires_at")], ["name"])
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        unique("invitation_token", "invitation", &["token_digest"]),
        index("invitation_customer", "invitation", &CUSTOMER_COLUMNS),
        unique("audit_event_number", "audit_event", &["number"]),
        unnumbered_events(),
        index("audit_event_portal", "audit_event", &["portal_id", "id"]),
        index("audit_event_customer", "audit_event", &["portal_id", "customer_id", "id"]),
        index("audit_event_api_key", "audit_event", &["api_key_id", "id"]),
        index("session_portal", "session", &["portal_id", "id"]),
        index("session_expiry", "session", &["expires_at"]),
        index("sign_in_expiry", "sign_in", &["expires_at"]),
        index("enrollment_expiry", "enrollment", &["expires_at"]),
        index("invitation_expiry", "invitation", &["expires_at"]),
        index("throttle_expiry", "throttle", &["expires_at"]),
        index("known_source_expiry", "known_source", &["expires_at"]),
    ]
}

/// Finds the few events that have no number yet among all there are.
fn unnumbered_events() -> IndexCreateStatement {
    let unnumbered = Expr::col("number").is_null();
    index("audit_event_unnumbered", "audit_event", &["id"]).and_where(unnumbered).take()
}
