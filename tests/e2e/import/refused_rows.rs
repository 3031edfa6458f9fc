//! Rows that are wrong: none is made, and every one is named.

use gatehouse_api::v1;

use super::outcomes;
use crate::faults::situation::IMPORTED_HASH;
use gatehouse_tests::{Acme, PORTAL, Refusal, TestServer, imported, imports, refused};

gatehouse_tests::on_each_database! {
    a_wrong_row_is_named_and_nobody_is_made,
    a_look_tells_of_every_row,
    a_row_that_is_repeated_is_wrong,
    a_hash_that_costs_too_much_is_named,
    an_import_holds_1_to_1000_rows_in_4_mib,
}

const SALT_AND_HASH: &str = "c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";

fn wrong_totp(secret: &str, digits: i32, period_seconds: i32, algorithm: i32) -> v1::TotpImport {
    let parameters = Some(v1::TotpParameters { algorithm, digits, period_seconds });
    v1::TotpImport { secret: secret.to_owned(), parameters }
}

async fn a_wrong_row_is_named_and_nobody_is_made(server: TestServer) {
    let acme = Acme::new(server).await;
    let good = || imported("ben@example.com", IMPORTED_HASH);
    let secret = "GEZDGNBVGY3TQOJQ";
    let with_totp = |totp| v1::CustomerImport { totp: Some(totp), ..good() };
    for (row, field) in [
        (imported("ben", ""), "email"),
        (imported("ben@example.com", "hunter2"), "password_hash"),
        (v1::CustomerImport { customer_id: "No Id".to_owned(), ..good() }, "customer_id"),
        (v1::CustomerImport { display_name: "a\u{202e}b".to_owned(), ..good() }, "display_name"),
        (with_totp(wrong_totp("not base32!", 0, 0, 0)), "totp.secret"),
        (with_totp(wrong_totp("", 0, 0, 0)), "totp.secret"),
        (with_totp(wrong_totp(secret, 5, 0, 0)), "totp.parameters"),
        (with_totp(wrong_totp(secret, -1, 0, 0)), "totp.parameters"),
        (with_totp(wrong_totp(secret, 6, 14, 0)), "totp.parameters"),
        (with_totp(wrong_totp(secret, 6, 30, 9)), "totp.parameters"),
    ] {
        let rows = vec![imported("first@example.com", ""), row];
        let refusal = refused(acme.admin.import(imports(PORTAL, rows)).await);
        assert_eq!(refusal, Refusal::invalid(&[&format!("customers[1].{field}")]));
    }
    let rows = (0..30).map(|_| imported("nobody", "")).collect();
    let refusal = refused(acme.admin.import(imports(PORTAL, rows)).await);
    let fields: Vec<_> = (0..20).map(|n| format!("customers[{n}].email")).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    assert_eq!(refusal, Refusal::invalid(&fields), "the first twenty");
    assert_eq!(acme.admin.customers().await, 1);
}

async fn a_look_tells_of_every_row(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut rows: Vec<_> = (0..30).map(|n| imported(&format!("bad{n}"), "$9$x")).collect();
    rows.push(imported("good@example.com", ""));
    let request = imports(PORTAL, rows);
    let looked = v1::ImportCustomersRequest { validate_only: true, ..request };
    let results = acme.admin.import(looked).await.unwrap();
    assert_eq!(results.len(), 31);
    let outcomes = outcomes(&results);
    assert_eq!((&outcomes[..30], outcomes[30]), (&["INVALID"; 30][..], "CREATED"));
    for result in &results[..30] {
        let [email, hash] = &result.errors[..] else { panic!("{:?}", result.errors) };
        assert!(email.starts_with("email: ") && hash.starts_with("password_hash: "));
        assert!(!hash.contains("$9$x"), "{hash}");
    }
    assert_eq!(acme.admin.customers().await, 1);
}

async fn a_row_that_is_repeated_is_wrong(server: TestServer) {
    let acme = Acme::new(server).await;
    let row = |id: &str, email: &str| v1::CustomerImport {
        customer_id: id.to_owned(),
        ..imported(email, "")
    };
    let rows = vec![
        row("b", "b@example.com"),
        row("c", "c@example.com"),
        row("", "B@EXAMPLE.com"),
        row("c", "d@example.com"),
    ];
    let existing = v1::ExistingCustomer::Skip.into();
    let request = v1::ImportCustomersRequest { existing, ..imports(PORTAL, rows) };
    let refusal = refused(acme.admin.import(request).await);
    assert_eq!(refusal, Refusal::invalid(&["customers[2].email", "customers[3].customer_id"]));
    assert_eq!(acme.admin.customers().await, 1);
}

async fn a_hash_that_costs_too_much_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    for costs in [
        "$argon2id$v=19$m=4194304,t=1,p=1",
        "$argon2id$v=19$m=131072,t=5,p=1",
        "$pbkdf2-sha256$i=4000000000",
        "$scrypt$ln=20,r=8,p=1",
    ] {
        let row = imported("ben@example.com", &format!("{costs}${SALT_AND_HASH}"));
        let refusal = refused(acme.admin.import(imports(PORTAL, vec![row])).await);
        assert_eq!(refusal, Refusal::invalid(&["customers[0].password_hash"]), "{costs}");
    }
    let bcrypt = imported("ben@example.com", &IMPORTED_HASH.replace("$04$", "$31$"));
    let refusal = refused(acme.admin.import(imports(PORTAL, vec![bcrypt])).await);
    assert_eq!(refusal, Refusal::invalid(&["customers[0].password_hash"]));
}

async fn an_import_holds_1_to_1000_rows_in_4_mib(server: TestServer) {
    let acme = Acme::new(server).await;
    for rows in [0, 1_001] {
        let rows = (0..rows).map(|n| imported(&format!("c{n}@example.com"), "")).collect();
        let refusal = refused(acme.admin.import(imports(PORTAL, rows)).await);
        assert_eq!(refusal, Refusal::invalid(&["customers"]));
    }
    let request = v1::ImportCustomersRequest {
        existing: 9,
        ..imports(PORTAL, vec![imported("b@example.com", "")])
    };
    assert_eq!(refused(acme.admin.import(request).await), Refusal::invalid(&["existing"]));
    // All of it is read, and what is wrong with it is found.
    let long = |bytes| vec![imported("b@example.com", &"x".repeat(bytes))];
    let refusal = refused(acme.admin.import(imports(PORTAL, long(4_000_000))).await);
    assert_eq!(refusal, Refusal::invalid(&["customers[0].password_hash"]));
    let refusal = refused(acme.admin.import(imports(PORTAL, long(4 * 1024 * 1024))).await);
    assert_eq!(refusal, Refusal::invalid(&["ImportCustomersRequest"]));
}
