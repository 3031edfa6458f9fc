//! Proving the customer again within a session, and changing the password there.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::Assurance::{MultiFactor, Password};
use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, PasswordPolicy, PortalUsesSaml, ReauthenticationRequired, SignInLocked,
    Throttled,
};

use gatehouse_tests::{
    Acme, EMAIL, MyAccount, PASSWORD, Refusal, SignInExt, TestServer, refused, time,
};

gatehouse_tests::on_each_database! {
    a_password_renews_a_session_without_a_factor,
    a_code_makes_a_password_session_multi_factor,
    a_backup_code_counts_and_is_used_up,
    the_wrong_kind_of_proof_is_refused_and_charges_nobody,
    a_code_proves_once_wherever_it_is_given,
    wrong_codes_are_counted_with_those_at_sign_in,
    a_right_code_takes_back_its_own_charge_alone,
    wrong_passwords_are_counted_with_those_at_sign_in,
    the_password_is_changed_and_every_other_session_ends,
    a_change_ends_sign_ins_under_way,
    a_change_of_password_asks_for_a_fresh_proof_of_the_right_kind,
    a_change_needs_the_present_password,
    a_new_password_has_to_meet_the_policy,
    a_portal_that_uses_saml_changes_no_password,
}

const NEW: &str = "another horse battery";
const WINDOW: Duration = Duration::from_mins(5);

async fn signed_in(acme: &Acme) -> MyAccount {
    acme.web.account(&acme.password_session().await.token)
}

fn needs_proof(accepted: &str) -> Refusal {
    Refusal::of(ReauthenticationRequired).with("accepted", accepted)
}

async fn a_password_renews_a_session_without_a_factor(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.server.pass(Duration::from_mins(10));
    let session = account.prove_password(PASSWORD).await.unwrap();
    assert!(session.assurance() == Password && session.second_factor_time.is_none());
    assert_eq!(time(session.authentication_time), acme.server.now());
    assert_eq!(time(session.last_used_time), acme.server.now(), "it is a use");
    assert!(account.validate().await.unwrap() == session);
    account.start_enrollment().await.unwrap();
}

async fn a_code_makes_a_password_session_multi_factor(server: TestServer) {
    let acme = Acme::new(server).await;
    let (account, other) = (signed_in(&acme).await, signed_in(&acme).await);
    let phone = acme.enable_in(&account).await;
    acme.next_code();
    assert_eq!(
        refused(acme.web.validate_multi_factor(&other.token).await),
        needs_proof("totp_code")
    );
    let session = other.prove_totp(&phone.code(acme.server.now())).await.unwrap();
    assert!(session.assurance() == MultiFactor);
    assert_eq!(time(session.second_factor_time), acme.server.now());
    acme.web.validate_multi_factor(&other.token).await.unwrap();
}

async fn a_backup_code_counts_and_is_used_up(server: TestServer) {
    let acme = Acme::new(server).await;
    let (account, other) = (signed_in(&acme).await, signed_in(&acme).await);
    acme.enable_in(&account).await;
    let (codes, _) = account.backup_codes().await.unwrap();
    let typed = codes[0].to_lowercase().replace('-', " ");
    let session = other.prove_backup_code(&typed).await.unwrap();
    assert!(session.assurance() == MultiFactor);
    other.start_enrollment().await.unwrap();
    assert_eq!(other.mfa().await.unwrap().backup_codes_remaining, 4);
    let refusal = refused(other.prove_backup_code(&codes[0]).await);
    assert_eq!(refusal, Refusal::wrong_code(10), "its own charge is taken back");
}

async fn the_wrong_kind_of_proof_is_refused_and_charges_nobody(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    for _ in 0..12 {
        let refusal = refused(account.prove_totp("123456").await);
        assert_eq!(refusal, Refusal::invalid(&["totp_code"]));
    }
    let refusal = refused(account.prove_backup_code("0000-0000-0000-0000").await);
    assert_eq!(refusal, Refusal::invalid(&["backup_code"]));

    let phone = acme.enable_in(&account).await;
    let before = acme.server.password_comparisons();
    for _ in 0..12 {
        let refusal = refused(account.prove_password(PASSWORD).await);
        assert_eq!(refusal, Refusal::invalid(&["password"]));
    }
    assert_eq!(acme.server.password_comparisons(), before);
    let refusal = refused(account.prove_totp("12345678").await);
    assert_eq!(refusal, Refusal::invalid(&["totp_code"]), "six digits");
    let wrong = phone.wrong_code(acme.server.now());
    assert_eq!(refused(account.prove_totp(&wrong).await), Refusal::wrong_code(9));
}

async fn a_code_proves_once_wherever_it_is_given(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let phone = acme.enable_in(&account).await;
    let confirmed = phone.code(acme.server.now());
    assert_eq!(refused(account.prove_totp(&confirmed).await), Refusal::wrong_code(10));
    acme.next_code();
    let code = phone.code(acme.server.now());
    account.prove_totp(&code).await.unwrap();
    assert_eq!(refused(account.prove_totp(&code).await), Refusal::wrong_code(10));
    let token = acme.sign_in().await.token;
    assert_eq!(refused(acme.web.totp(&token, &code).await), Refusal::wrong_code(10));
}

async fn wrong_codes_are_counted_with_those_at_sign_in(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let phone = acme.enable_in(&account).await;
    let token = acme.sign_in().await.token;
    let wrong = phone.wrong_code(acme.server.now());
    for left in [9, 7, 5, 3, 1] {
        assert_eq!(refused(account.prove_totp(&wrong).await), Refusal::wrong_code(left));
        assert_eq!(refused(acme.web.totp(&token, &wrong).await), Refusal::wrong_code(left - 1));
    }
    acme.next_code();
    let right = phone.code(acme.server.now());
    let left = Duration::from_mins(15) - Duration::from_secs(30);
    let locked = Refusal::of(SignInLocked).wait(acme.server.now(), left);
    assert_eq!(refused(account.prove_totp(&right).await), locked);
    account.validate().await.unwrap();
}

async fn a_right_code_takes_back_its_own_charge_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let phone = acme.enable_in(&account).await;
    acme.next_code();
    let now = acme.server.now();
    let wrong = phone.wrong_code(now);
    assert_eq!(refused(account.prove_totp(&wrong).await), Refusal::wrong_code(9));
    account.prove_totp(&phone.code(now)).await.unwrap();
    assert_eq!(refused(account.prove_totp(&wrong).await), Refusal::wrong_code(8));
}

async fn wrong_passwords_are_counted_with_those_at_sign_in(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    for _ in 0..2 {
        let rejected = Refusal::of(CredentialsRejected);
        assert_eq!(refused(account.prove_password("wrong").await), rejected);
        assert_eq!(refused(account.change_password("wrong", NEW).await), rejected);
    }
    let refusal = refused(acme.web.sign_in(EMAIL, "wrong").await);
    assert_eq!(refusal, Refusal::of(CredentialsRejected));
    let throttled = Refusal::of(Throttled).wait(acme.server.now(), Duration::from_secs(3));
    assert_eq!(refused(account.prove_password(PASSWORD).await), throttled);
    assert_eq!(refused(account.change_password(PASSWORD, NEW).await), throttled);
    acme.server.pass(Duration::from_secs(3));
    account.prove_password(PASSWORD).await.unwrap();
}

async fn the_password_is_changed_and_every_other_session_ends(server: TestServer) {
    let acme = Acme::new(server).await;
    let (account, other) = (signed_in(&acme).await, signed_in(&acme).await);
    assert_eq!(account.change_password(PASSWORD, NEW).await.unwrap(), 1);
    let ended = Refusal::session_ended("password_changed");
    assert_eq!(refused(other.validate().await), ended);
    let session = account.validate().await.unwrap();
    assert_eq!(time(session.authentication_time), acme.server.now());
    let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(CredentialsRejected));
    assert_eq!(acme.web.sign_in(EMAIL, NEW).await.unwrap().step(), "session");
}

async fn a_change_ends_sign_ins_under_way(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let phone = acme.enable_in(&account).await;
    let sign_in = acme.sign_in().await;
    account.change_password(PASSWORD, NEW).await.unwrap();
    acme.next_code();
    let code = phone.code(acme.server.now());
    let refusal = refused(acme.web.totp(&sign_in.token, &code).await);
    assert_eq!(refusal, Refusal::of(v1::ErrorReason::SignInInvalid));
}

async fn a_change_of_password_asks_for_a_fresh_proof_of_the_right_kind(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.server.pass(WINDOW);
    acme.server.pass_the_rest();
    let refusal = refused(account.change_password(PASSWORD, NEW).await);
    assert_eq!(refusal, needs_proof("password"));
    account.prove_password(PASSWORD).await.unwrap();
    let phone = acme.enable_in(&account).await;

    acme.server.pass(WINDOW);
    acme.server.pass_the_rest();
    let refusal = refused(account.change_password(PASSWORD, NEW).await);
    assert_eq!(refusal, needs_proof("totp_code"));
    account.prove_totp(&phone.code(acme.server.now())).await.unwrap();
    account.change_password(PASSWORD, NEW).await.unwrap();
}

async fn a_change_needs_the_present_password(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let refusal = refused(account.change_password(NEW, NEW).await);
    assert_eq!(refusal, Refusal::of(CredentialsRejected));
    let refusal = refused(account.change_password("", "").await);
    assert_eq!(refusal, Refusal::invalid(&["current_password", "new_password"]));
    acme.password_session().await;
}

async fn a_new_password_has_to_meet_the_policy(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let before = acme.server.password_comparisons();
    for bad in ["horse battery", "passwordpassword", "Acme Billing 2026", EMAIL] {
        let refusal = refused(account.change_password(PASSWORD, bad).await);
        assert_eq!(refusal, Refusal::of(PasswordPolicy).fields(&["new_password"]), "{bad}");
    }
    assert_eq!(acme.server.password_comparisons(), before, "and charges nobody");
    acme.password_session().await;
}

async fn a_portal_that_uses_saml_changes_no_password(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.use_saml().await;
    let refusal = refused(account.change_password(PASSWORD, NEW).await);
    assert_eq!(refusal, Refusal::of(PortalUsesSaml));
    let unknown = acme.web.account(&format!("ghs_{}", "A".repeat(43)));
    let refusal = refused(unknown.change_password(PASSWORD, NEW).await);
    assert_eq!(refusal, Refusal::of(PortalUsesSaml), "before the session is looked at");
}
