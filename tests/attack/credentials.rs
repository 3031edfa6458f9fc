//! Passwords: what a wrong one tells, and how fast they can be tried.

mod addresses;
mod enumeration;
mod foreign_hashes;
mod what_is_a_password;

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{CredentialsRejected, CustomerSuspended, Throttled};
use gatehouse_domain::password::HashParameters;
use tonic::Status;

use gatehouse_tests::{
    Acme, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, client, refused,
};

gatehouse_tests::on_each_database! {
    unknown_wrong_and_passwordless_are_alike_byte_for_byte,
    every_start_is_alike,
    every_spelling_of_an_address_is_one_identity,
    five_wrong_passwords_are_free_and_then_each_waits,
    a_throttled_password_is_not_compared,
    a_right_password_takes_back_its_own_charge_alone,
    wrong_passwords_slow_down_their_source_and_address_alone,
    a_hundred_a_day_is_the_most_but_for_a_source_the_customer_knows,
    a_source_that_fails_twenty_times_is_slowed_for_every_address,
    suspension_is_told_only_after_the_right_password,
    right_passwords_at_once_are_right_while_they_are_hashed_anew,
}

pub const WRONG: &str = "wrong horse battery";

/// All of a refusal that reaches a client, but for what is the call's own.
fn bytes(status: &Status) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let mut headers = http::HeaderMap::new();
    status.add_header(&mut headers).unwrap();
    let own = ["x-request-id", "date"];
    let mut headers: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    headers.sort();
    (status.details().to_vec(), headers)
}

/// OWASP ASVS 6.3.8, CWE-204: who has an account cannot be told from what a wrong password is
/// answered (C9).
async fn unknown_wrong_and_passwordless_are_alike_byte_for_byte(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_customer(PORTAL, "new@example.com", "").await.unwrap();
    let try_all = async |count: u32| {
        let mut answers = Vec::new();
        for email in [EMAIL, "nobody@example.com", "new@example.com"] {
            let before = acme.server.password_comparisons();
            let answer = acme.web.sign_in(email, WRONG).await.err().unwrap();
            let work = acme.server.password_comparisons() - before;
            answers.push((bytes(&answer), work));
        }
        assert_eq!(answers[0], answers[1], "try {count}");
        assert_eq!(answers[0], answers[2], "try {count}");
        answers[0].1
    };
    for count in 1..=5 {
        assert_eq!(try_all(count).await, 1, "the same argon2 work");
    }
    // Throttled answers are alike too.
    assert_eq!(try_all(6).await, 0);
    let refusal = refused(acme.web.sign_in("nobody@example.com", WRONG).await);
    assert!(refusal.is(Throttled));
}

/// StartSignIn looks nobody up, so that nothing can be learned from it, and stores nothing, so
/// that flooding it costs no storage.
async fn every_start_is_alike(server: TestServer) {
    let acme = Acme::new(server).await;
    let known = acme.web.start(EMAIL).await.unwrap();
    let unknown = acme.web.start("nobody@example.com").await.unwrap();
    assert_eq!(known.token.len(), unknown.token.len());
    assert_eq!((known.step(), unknown.step()), ("password", "password"));
    assert_eq!(known.expire_time, unknown.expire_time);
}

async fn every_spelling_of_an_address_is_one_identity(server: TestServer) {
    let acme = Acme::new(server).await;
    for email in [" ANA@example.com", "ana@EXAMPLE.COM", "ａｎａ@example.com"] {
        assert_eq!(acme.web.sign_in(email, PASSWORD).await.unwrap().step(), "session");
    }
    for _ in 0..5 {
        refused(acme.web.sign_in("Ana@Example.com", WRONG).await);
    }
    assert!(refused(acme.web.sign_in(EMAIL, WRONG).await).is(Throttled), "one budget");
}

/// Tries a wrong password that is compared.
async fn try_wrong(acme: &Acme) {
    let refusal = refused(acme.web.sign_in(EMAIL, WRONG).await);
    assert_eq!(refusal, Refusal::of(CredentialsRejected));
}

/// NIST 800-63B-4, 3.2.2. Zitadel (CVE-2023-47111) checked its counter and raised it afterwards.
async fn five_wrong_passwords_are_free_and_then_each_waits(server: TestServer) {
    let acme = Acme::new(server).await;
    for _ in 0..5 {
        try_wrong(&acme).await;
    }
    for (tries, wait) in [(5, 3), (15, 5), (3, 10)] {
        let wait = Duration::from_secs(wait);
        for _ in 0..tries {
            let refusal = refused(acme.web.sign_in(EMAIL, WRONG).await);
            assert_eq!(refusal, Refusal::of(Throttled).wait(acme.server.now(), wait));
            acme.server.pass_almost(wait);
            let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
            assert!(refusal.is(Throttled), "the right one waits as well");
            acme.server.pass_the_rest();
            try_wrong(&acme).await;
        }
    }
    acme.server.pass(Duration::from_secs(10));
    assert_eq!(acme.sign_in().await.step(), "session");
}

/// What is refused must not say whether it would have been right, nor cost a hash.
async fn a_throttled_password_is_not_compared(server: TestServer) {
    let acme = Acme::new(server).await;
    for _ in 0..5 {
        try_wrong(&acme).await;
    }
    let before = acme.server.password_comparisons();
    let token = acme.web.start(EMAIL).await.unwrap().token;
    for password in [WRONG, PASSWORD] {
        assert!(refused(acme.web.password(&token, password).await).is(Throttled));
    }
    assert_eq!(acme.server.password_comparisons(), before);
    acme.server.pass(Duration::from_secs(3));
    assert_eq!(acme.web.password(&token, PASSWORD).await.unwrap().step(), "session");
}

/// Guesses are not forgiven because somebody who knows the password signs in (C5).
async fn a_right_password_takes_back_its_own_charge_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    for _ in 0..4 {
        try_wrong(&acme).await;
    }
    for _ in 0..3 {
        acme.password_session().await;
    }
    try_wrong(&acme).await;
    let refusal = refused(acme.web.sign_in(EMAIL, WRONG).await);
    let three_seconds = Duration::from_secs(3);
    assert_eq!(refusal, Refusal::of(Throttled).wait(acme.server.now(), three_seconds));
}

/// Who guesses from elsewhere must not keep the customer out (C12).
async fn wrong_passwords_slow_down_their_source_and_address_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_customer(PORTAL, "ben@example.com", PASSWORD).await.unwrap();
    for _ in 0..5 {
        try_wrong(&acme).await;
    }
    assert!(refused(acme.web.sign_in(EMAIL, PASSWORD).await).is(Throttled));
    let sign_in = acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap();
    assert_eq!(sign_in.step(), "session", "another address from the same source");

    let elsewhere = v1::ClientContext { ip_address: "198.51.100.9".to_owned(), ..client() };
    let started = acme.web.start_from(EMAIL, elsewhere).await.unwrap();
    let sign_in = acme.web.password(&started.token, PASSWORD).await.unwrap();
    assert_eq!(sign_in.step(), "session", "the same address from another source");
}

/// NIST allows 100. privacyIDEA 3741: a lock that anybody can cause is a weapon (C12).
async fn a_hundred_a_day_is_the_most_but_for_a_source_the_customer_knows(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.password_session().await;
    let from =
        |host: u32| v1::ClientContext { ip_address: format!("198.51.100.{host}"), ..client() };
    for host in 0..100 {
        let token = acme.web.start_from(EMAIL, from(host)).await.unwrap().token;
        let refusal = refused(acme.web.password(&token, WRONG).await);
        assert_eq!(refusal, Refusal::of(CredentialsRejected), "{host}");
    }
    let token = acme.web.start_from(EMAIL, from(100)).await.unwrap().token;
    assert!(refused(acme.web.password(&token, PASSWORD).await).is(Throttled));
    assert_eq!(acme.sign_in().await.step(), "session", "the customer is not locked out");
    // A right password takes back its own charge, which was none of the hundred.
    let token = acme.web.start_from(EMAIL, from(101)).await.unwrap().token;
    assert!(refused(acme.web.password(&token, WRONG).await).is(Throttled));
}

/// Password spraying: one password at many addresses.
async fn a_source_that_fails_twenty_times_is_slowed_for_every_address(server: TestServer) {
    let acme = Acme::new(server).await;
    for n in 0..20 {
        let refusal = refused(acme.web.sign_in(&format!("c{n}@example.com"), WRONG).await);
        assert_eq!(refusal, Refusal::of(CredentialsRejected), "{n}");
    }
    let second = Duration::from_secs(1);
    let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(Throttled).wait(acme.server.now(), second));
    acme.server.pass(second);
    assert_eq!(acme.sign_in().await.step(), "session", "slowed and never stopped");
}

/// MISP (CVE-2026-95754) and Keycloak (CVE-2026-16103) checked such a state on one branch only.
async fn suspension_is_told_only_after_the_right_password(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::CreateCustomerRequest {
        parent: PORTAL.to_owned(),
        customer: Some(v1::Customer {
            email: "eve@example.com".to_owned(),
            suspended: true,
            ..Default::default()
        }),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let made = acme.admin.client().create_customer(request).await.unwrap().into_inner();
    assert!(made.customer.unwrap().suspended);

    let wrong = refused(acme.web.sign_in("eve@example.com", WRONG).await);
    assert_eq!(wrong, Refusal::of(CredentialsRejected));
    for _ in 0..6 {
        let right = refused(acme.web.sign_in("eve@example.com", PASSWORD).await);
        assert_eq!(right, Refusal::of(CustomerSuspended), "and takes back its charge");
    }
}

async fn right_passwords_at_once_are_right_while_they_are_hashed_anew(server: TestServer) {
    let acme = Acme::new(server).await;
    let dearer = HashParameters::new(64, 2, 1).unwrap();
    let web = acme.server.replica_hashing(dearer).await.web_with(&acme.key);
    for _ in 0..4 {
        let sign_in = || web.sign_in(EMAIL, PASSWORD);
        let answers = tokio::join!(sign_in(), sign_in(), sign_in());
        for answer in [answers.0, answers.1, answers.2] {
            assert_eq!(answer.unwrap().step(), "session");
        }
    }
    let kept = acme.server.kept_password_hash(&acme.customer).await;
    assert!(kept.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{kept}");
    // None of them kept its charge: five wrong ones are still free.
    for _ in 0..5 {
        try_wrong(&acme).await;
    }
}
