//! Another primary key, in the middle of what people do.

use std::time::Duration;

use gatehouse::usecase::keys;
use gatehouse_api::v1::ErrorReason::{CredentialsRejected, Throttled};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::KeyId;

use gatehouse_tests::{Acme, EMAIL, PASSWORD, Refusal, SignInExt, TestServer, refused};

gatehouse_tests::on_each_database! {
    another_primary_key_gives_no_new_guesses,
    a_right_password_takes_its_charge_back_whatever_key_it_was_under,
    unlocking_forgets_what_was_counted_under_every_key,
    what_was_begun_under_one_key_ends_under_another,
    resealing_goes_on_where_a_server_that_is_gone_left_it,
}

const WRONG: &str = "wrong horse battery";
const SPACING: Duration = Duration::from_secs(3);

/// The ring gets another key.
async fn add(acme: &Acme) -> [KeyId; 2] {
    let app = acme.server.app();
    let old = app.vault().primary();
    [old, keys::add(&app, acme.server.now()).await.unwrap()]
}

async fn promote(acme: &Acme, key: KeyId) {
    let app = acme.server.app();
    // Every server says that it has the key.
    keys::share(&app, &mut None, acme.server.now()).await.unwrap();
    keys::promote(&app, key, acme.server.now()).await.unwrap();
    assert_eq!(app.vault().primary(), key);
}

async fn guess(acme: &Acme) -> Refusal {
    refused(acme.web.sign_in(EMAIL, WRONG).await)
}

async fn another_primary_key_gives_no_new_guesses(server: TestServer) {
    let acme = Acme::new(server).await;
    let [old, new] = add(&acme).await;
    // To and fro, as servers see it that have not all got the new ring yet.
    for key in [new, old, new, old, new] {
        assert_eq!(guess(&acme).await, Refusal::of(CredentialsRejected));
        promote(&acme, key).await;
    }
    let throttled = Refusal::of(Throttled).wait(acme.server.now(), SPACING);
    for key in [old, new] {
        assert_eq!(guess(&acme).await, throttled);
        promote(&acme, key).await;
    }
    acme.server.pass(SPACING);
    assert_eq!(guess(&acme).await, Refusal::of(CredentialsRejected));
}

async fn a_right_password_takes_its_charge_back_whatever_key_it_was_under(server: TestServer) {
    let acme = Acme::new(server).await;
    let [old, new] = add(&acme).await;
    for key in [new, old, new, old] {
        assert_eq!(guess(&acme).await, Refusal::of(CredentialsRejected));
        acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
        promote(&acme, key).await;
    }
    // Four were wrong, so that there is room for one.
    assert_eq!(guess(&acme).await, Refusal::of(CredentialsRejected));
    assert!(guess(&acme).await.is(Throttled));
}

async fn unlocking_forgets_what_was_counted_under_every_key(server: TestServer) {
    let acme = Acme::new(server).await;
    let [_, new] = add(&acme).await;
    for _ in 0..5 {
        guess(&acme).await;
    }
    promote(&acme, new).await;
    assert!(guess(&acme).await.is(Throttled));
    acme.admin.unlock(&acme.customer).await.unwrap();
    // Of the address; its source waits on.
    acme.server.pass(SPACING);
    acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
}

async fn what_was_begun_under_one_key_ends_under_another(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.enforce(true).await;
    let [_, new] = add(&acme).await;
    let started = acme.web.start(EMAIL).await.unwrap().token;
    let proven = acme.sign_in().await;
    let phone = acme.start_enrollment(&proven).await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    promote(&acme, new).await;

    acme.web.password(&started, PASSWORD).await.unwrap();
    let code = phone.code(acme.server.now());
    acme.web.verify_enrollment(&proven.token, &code).await.unwrap();
    acme.web.enable_mfa(&proven.token).await.unwrap();
    let session = acme.web.finish(&proven.token).await.unwrap().issued();
    acme.web.validate_multi_factor(&session.token).await.unwrap();
    acme.web.accept_invitation(&invitation, "another horse battery").await.unwrap();
}

/// How many values are sealed under `key`.
async fn sealed_under(acme: &Acme, key: KeyId, now: Timestamp) -> u64 {
    acme.server.app().store.key_use(key, now).await.unwrap().sealed
}

async fn resealing_goes_on_where_a_server_that_is_gone_left_it(server: TestServer) {
    let acme = Acme::new(server).await;
    let customers = keys::BATCH as u64 + 1;
    for number in 1..customers {
        let email = format!("c{number}@example.com");
        acme.admin.create_customer(&acme.portal, &email, PASSWORD).await.unwrap();
    }
    let [old, new] = add(&acme).await;
    promote(&acme, new).await;

    // Later than it is for the server, which respects the lease from then on.
    let now = acme.server.now() + Duration::from_hours(1);
    let one = acme.server.idle_app().await;
    let done = keys::reseal_batch(&one, &mut keys::Walk::default(), now).await.unwrap();
    assert_eq!(done, keys::BATCH);
    assert_eq!(sealed_under(&acme, old, now).await, 1);

    let other = acme.server.idle_app().await;
    let mut walk = keys::Walk::default();
    assert_eq!(keys::reseal_batch(&other, &mut walk, now).await.unwrap(), 0, "one has the lease");
    let now = now + Duration::from_mins(2);
    while keys::reseal_batch(&other, &mut walk, now).await.unwrap() > 0 {}
    assert_eq!(sealed_under(&acme, old, now).await, 0);
    assert_eq!(sealed_under(&acme, new, now).await, customers);
    acme.web.sign_in(&format!("c{}@example.com", customers - 1), PASSWORD).await.unwrap();
}
