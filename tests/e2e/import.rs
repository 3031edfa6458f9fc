//! Customers of other systems: what they bring is taken over, and nothing else is.

mod refused_rows;

use std::time::{Duration, Instant};

use gatehouse::usecase::sealed;
use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{CredentialsRejected, ResourceExists};
use gatehouse_domain::email::Email;
use gatehouse_domain::password::StoredHash;
use totp_rs::Algorithm;

use crate::faults::situation::IMPORTED_HASH;
use gatehouse_tests::{
    Acme, Answer, Authenticator, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, client,
    imported, imports, password_vectors, refused,
};

gatehouse_tests::on_each_database! {
    every_format_signs_in_and_its_hash_is_replaced,
    a_portal_knows_its_foreign_hashes_until_the_last_is_gone,
    an_imported_authenticator_is_asked_for_at_once,
    who_is_there_already_is_refused_or_passed_over,
    a_thousand_customers_come_at_once,
    two_imports_of_the_same_customers_make_them_once,
    an_import_beside_sign_ins_disturbs_none,
    every_row_leaves_its_event,
}

/// What is stored of a customer's password.
async fn stored(acme: &Acme, email: &str) -> Option<StoredHash> {
    let (app, portal) = (acme.server.app(), "acme".parse().unwrap());
    let email = Email::parse(email).unwrap();
    let found = app.store.read().customer_by_email(&portal, &email).await.unwrap();
    let (customer, hash) = found.unwrap();
    hash.map(|hash| sealed::open_password(&app, &customer.key, &hash).unwrap())
}

/// How long the portal's dearest foreign hash takes.
async fn dearest(acme: &Acme) -> Option<Duration> {
    let app = acme.server.app();
    app.store.read().dearest_foreign_hash(&"acme".parse().unwrap()).await.unwrap()
}

/// In words that can be printed.
fn outcomes(results: &[v1::ImportResult]) -> Vec<&'static str> {
    let word = |result: &v1::ImportResult| result.outcome().as_str_name();
    results.iter().map(|result| word(result).trim_start_matches("IMPORT_OUTCOME_")).collect()
}

/// From a source of its own: wrong passwords slow down the one they come from.
async fn sign_in_from(acme: &Acme, n: usize, email: &str, password: &str) -> Answer<v1::SignIn> {
    let client = v1::ClientContext { ip_address: format!("198.51.100.{n}"), ..client() };
    let sign_in = acme.web.start_from(email, client).await.unwrap();
    acme.web.password(&sign_in.token, password).await
}

async fn every_format_signs_in_and_its_hash_is_replaced(server: TestServer) {
    let acme = Acme::new(server).await;
    let vectors = password_vectors();
    let email = |n: usize| format!("c{n}@example.com");
    let rows = vectors.iter().enumerate().map(|(n, vector)| imported(&email(n), &vector.hash));
    let results = acme.admin.import(imports(PORTAL, rows.collect())).await.unwrap();
    assert!(outcomes(&results).iter().all(|&outcome| outcome == "CREATED"));
    for (n, vector) in vectors.iter().enumerate() {
        let (name, email) = (&vector.name, email(n));
        assert!(matches!(stored(&acme, &email).await, Some(StoredHash::Foreign(_))), "{name}");
        let wrong = sign_in_from(&acme, n, &email, &vector.wrong).await;
        assert_eq!(refused(wrong), Refusal::of(CredentialsRejected), "{name}");
        assert!(matches!(stored(&acme, &email).await, Some(StoredHash::Foreign(_))), "{name}");
        for _ in 0..2 {
            let signed_in = sign_in_from(&acme, n, &email, &vector.password).await;
            assert_eq!(signed_in.unwrap().step(), "session", "{name}");
            assert!(matches!(stored(&acme, &email).await, Some(StoredHash::Own(_))), "{name}");
        }
    }
    assert_eq!(dearest(&acme).await, None);
}

async fn a_portal_knows_its_foreign_hashes_until_the_last_is_gone(server: TestServer) {
    let acme = Acme::new(server).await;
    assert_eq!(dearest(&acme).await, None);
    let dearer = IMPORTED_HASH.replace("$04$", "$05$");
    let emails = ["signs-in@example.com", "changes@example.com", "goes@example.com"];
    let [signs_in, changes, goes] = emails;
    let rows = vec![
        imported(signs_in, &dearer),
        imported(changes, IMPORTED_HASH),
        imported(goes, IMPORTED_HASH),
        imported("none@example.com", ""),
    ];
    let results = acme.admin.import(imports(PORTAL, rows)).await.unwrap();
    assert_eq!(dearest(&acme).await, Some(Duration::from_micros(1_920)));

    let token = acme.admin.invite(&results[0].customer).await.unwrap().token;
    acme.web.accept_invitation(&token, PASSWORD).await.unwrap();
    assert_eq!(dearest(&acme).await, Some(Duration::from_micros(960)));
    acme.web.sign_in(changes, PASSWORD).await.unwrap().issued();
    assert_eq!(dearest(&acme).await, Some(Duration::from_micros(960)));
    acme.admin.delete_customer(&results[2].customer, "").await.unwrap();
    assert_eq!(dearest(&acme).await, None);
}

async fn an_imported_authenticator_is_asked_for_at_once(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let parameters = |algorithm: v1::TotpAlgorithm, digits, period_seconds| {
        Some(v1::TotpParameters { algorithm: algorithm.into(), digits, period_seconds })
    };
    let cases = [
        ("usual", None, Algorithm::SHA1, 6, 30),
        ("sha256", parameters(v1::TotpAlgorithm::Sha256, 8, 60), Algorithm::SHA256, 8, 60),
        ("sha512", parameters(v1::TotpAlgorithm::Sha512, 7, 0), Algorithm::SHA512, 7, 30),
    ];
    let row = |(name, parameters, ..): &(&str, Option<v1::TotpParameters>, _, _, _)| {
        let totp = Some(v1::TotpImport { secret: secret.to_owned(), parameters: *parameters });
        let row = imported(&format!("{name}@example.com"), IMPORTED_HASH);
        v1::CustomerImport { totp, ..row }
    };
    let rows = cases.iter().map(row).collect();
    acme.admin.import(imports(PORTAL, rows)).await.unwrap();
    for (name, _, algorithm, digits, period) in cases {
        let phone = Authenticator::of_another_system(secret, algorithm, digits, period);
        let email = format!("{name}@example.com");
        let sign_in = acme.web.sign_in(&email, PASSWORD).await.unwrap();
        assert_eq!(sign_in.step(), "second_factor", "{name}");
        let code = phone.code(acme.server.now());
        assert_eq!(code.len(), usize::from(digits));
        let issued = acme.web.totp(&sign_in.token, &code).await.unwrap().issued();
        let mfa = acme.web.account(&issued.token).mfa().await.unwrap();
        assert_eq!(mfa.backup_codes_remaining, 0);
        // And once only.
        let sign_in = acme.web.sign_in(&email, PASSWORD).await.unwrap();
        refused(acme.web.totp(&sign_in.token, &code).await);
    }
}

async fn who_is_there_already_is_refused_or_passed_over(server: TestServer) {
    let acme = Acme::new(server).await;
    let with_id = |id: &str, email: &str| {
        let customer_id = id.to_owned();
        v1::CustomerImport { customer_id, ..imported(email, IMPORTED_HASH) }
    };
    acme.admin.import(imports(PORTAL, vec![with_id("eve", "eve@example.com")])).await.unwrap();
    let eve = format!("{PORTAL}/customers/eve");
    let rows = vec![
        with_id("new", "new@example.com"),
        imported(" ANA@example.com", IMPORTED_HASH),
        with_id("eve", "other@example.com"),
    ];
    // Of two customers, of one with another id, and the same one.
    let told_apart = vec![
        with_id("eve", EMAIL),
        with_id("e2", "eve@example.com"),
        with_id("eve", "eve@example.com"),
    ];
    let request = imports(PORTAL, rows);
    let exists =
        Refusal::of(ResourceExists).fields(&["customers[1].email", "customers[2].customer_id"]);
    let refusal = refused(acme.admin.import(request.clone()).await);
    assert_eq!(refusal, exists.resource("Customer", &acme.customer));
    assert_eq!(acme.admin.customers().await, 2, "all or none");

    let looked = v1::ImportCustomersRequest { validate_only: true, ..request.clone() };
    let results = acme.admin.import(looked).await.unwrap();
    assert_eq!(outcomes(&results), ["CREATED", "INVALID", "INVALID"]);
    assert_eq!(results[2].errors, ["customer_id: is taken"]);

    let existing = v1::ExistingCustomer::Skip.into();
    let skipping = v1::ImportCustomersRequest { existing, ..request };
    let looked = v1::ImportCustomersRequest { validate_only: true, ..skipping.clone() };
    let would = acme.admin.import(looked).await.unwrap();
    assert_eq!(acme.admin.customers().await, 2);
    let results = acme.admin.import(skipping.clone()).await.unwrap();
    assert!(results == would);
    assert_eq!(outcomes(&results), ["CREATED", "SKIPPED", "CONFLICT"]);
    assert_eq!(results[1].customer, acme.customer);
    assert_eq!(
        (results[2].customer.as_str(), results[2].errors.concat().as_str()),
        (eve.as_str(), "customer_id: is taken")
    );
    acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
    // As often as it takes.
    let again = acme.admin.import(skipping).await.unwrap();
    assert_eq!(outcomes(&again), ["SKIPPED", "SKIPPED", "CONFLICT"]);
    let (email, id) = ("email: another customer has it", "customer_id: is taken");
    let expected: [(&str, &str, &[&str]); 3] = [
        ("CONFLICT", &acme.customer, &[id, email]),
        ("CONFLICT", &eve, &[email]),
        ("SKIPPED", &eve, &[]),
    ];
    for (row, (outcome, customer, errors)) in told_apart.into_iter().zip(expected) {
        for validate_only in [true, false] {
            let request = imports(PORTAL, vec![row.clone()]);
            let request = v1::ImportCustomersRequest { validate_only, existing, ..request };
            let results = acme.admin.import(request).await.unwrap();
            assert_eq!(outcomes(&results), [outcome]);
            assert_eq!(
                (
                    results[0].customer.as_str(),
                    results[0].errors.iter().map(String::as_str).collect::<Vec<_>>()
                ),
                (customer, errors.to_vec())
            );
        }
    }
    assert_eq!(acme.admin.customers().await, 3);
}

/// In much less than the ten seconds that a call has.
async fn a_thousand_customers_come_at_once(server: TestServer) {
    let acme = Acme::new(server).await;
    let keycloak = password_vectors().into_iter().find(|v| v.name == "Keycloak argon2").unwrap();
    let rows: Vec<_> = (0..1_000)
        .map(|n| {
            let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned();
            let totp = Some(v1::TotpImport { secret, parameters: None });
            let row = imported(&format!("c{n}@example.com"), &keycloak.hash);
            v1::CustomerImport { totp, display_name: format!("Customer {n}"), ..row }
        })
        .collect();
    let begun = Instant::now();
    let results = acme.admin.import(imports(PORTAL, rows)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(results.len(), 1_000);
    let last = acme.admin.customer(&results[999].customer).await.unwrap();
    assert_eq!((last.email.as_str(), last.has_password), ("c999@example.com", true));
}

async fn two_imports_of_the_same_customers_make_them_once(server: TestServer) {
    let acme = Acme::new(server).await;
    let rows = (0..50).map(|n| imported(&format!("c{n}@example.com"), IMPORTED_HASH)).collect();
    let request = imports(PORTAL, rows);
    let existing = v1::ExistingCustomer::Skip.into();
    let skip = v1::ImportCustomersRequest { existing, ..request.clone() };
    let (one, other, skipping) = tokio::join!(
        acme.admin.import(request.clone()),
        acme.admin.import(request.clone()),
        acme.admin.import(skip)
    );
    assert!(skipping.is_ok());
    assert!(!(one.is_ok() && other.is_ok()));
    for lost in [one, other].into_iter().filter_map(Result::err) {
        assert_eq!(lost.code(), tonic::Code::AlreadyExists);
    }
    assert_eq!(acme.admin.customers().await, 51);
}

async fn an_import_beside_sign_ins_disturbs_none(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin
        .import(imports(PORTAL, vec![imported("c@example.com", IMPORTED_HASH)]))
        .await
        .unwrap();
    let importing = async {
        for n in 0..5 {
            let rows = (0..100)
                .map(|m| imported(&format!("c{n}-{m}@example.com"), IMPORTED_HASH))
                .collect();
            acme.admin.import(imports(PORTAL, rows)).await.unwrap();
        }
    };
    let signing_in = async {
        // The first replaces the hash; whoever comes beside it finds the one or the other.
        let (one, other) = tokio::join!(
            sign_in_from(&acme, 1, "c@example.com", PASSWORD),
            sign_in_from(&acme, 2, "c@example.com", PASSWORD)
        );
        for signed_in in [one, other] {
            signed_in.unwrap().issued();
        }
        acme.web.sign_in("c@example.com", PASSWORD).await.unwrap().issued();
    };
    tokio::join!(importing, signing_in);
    assert!(matches!(stored(&acme, "c@example.com").await, Some(StoredHash::Own(_))));
    assert_eq!(acme.admin.customers().await, 502);
}

async fn every_row_leaves_its_event(server: TestServer) {
    let acme = Acme::new(server).await;
    let secret = "GEZDGNBVGY3TQOJQ".to_owned();
    let totp = Some(v1::TotpImport { secret, parameters: None });
    let rows = vec![
        v1::CustomerImport { totp, ..imported("b@example.com", "") },
        imported("c@example.com", IMPORTED_HASH),
    ];
    let results = acme.admin.import(imports(PORTAL, rows)).await.unwrap();
    for (result, expected) in results.iter().zip([("none", "totp"), ("bcrypt", "none")]) {
        let filter =
            v1::AuditEventFilter { resource: result.customer.clone(), ..Default::default() };
        let events = acme.admin.audit_events(filter).await.unwrap();
        let [event] = &events[..] else { panic!("{} events", events.len()) };
        assert_eq!(event.r#type, "customer.imported");
        let attribute = |name: &str| event.attributes[name].as_str();
        assert_eq!((attribute("password_hash"), attribute("factor")), expected);
    }
}
