//! What a proof has been charged stays charged, whichever statement fails afterwards:
//! a database that fails is no verdict.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::StoreUnavailable;
use gatehouse_persistence::Fault;

use gatehouse_tests::{Acme, Answer, Database, EMAIL, PASSWORD, TestServer, refused};

const NEW: &str = "another horse battery";
/// Longer than any wait between two passwords.
const WAIT: Duration = Duration::from_secs(10);

/// A portal on a server that runs no statement of its own.
async fn acme(database: Database) -> Acme {
    Acme::new(TestServer::without_background(database).await).await
}

/// Gives a right proof, of which another statement fails each time until none is left;
/// `count` tells what is charged for it.
async fn fail_each_statement<T>(
    acme: &Acme,
    prove: impl AsyncFn(usize) -> Answer<T>,
    count: impl AsyncFn() -> u32,
) {
    let mut is_charged = false;
    for n in 1.. {
        let answer = prove(n).await;
        let failed = acme.server.faults().disarm();
        let charges = count().await;
        if !failed {
            assert!(answer.is_ok() && is_charged && charges == 0, "{n}: {charges}");
            return;
        }
        assert!(refused(answer).is(StoreUnavailable), "{n}");
        is_charged |= charges == 1;
        assert_eq!(charges, u32::from(is_charged), "{n}");
        acme.admin.unlock(&acme.customer).await.unwrap();
    }
}

async fn a_right_code(database: Database) {
    let acme = acme(database).await;
    acme.enforce(true).await;
    let phone = acme.enroll().await.phone;
    let prove = async |n| {
        let (token, code) = (acme.sign_in().await.token, phone.code(acme.server.now()));
        acme.server.faults().arm(n, Fault::Refused);
        acme.web.totp(&token, &code).await
    };
    let count = async || acme.server.kept_customer(&acme.customer).await.unwrap().codes.charges;
    fail_each_statement(&acme, prove, count).await;
}

async fn a_right_password(database: Database) {
    let acme = acme(database).await;
    for change in [false, true] {
        let prove = async |n| {
            acme.server.pass(WAIT);
            let account = acme.web.account(&acme.password_session().await.token);
            acme.server.pass(WAIT);
            acme.server.faults().arm(n, Fault::Refused);
            if change {
                account.change_password(PASSWORD, NEW).await.map(drop)
            } else {
                account.prove_password(PASSWORD).await.map(drop)
            }
        };
        let count = async || acme.server.kept_tries(&acme.portal, EMAIL).await[0].1;
        fail_each_statement(&acme, prove, count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_stays_charged_on_sqlite() {
    a_right_code(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_stays_charged_on_postgres() {
    a_right_code(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_stays_charged_on_sqlite() {
    a_right_password(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_stays_charged_on_postgres() {
    a_right_password(Database::Postgres).await;
}
