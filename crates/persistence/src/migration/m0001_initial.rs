//! The first schema.
//!
//! Times are microseconds since the epoch in 64-bit integers on every database.
//! A customer is always named with its portal, so no row of one portal can be
//! reached through another; deleting a portal or customer takes all of theirs along.

use sea_orm_migration::prelude::*;

use super::schema::{
    CUSTOMER_COLUMNS, big, bytes, column, customer_table, index, int, null, table, text, unique,
    uuid,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            portal(),
            customer(),
            factor(),
            enrollment(),
            backup_code(),
            sign_in(),
            session(),
            api_key(),
            throttle(),
            known_source(),
            audit_event(),
            key_canary(),
        ] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn portal() -> TableCreateStatement {
    let columns = [
        text("id"),
        text("display_name"),
        column("mfa_enforced", ColumnType::Boolean),
        null(big("mfa_enforced_from_at")),
        null(text("issuer")),
        null(int("totp_skew_steps")),
        null(text("saml_idp_entity_id")),
        null(text("saml_sso_url")),
        null(text("saml_idp_certificate")),
        null(int("password_min_length")),
        null(int("lockout_max_failures")),
        null(big("lockout_duration")),
        null(big("session_idle_timeout")),
        null(big("session_max_lifetime")),
        null(big("reauthentication_window")),
        big("created_at"),
        big("updated_at"),
        big("revision"),
    ];
    table("portal", columns, ["id"])
}

fn customer() -> TableCreateStatement {
    let columns = [
        text("portal_id"),
        text("id"),
        text("email"),
        text("display_name"),
        null(big("suspended_at")),
        big("generation"),
        null(bytes("password_hash")),
        big("password_revision"),
        int("code_charges"),
        int("code_failures"),
        null(big("code_charged_at")),
        null(big("code_locked_until")),
        null(big("last_sign_in_at")),
        big("created_at"),
        big("updated_at"),
        big("revision"),
    ];
    let mut table = table("customer", columns, ["portal_id", "id"]);
    let mut owner = ForeignKey::create();
    owner.from("customer", "portal_id").to("portal", "id").on_delete(ForeignKeyAction::Cascade);
    table.foreign_key(&mut owner);
    table
}

fn factor() -> TableCreateStatement {
    let columns = [
        uuid("id"),
        bytes("secret"),
        text("algorithm"),
        int("digits"),
        int("period_seconds"),
        big("accepted_step"),
        big("enabled_at"),
        null(big("last_used_at")),
        null(uuid("enabled_by_sign_in_id")),
        null(uuid("enabled_by_session_id")),
    ];
    // The key of its customer: at most one factor in force.
    customer_table("factor", columns, CUSTOMER_COLUMNS)
}

fn enrollment() -> TableCreateStatement {
    let columns = [
        uuid("id"),
        null(uuid("sign_in_id")),
        null(uuid("session_id")),
        bytes("secret"),
        text("algorithm"),
        int("digits"),
        int("period_seconds"),
        int("charges"),
        int("failures"),
        null(big("charged_at")),
        null(big("verified_step")),
        big("created_at"),
        big("expires_at"),
    ];
    customer_table("enrollment", columns, ["id"])
}

fn backup_code() -> TableCreateStatement {
    let columns =
        [int("slot"), uuid("set_id"), bytes("digest"), big("created_at"), null(big("used_at"))];
    customer_table("backup_code", columns, ["portal_id", "customer_id", "slot"])
}

fn sign_in() -> TableCreateStatement {
    let columns = [
        uuid("id"),
        bytes("token_digest"),
        null(uuid("enabled_factor_id")),
        text("client_ip"),
        text("client_user_agent"),
        big("proven_at"),
        big("expires_at"),
        null(big("ended_at")),
    ];
    customer_table("sign_in", columns, ["id"])
}

fn session() -> TableCreateStatement {
    let columns = [
        uuid("id"),
        bytes("token_digest"),
        text("client_ip"),
        text("client_user_agent"),
        big("created_at"),
        big("last_used_at"),
        big("authenticated_at"),
        null(big("second_factor_at")),
        big("idle_limit"),
        big("absolute_limit"),
        null(big("ended_at")),
        null(text("end_reason")),
    ];
    customer_table("session", columns, ["id"])
}

fn api_key() -> TableCreateStatement {
    let columns = [
        uuid("id"),
        bytes("digest"),
        text("display_name"),
        null(text("admin_role")),
        null(text("admin_portals")),
        null(text("portal_id")),
        null(text("portal_access")),
        big("created_at"),
        null(big("expires_at")),
        null(big("last_used_at")),
        null(big("revoked_at")),
    ];
    table("api_key", columns, ["id"])
}

fn throttle() -> TableCreateStatement {
    let columns = [
        bytes("key"),
        big("window_number"),
        int("previous"),
        int("current"),
        null(big("charged_at")),
        big("expires_at"),
    ];
    table("throttle", columns, ["key"])
}

fn known_source() -> TableCreateStatement {
    table("known_source", [bytes("key"), big("expires_at")], ["key"])
}

fn audit_event() -> TableCreateStatement {
    let columns = [
        uuid("id"),
        big("event_at"),
        text("kind"),
        null(text("portal_id")),
        null(text("customer_id")),
        null(uuid("session_id")),
        null(uuid("api_key_id")),
        text("api_key_display_name"),
        text("claimed_actor"),
        text("caller_address"),
        text("request_id"),
        text("client_ip"),
        text("client_user_agent"),
        null(text("reason")),
        text("attributes"),
    ];
    table("audit_event", columns, ["id"])
}

fn key_canary() -> TableCreateStatement {
    table("key_canary", [big("key_id"), bytes("sealed")], ["key_id"])
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        unique("customer_email", "customer", &["portal_id", "email"]),
        // One enrollment for each owner: starting again replaces it.
        unique("enrollment_sign_in", "enrollment", &["sign_in_id"]),
        unique("enrollment_session", "enrollment", &["session_id"]),
        index("enrollment_customer", "enrollment", &CUSTOMER_COLUMNS),
        unique("sign_in_token", "sign_in", &["token_digest"]),
        index("sign_in_customer", "sign_in", &CUSTOMER_COLUMNS),
        unique("session_token", "session", &["token_digest"]),
        index("session_customer", "session", &CUSTOMER_COLUMNS),
        unique("api_key_digest", "api_key", &["digest"]),
    ]
}
