//! A row that no version of gatehouse writes is an error that names it, never a
//! panic and never half a value.

use std::fmt::Debug;

use gatehouse_domain::api_key::{
    AdminGrant, AdminRole, Grant, PortalAccess, PortalGrant, PortalScope,
};
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::throttle::ADDRESS;
use gatehouse_persistence::{AuditEventFilter, CustomerFilter, StoreError};

use crate::support::TestDatabase;
use crate::support::example::{
    NOW, ana, api_key, api_key_by, audit_event, backup_code_set, commit, digest, enrollment,
    factor, insert, portal, session, sign_in, sign_in_id,
};

on_both_databases! {
    portals,
    customers,
    customers_in_lists,
    factors,
    enrollments,
    backup_codes,
    sign_ins,
    sessions,
    admin_keys,
    portal_keys,
    throttles,
    key_canaries,
    audit_events,
}

/// Breaks the only row of `table`, which is `id`, in each of these ways and
/// reads it.
async fn check<T: Debug>(
    database: &TestDatabase,
    (table, id): (&str, &str),
    breaks: &[&str],
    read: impl AsyncFn() -> Result<T, StoreError>,
) {
    read().await.unwrap();
    database.execute(&format!("CREATE TABLE good AS SELECT * FROM {table}")).await;
    for assignments in breaks {
        let broken = database.execute(&format!("UPDATE {table} SET {assignments}")).await;
        assert_eq!(broken, 1, "{assignments}");
        let error = read().await.expect_err(assignments);
        let named = matches!(&error, StoreError::Corrupt { table: named, id: row }
            if *named == table && row == id);
        assert!(named, "{assignments}: {error:?}");
        database.execute(&format!("DELETE FROM {table}")).await;
        database.execute(&format!("INSERT INTO {table} SELECT * FROM good")).await;
    }
    read().await.unwrap();
}

async fn portals(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, async |tx| tx.insert_portal(&portal("acme")).await).await.unwrap();
    let breaks = [
        "saml_sso_url = 'https://idp.example/sso'",
        "saml_idp_entity_id = 'x', saml_idp_certificate = 'x'",
        "totp_skew_steps = -1",
        "password_min_length = 300",
        "lockout_max_failures = 2",
        "lockout_duration = -1",
        "session_idle_timeout = 1",
        "session_max_lifetime = 9223372036854775807",
        "reauthentication_window = 0",
    ];
    let id = ana().portal;
    check(&database, ("portal", "acme"), &breaks, async || store.read().portal(&id).await).await;
}

const CUSTOMER_BREAKS: [&str; 4] =
    ["email = 'Ana@example.com'", "email = 'ana'", "code_charges = -1", "code_failures = -1"];

async fn customers(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let read = async || store.read().customer(&ana()).await;
    check(&database, ("customer", "acme/ana"), &CUSTOMER_BREAKS, read).await;
}

async fn customers_in_lists(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let everybody = CustomerFilter {
        portals: PortalScope::All,
        email: None,
        has_factor: None,
        suspended: None,
        locked: None,
    };
    let read = async || store.read().customers(&everybody, None, 10, NOW).await;
    check(&database, ("customer", "acme/ana"), &CUSTOMER_BREAKS, read).await;
}

async fn factors(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    commit(&store, async |tx| tx.put_factor(&factor(&ana()), vec![1]).await).await.unwrap();
    let breaks = [
        "algorithm = 'MD5'",
        "algorithm = 'sha1'",
        "digits = 5",
        "digits = -1",
        "digits = 262",
        "period_seconds = 0",
        "period_seconds = -30",
        "enabled_by_session_id = NULL",
        "enabled_by_sign_in_id = enabled_by_session_id",
    ];
    let id = factor(&ana()).id.to_string();
    let read = async || store.read().factor(&ana()).await;
    check(&database, ("factor", &id), &breaks, read).await;
}

async fn enrollments(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let owner = Owner::SignIn(sign_in_id(1));
    let pending = enrollment(1, owner);
    commit(&store, async |tx| tx.put_enrollment(&pending, vec![1], NOW).await).await.unwrap();
    let breaks = [
        "algorithm = ''",
        "digits = 9",
        "period_seconds = 301",
        "charges = -1",
        "session_id = sign_in_id",
    ];
    let read = async || store.read().enrollment(owner, NOW).await;
    check(&database, ("enrollment", &pending.id.to_string()), &breaks, read).await;
}

async fn backup_codes(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let set = backup_code_set(1);
    commit(&store, async |tx| tx.put_backup_codes(&ana(), set, vec![vec![1]], NOW).await)
        .await
        .unwrap();
    let read = async || store.read().stored_backup_codes(&ana()).await;
    check(&database, ("backup_code", &set.to_string()), &["slot = -1", "slot = 256"], read).await;
}

async fn sign_ins(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let sign_in = sign_in(&ana(), 1, NOW);
    commit(&store, async |tx| tx.insert_sign_in(&sign_in, &digest(1), None).await).await.unwrap();
    let long = format!("client_user_agent = '{}'", "a".repeat(513));
    let breaks = ["client_ip = 'localhost'", "client_ip = '2001:db8::7/64'", &long];
    let read = async || store.read().sign_in(&ana().portal, &[digest(1)], NOW).await;
    check(&database, ("sign_in", &sign_in.id.to_string()), &breaks, read).await;
}

async fn sessions(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[ana()]).await;
    let session = session(&ana(), 1, NOW);
    commit(&store, async |tx| tx.insert_session(&session, &digest(1)).await).await.unwrap();
    let breaks = [
        "ended_at = 1",
        "end_reason = 'revoked'",
        "ended_at = 1, end_reason = 'Revoked'",
        "idle_limit = -1",
        "absolute_limit = -1",
        "client_ip = '127.0.0.256'",
    ];
    let read = async || store.read().session(&ana().portal, &[digest(1)]).await;
    check(&database, ("session", &session.id.to_string()), &breaks, read).await;
}

async fn admin_keys(database: TestDatabase) {
    let grant = AdminGrant { role: AdminRole::Owner, scope: PortalScope::All };
    let breaks = [
        "admin_role = 'OWNER'",
        "admin_role = NULL",
        "admin_portals = NULL",
        "admin_portals = ''",
        "admin_portals = 'acme,'",
        "admin_portals = 'acme,-'",
        "portal_id = 'acme'",
        "portal_id = 'acme', portal_access = 'full'",
        "admin_role = NULL, admin_portals = NULL",
    ];
    check_key(&database, Grant::Admin(grant), &breaks).await;
}

async fn portal_keys(database: TestDatabase) {
    let grant = PortalGrant { portal: ana().portal, access: PortalAccess::Full };
    let breaks = [
        "portal_id = '-'",
        "portal_id = NULL",
        "portal_access = 'FULL'",
        "portal_access = NULL",
        "admin_role = 'viewer'",
    ];
    check_key(&database, Grant::Portal(grant), &breaks).await;
}

async fn check_key(database: &TestDatabase, grant: Grant, breaks: &[&str]) {
    let store = database.store().await;
    let key = api_key(1, grant);
    commit(&store, async |tx| tx.insert_api_key(&key, &digest(1)).await).await.unwrap();
    let read = async || api_key_by(&store, &[digest(1)]).await;
    check(database, ("api_key", &key.id.to_string()), breaks, read).await;
}

async fn throttles(database: TestDatabase) {
    let store = database.store().await;
    let key = [(digest(1), &ADDRESS)];
    commit(&store, async |tx| {
        let budgets = tx.lock_throttles(&key).await?;
        tx.save_throttles(&budgets).await
    })
    .await
    .unwrap();
    // The key is a digest, and says nothing to anybody.
    let row = ("throttle", "(digest)");
    let read = async || commit(&store, async |tx| tx.lock_throttles(&key).await).await;
    check(&database, row, &["previous = -1", "current = -1"], read).await;
}

async fn key_canaries(database: TestDatabase) {
    let store = database.store().await;
    store.insert_key_canary(1.into(), vec![1]).await.unwrap();
    let read = async || store.read().key_canaries().await;
    check(&database, ("key_canary", "-1"), &["key_id = -1"], read).await;
}

async fn audit_events(database: TestDatabase) {
    let store = database.store().await;
    let event = audit_event(1, NOW);
    commit(&store, async |tx| tx.record(&event).await).await.unwrap();
    let breaks = [
        "kind = ''",
        "kind = 'Portal.created'",
        "portal_id = '-'",
        "customer_id = 'ana'",
        "portal_id = 'acme', session_id = id",
        "api_key_display_name = 'owner'",
        "caller_address = 'localhost'",
        "client_ip = 'x'",
        "attributes = ''",
        "attributes = '{\"paths\":1}'",
    ];
    let read = async || store.read().audit_events(&AuditEventFilter::ALL, None, 10).await;
    check(&database, ("audit_event", &event.id.to_string()), &breaks, read).await;
}
