//! Tables as they are when there are many customers.

use gatehouse_persistence::Store;

use gatehouse_tests::Database;

/// How many customers the portals have, and of each thing that grows with them as many.
pub const PORTALS: [(&str, usize); 2] = [(LARGEST, 20_000), ("other", 2_000)];

/// The portal that has most of them, which is that of most calls.
pub const LARGEST: &str = "shared";

/// A moment, which the clocks of tests begin at.
const START: i64 = 1_800_000_000_000_000;

/// What is inserted for the `i`-th customer of a portal: a table, its columns, their
/// values. What begins with `$` is replaced, by what the database at hand
/// has for it.
const ROWS: [(&str, &str, &str); 10] = [
    (
        "customer",
        "portal_id, id, email, display_name, suspended_at, generation, password_hash, \
         password_revision, code_charges, code_failures, code_locked_until, created_at, \
         updated_at, revision",
        "$portal, $customer, $customer || '@example.com', 'C', \
         CASE WHEN i % 500 = 0 THEN $at END, 1, $bytes, 1, 0, \
         CASE WHEN i % 500 = 0 THEN 10 ELSE 0 END, CASE WHEN i % 500 = 1 THEN $at END, $at, $at, 1",
    ),
    (
        "factor",
        "portal_id, customer_id, id, secret, algorithm, digits, period_seconds, accepted_step, \
         enabled_at",
        "$portal, $customer, $uuid, $bytes, 'SHA1', 6, 30, 0, $at",
    ),
    (
        "enrollment",
        "portal_id, customer_id, id, sign_in_id, secret, algorithm, digits, period_seconds, \
         charges, failures, created_at, expires_at",
        "$portal, $customer, $uuid, $uuid, $bytes, 'SHA1', \
         6, 30, 0, 0, $at, $at + 900000000",
    ),
    (
        "backup_code",
        "portal_id, customer_id, slot, set_id, digest, created_at",
        "$portal, $customer, 1, $uuid, $bytes, $at",
    ),
    (
        "sign_in",
        "portal_id, customer_id, id, token_digest, digest_key_id, client_ip, client_user_agent, \
         proven_at, expires_at, ended_at",
        "$portal, $customer, $uuid, $bytes, 1, '', '', $at, \
         $at + 300000000, CASE WHEN i % 2 = 0 THEN $at END",
    ),
    (
        "session",
        "portal_id, customer_id, id, token_digest, digest_key_id, client_ip, client_user_agent, \
         created_at, last_used_at, authenticated_at, idle_limit, absolute_limit, ended_at, \
         end_reason, expires_at",
        "$portal, $customer, $uuid, $bytes, 1, '', '', $at, $at, $at, \
         1800000000, 43200000000, CASE WHEN i % 2 = 0 THEN $at END, \
         CASE WHEN i % 2 = 0 THEN 'signed_out' END, $at + 43200000000",
    ),
    (
        "invitation",
        "portal_id, customer_id, id, token_digest, digest_key_id, created_at, expires_at",
        "$portal, $customer, $uuid, $bytes, 1, $at, $at + 86400000000",
    ),
    (
        "throttle",
        "key, digest_key_id, window_number, previous, current, charged_at, expires_at",
        "$bytes, 1, 1, 0, 1, $at, $at + 1800000000",
    ),
    ("known_source", "key, digest_key_id, expires_at", "$bytes, 1, $at + 2592000000000"),
    (
        "audit_event",
        "id, event_at, kind, portal_id, customer_id, session_id, api_key_id, \
         api_key_display_name, claimed_actor, caller_address, request_id, client_ip, \
         client_user_agent, attributes, number, chain_digest",
        "$uuid, $at, CASE i % 20 WHEN 0 THEN 'sign_in.failed' WHEN 1 THEN \
         'password.changed' ELSE 'sign_in.succeeded' END, $portal, $customer, $uuid, \
         $key, 'key', '', '', '', '', '', '{}', $number, $bytes",
    ),
];

/// What stands for what, on each database. Ids tell their time, by which PostgreSQL
/// estimates; SQLite does not look.
const ON_POSTGRES: [(&str, &str); 3] = [
    ("$uuid", "(lpad(to_hex($at / 1000), 12, '0') || substr(md5(random()::text), 1, 20))::uuid"),
    ("$bytes", "sha256(random()::text::bytea)"),
    ("$key", "md5('key' || i % 3)::uuid"),
];
const ON_SQLITE: [(&str, &str); 3] = [
    ("$uuid", "randomblob(16)"),
    ("$bytes", "randomblob(32)"),
    ("$key", "CAST(printf('key%013d', i % 3) AS BLOB)"),
];

/// Fills the tables of the portals, which are there.
pub async fn fill(store: &Store, database: Database) {
    let mut before = 1_000_000;
    for (portal, customers) in PORTALS {
        for (table, columns, values) in ROWS {
            let values = match database {
                Database::Postgres => replaced(values, ON_POSTGRES),
                Database::Sqlite => replaced(values, ON_SQLITE),
            };
            let values = values
                .replace("$portal", &format!("'{portal}'"))
                .replace("$customer", "('c' || i)")
                .replace("$number", &format!("i + {before}"))
                // The minutes of two days.
                .replace("$at", &format!("({START} + (i % 2880) * CAST(60000000 AS bigint))"));
            let numbers = "SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <";
            let sql = format!(
                "WITH RECURSIVE n(i) AS ({numbers} {customers})
                 INSERT INTO {table} ({columns}) SELECT {values} FROM n"
            );
            store.execute(&sql).await.unwrap();
        }
        before += customers;
    }
    // As autovacuum does. Nobody does that on SQLite.
    if matches!(database, Database::Postgres) {
        store.execute("ANALYZE").await.unwrap();
    }
}

fn replaced(values: &str, by: [(&str, &str); 3]) -> String {
    by.iter().fold(values.to_owned(), |values, (what, by)| values.replace(what, by))
}
