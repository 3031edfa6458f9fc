//! A PostgreSQL, and what is in its tables.

use std::fs;

use gatehouse_test_postgres::TestPostgres;

use super::Visit;
use crate::readiness::OtherClock;
use crate::support::{Acme, Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_well_is_told_of_as_such() {
    let site = Site::postgres().await;
    site.owner_key();
    let before = site.sql("SELECT count(*) FROM audit_event");
    let visit = Visit::of(&site, &[]);
    for check in ["database", "schema", "connections", "clock", "key ring", "owner key"] {
        visit.is_fine(check);
    }
    visit.tells("database", "ok", ", by PostgreSQL ");
    assert_eq!(site.sql("SELECT count(*) FROM audit_event"), before);

    site.sql("UPDATE key_canary SET sealing_since_at = 0");
    Visit::of(&site, &[]).tells("key ring", "warning", "has sealed for 2");
    site.sql("UPDATE api_key SET revoked_at = 1");
    Visit::of(&site, &[]).tells("owner key", "warning", "nobody can administer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_cannot_be_used_is_told_of_without_its_password() {
    let site = Site::over("postgres://gatehouse:hun%23ter2@127.0.0.1:1/gatehouse".to_owned());
    let visit = Visit::of(&site, &[]);
    visit.tells("database", "error", "at 127.0.0.1:1 cannot be used: ");
    visit.tells("database", "error", "Connection refused");
    assert!(!format!("{visit:?}").contains("ter2"), "{visit:?}");

    // Refused like 127.0.0.1, and not known to be this machine's.
    let clear = Site::over("postgres://gatehouse@0.0.0.0:1/gatehouse".to_owned());
    let visit = Visit::of(&clear, &[]);
    let (_, _, cure) = visit.tells("database", "warning", "may be without TLS");
    assert!(cure.contains("sslmode=verify-full"), "{cure}");
    // Where TLS is asked for, a server without it is refused.
    let url = TestPostgres::create_database().await;
    for mode in ["require", "verify-full"] {
        let visit = Visit::of(&Site::over(format!("{url}&sslmode={mode}")), &[]);
        visit.tells("database", "error", "does not support TLS");
    }

    let site = Site::postgres().await;
    site.owner_key();
    site.set_for_new_connections("default_transaction_read_only", "on");
    Visit::of(&site, &[]).tells("database", "error", "it takes no changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_have_to_be_enough_for_every_server() {
    let site = Site::postgres().await;
    site.owner_key();
    let limit = |most: i32| {
        site.sql(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT {most}', \
             current_database()); END $$"
        ));
    };
    limit(12);
    Visit::of(&site, &[]).tells("connections", "warning", "11 of the 12 that are to be had");
    limit(10);
    let visit = Visit::of(&site, &[]);
    visit.tells("connections", "error", "11 of the 10 that are to be had, for one server");
    limit(50);
    Visit::of(&site, &[]).is_fine("connections");
    site.sql(
        "INSERT INTO server (id, version, key_ids, seen_at)
         SELECT gen_random_uuid(), '0', '00000009',
                (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
         FROM generate_series(1, 5)",
    );
    let fleet = Visit::of(&site, &[]);
    fleet.tells("connections", "error", "55 of the 50 that are to be had, for 5 servers of 11");
    fleet.tells("key ring", "warning", "5 of 5 running servers lack the key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_behind_or_too_new_is_told_of() {
    let site = Site::postgres().await;
    site.owner_key();
    site.sql("DELETE FROM schema_migration WHERE version >= 'm0003'");
    Visit::of(&site, &[]).tells("schema", "warning", "it lacks m0003");
    let site = Site::postgres().await;
    site.owner_key();
    site.sql("INSERT INTO schema_migration VALUES ('m9999_later', 0)");
    Visit::of(&site, &[]).tells("schema", "ok", "ahead");
    site.sql("UPDATE schema_requirement SET known_steps = 99");
    Visit::of(&site, &[]).tells("schema", "error", "belongs to a newer gatehouse");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told_of() {
    let site = Site::postgres().await;
    site.owner_key();
    let clock = OtherClock::of(&site);
    Visit::of(&site, &[]).is_fine("clock");
    clock.set_ahead("1.5 s");
    Visit::of(&site, &[]).tells("clock", "warning", "s behind the database's");
    clock.set_ahead("-1 h");
    Visit::of(&site, &[]).tells("clock", "error", "s ahead of the database's");
    clock.set_ahead("0 s");
    site.sql("UPDATE audit_event SET event_at = event_at + 3600000000");
    Visit::of(&site, &[]).tells("clock", "error", "and the newest audit event is of ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_passes_one_address_for_all_is_named() {
    let site = Site::postgres().await;
    let server = site.serve(&[]);
    let acme = Acme::set_up(&server, site.owner_key()).await;
    let web = acme.web(&server);
    web.enroll(&web.sign_in().await.token).await;
    Visit::of(&site, &[]).is_fine("addresses");
    // Twenty customers more, of whom every other one came as the first did.
    site.sql(
        "INSERT INTO customer SELECT (jsonb_populate_record(c, jsonb_build_object(
           'id', 'c' || n, 'email', n || '@example.com'))).*
           FROM customer c, generate_series(1, 20) n;
         INSERT INTO session SELECT (jsonb_populate_record(s, jsonb_build_object(
           'customer_id', 'c' || n, 'id', gen_random_uuid(),
           'token_digest', '\\x' || lpad(n::text, 64, '0'),
           'client_ip', CASE n % 2 WHEN 0 THEN s.client_ip ELSE '192.0.2.' || n END))).*
           FROM session s, generate_series(1, 20) n",
    );
    let visit = Visit::of(&site, &[]);
    let told = "of the last 21 customers of the portal acme 11 signed in from one address";
    visit.tells("addresses", "warning", told);
    let ring = fs::read_to_string(site.data_dir().join("keyring")).unwrap();
    assert!(!format!("{visit:?}").contains(ring.split_whitespace().last().unwrap()));
}
