//! Transactions that collide with others (SQLSTATE 40001 and 40P01), made by a trigger:
//! on PostgreSQL alone, which is what reports them.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{CredentialsRejected, StoreUnavailable};

use gatehouse_tests::{Acme, Database, EMAIL, PASSWORD, SignInExt, TestServer, refused};

/// Tries of one transaction.
const TRIES: u32 = 8;

/// The next `times` rows of `table` that are made collide, with this SQLSTATE.
fn collide(server: &TestServer, table: &str, state: &str, times: u32) {
    server.change_database(&format!(
        "CREATE SEQUENCE IF NOT EXISTS collision;
         SELECT setval('collision', 1, false);
         CREATE OR REPLACE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN
              IF nextval('collision') <= {times} THEN RAISE SQLSTATE '{state}'; END IF;
              RETURN NEW;
            END $$;
         CREATE OR REPLACE TRIGGER collision BEFORE INSERT ON {table}
           FOR EACH ROW EXECUTE FUNCTION collide()"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_collides_is_begun_again_and_nobody_notices() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    for state in ["40001", "40P01"] {
        collide(&acme.server, "session", state, TRIES - 1);
        let session = acme.web.sign_in(EMAIL, PASSWORD).await.unwrap().issued();
        acme.web.validate(&session.token).await.unwrap();
        acme.assert_recorded("sign_in.succeeded", &[("factor", "none")]).await;
    }
    assert_eq!(acme.admin.sessions(&acme.customer).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_collides_without_end_is_unavailable_and_does_nothing() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    collide(&acme.server, "session", "40001", TRIES);
    let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
    assert!(refusal.is(StoreUnavailable), "{refusal:?}");
    assert!(acme.admin.sessions(&acme.customer).await.unwrap().is_empty());
    acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
}

/// Its event takes one place of those that the trail has for a customer in a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_proof_whose_transaction_collides_has_one_place_in_the_trail() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    for guesses in 1..=4 {
        collide(&acme.server, "audit_event", "40001", 3);
        assert!(
            refused(acme.web.sign_in(EMAIL, "wrong horse battery").await).is(CredentialsRejected)
        );
        let types = vec!["sign_in.failed".to_owned()];
        let filter = v1::AuditEventFilter { types, ..Default::default() };
        assert_eq!(acme.admin.audit_events(filter).await.unwrap().len(), guesses);
    }
}
