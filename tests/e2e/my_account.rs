//! My Account: a signed-in customer sets up, changes and ends their own MFA.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::EnrollmentState::{Pending, Verified};
use gatehouse_api::v1::ErrorReason::{
    EnrollmentNotStarted, EnrollmentNotVerified, MfaEnforced, MfaNotEnabled,
    ReauthenticationRequired, SessionInvalid,
};

use gatehouse_tests::{
    Acme, EMAIL, MyAccount, PORTAL, Refusal, SignInExt, TestServer, refused, setup, time, timestamp,
};

gatehouse_tests::on_each_database! {
    a_customer_sets_up_mfa_and_the_session_becomes_multi_factor,
    other_sessions_stay_at_the_assurance_they_had,
    a_change_keeps_the_old_authenticator_until_the_new_one_is_enabled,
    an_enrollment_belongs_to_its_session,
    what_is_not_in_force_yet_can_be_deleted,
    enabling_again_answers_as_the_first_time,
    enabling_ends_what_others_have_started,
    the_fifth_wrong_code_ends_the_enrollment_of_a_session,
    mfa_is_disabled_with_its_backup_codes,
    mfa_is_not_disabled_while_it_is_enforced,
    new_backup_codes_take_the_place_of_the_old,
    changes_of_mfa_ask_for_a_fresh_proof,
    the_proof_of_a_replaced_authenticator_changes_nothing,
    a_dead_session_does_nothing,
    mfa_says_what_the_portal_asks,
    saml_leaves_my_account_as_it_is,
}

const WINDOW: Duration = Duration::from_mins(5);

/// A customer without MFA, in My Account.
async fn signed_in(acme: &Acme) -> MyAccount {
    acme.web.account(&acme.password_session().await.token)
}

fn needs_proof(accepted: &str) -> Refusal {
    Refusal::of(ReauthenticationRequired).with("accepted", accepted)
}

async fn a_customer_sets_up_mfa_and_the_session_becomes_multi_factor(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let before = account.mfa().await.unwrap();
    assert!(before.state() == v1::MfaState::Disabled && before.pending.is_none());
    assert_eq!(before.available, [i32::from(v1::FactorType::Totp)]);

    let started = account.start_enrollment().await.unwrap();
    let (state, totp) = setup(&started).unwrap();
    assert!(state == Pending && totp.qr_svg.starts_with("<svg "));
    assert!(account.mfa().await.unwrap() == started, "it can be read again while pending");
    let phone = gatehouse_tests::Authenticator::with_secret(&totp.secret);
    let wrong = phone.wrong_code(acme.server.now());
    assert_eq!(refused(account.verify_enrollment(&wrong).await), Refusal::wrong_code(4));
    let verified = account.verify_enrollment(&phone.code(acme.server.now())).await.unwrap();
    let (state, totp) = setup(&verified).unwrap();
    assert!(state == Verified && totp.secret.is_empty() && totp.qr_svg.is_empty());
    assert!(account.validate().await.unwrap().assurance() == v1::Assurance::Password);

    let enabled = account.enable_mfa().await.unwrap();
    assert!(enabled.state() == v1::MfaState::Enabled && enabled.pending.is_none());
    assert_eq!((enabled.factors.len(), enabled.backup_codes_remaining), (1, 0));
    let session = account.validate().await.unwrap();
    assert!(session.assurance() == v1::Assurance::MultiFactor);
    assert_eq!(time(session.second_factor_time), acme.server.now());

    let (codes, mfa) = account.backup_codes().await.unwrap();
    assert_eq!((codes.len(), mfa.backup_codes_remaining), (5, 5));
    assert_eq!(time(mfa.backup_codes_create_time), acme.server.now());
    acme.next_code();
    acme.totp_session(&phone).await;
}

async fn other_sessions_stay_at_the_assurance_they_had(server: TestServer) {
    let acme = Acme::new(server).await;
    let (account, other) = (signed_in(&acme).await, signed_in(&acme).await);
    acme.enable_in(&account).await;
    assert!(other.validate().await.unwrap().assurance() == v1::Assurance::Password);
}

async fn a_change_keeps_the_old_authenticator_until_the_new_one_is_enabled(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let old = acme.enable_in(&account).await;
    let (codes, _) = account.backup_codes().await.unwrap();
    let new = account.scan().await.unwrap();
    acme.next_code();
    acme.totp_session(&old).await;
    account.verify_enrollment(&new.code(acme.server.now())).await.unwrap();
    acme.next_code();
    acme.totp_session(&old).await;

    let changed = account.enable_mfa().await.unwrap();
    assert_eq!(changed.factors.len(), 1);
    assert_eq!(changed.backup_codes_remaining, 5, "kept across a change");
    acme.next_code();
    let sign_in = acme.sign_in().await;
    let code = old.code(acme.server.now());
    assert_eq!(refused(acme.web.totp(&sign_in.token, &code).await), Refusal::wrong_code(9));
    acme.totp_session(&new).await;
    let sign_in = acme.sign_in().await;
    acme.web.backup_code(&sign_in.token, &codes[0]).await.unwrap();
}

async fn an_enrollment_belongs_to_its_session(server: TestServer) {
    let acme = Acme::new(server).await;
    let (own, other) = (signed_in(&acme).await, signed_in(&acme).await);
    let phone = own.scan().await.unwrap();
    assert!(other.mfa().await.unwrap().pending.is_none());
    let code = phone.code(acme.server.now());
    let refusal = refused(other.verify_enrollment(&code).await);
    assert_eq!(refusal, Refusal::of(EnrollmentNotStarted));
    assert!(other.delete_enrollment().await.unwrap().pending.is_none());
    own.verify_enrollment(&code).await.unwrap();
    assert_eq!(refused(other.enable_mfa().await), Refusal::of(EnrollmentNotStarted));
    let mfa = acme.admin.customer(&acme.customer).await.unwrap().mfa.unwrap();
    assert!(mfa.pending.is_none() && mfa.factors.is_empty());
    own.enable_mfa().await.unwrap();
}

async fn what_is_not_in_force_yet_can_be_deleted(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    assert_eq!(refused(account.enable_mfa().await), Refusal::of(EnrollmentNotStarted));
    let phone = account.scan().await.unwrap();
    assert_eq!(refused(account.enable_mfa().await), Refusal::of(EnrollmentNotVerified));
    for _ in 0..2 {
        assert!(account.delete_enrollment().await.unwrap().pending.is_none());
    }
    let code = phone.code(acme.server.now());
    let refusal = refused(account.verify_enrollment(&code).await);
    assert_eq!(refusal, Refusal::of(EnrollmentNotStarted));
}

async fn enabling_again_answers_as_the_first_time(server: TestServer) {
    let acme = Acme::new(server).await;
    let (account, other) = (signed_in(&acme).await, signed_in(&acme).await);
    acme.enable_in(&account).await;
    let first = account.mfa().await.unwrap();
    assert!(account.enable_mfa().await.unwrap() == first);
    acme.server.pass(WINDOW + WINDOW);
    assert!(account.enable_mfa().await.unwrap() == first, "however late");
    assert_eq!(refused(other.enable_mfa().await), Refusal::of(EnrollmentNotStarted));
}

async fn enabling_ends_what_others_have_started(server: TestServer) {
    let acme = Acme::new(server).await;
    let (one, other) = (signed_in(&acme).await, signed_in(&acme).await);
    let losing = other.scan().await.unwrap();
    other.verify_enrollment(&losing.code(acme.server.now())).await.unwrap();
    acme.enable_in(&one).await;
    assert_eq!(refused(other.enable_mfa().await), Refusal::of(EnrollmentNotStarted));
}

async fn the_fifth_wrong_code_ends_the_enrollment_of_a_session(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let phone = account.scan().await.unwrap();
    let wrong = phone.wrong_code(acme.server.now());
    for left in (0..5).rev() {
        let refusal = refused(account.verify_enrollment(&wrong).await);
        assert_eq!(refusal, Refusal::wrong_code(left));
    }
    let right = phone.code(acme.server.now());
    let refusal = refused(account.verify_enrollment(&right).await);
    assert_eq!(refusal, Refusal::of(EnrollmentNotStarted));
    assert!(acme.admin.customer(&acme.customer).await.unwrap().lock.is_none());
}

async fn mfa_is_disabled_with_its_backup_codes(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.enable_in(&account).await;
    account.backup_codes().await.unwrap();
    for _ in 0..2 {
        let disabled = account.disable_mfa().await.unwrap();
        assert!(disabled.state() == v1::MfaState::Disabled);
        assert_eq!((disabled.factors.len(), disabled.backup_codes_remaining), (0, 0));
    }
    assert_eq!(acme.sign_in().await.step(), "session");
    assert_eq!(refused(account.backup_codes().await), Refusal::of(MfaNotEnabled));
}

async fn mfa_is_not_disabled_while_it_is_enforced(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.enable_in(&account).await;
    acme.enforce(true).await;
    assert_eq!(refused(account.disable_mfa().await), Refusal::of(MfaEnforced));
    assert!(account.mfa().await.unwrap().enforced);

    let tomorrow = acme.server.now() + Duration::from_hours(24);
    let mfa = v1::MfaPolicy {
        enforced: true,
        enforced_from_time: Some(timestamp(tomorrow)),
        ..Default::default()
    };
    acme.update(v1::Portal { mfa: Some(mfa), ..Default::default() }, &["mfa"]).await;
    account.disable_mfa().await.unwrap();
    let mfa = account.mfa().await.unwrap();
    assert_eq!((mfa.enforced, time(mfa.enroll_by_time)), (false, tomorrow));
}

async fn new_backup_codes_take_the_place_of_the_old(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    assert_eq!(refused(account.backup_codes().await), Refusal::of(MfaNotEnabled));
    acme.enable_in(&account).await;
    let (old, _) = account.backup_codes().await.unwrap();
    let (new, mfa) = account.backup_codes().await.unwrap();
    assert_eq!(mfa.backup_codes_remaining, 5);
    let token = acme.sign_in().await.token;
    let refusal = refused(acme.web.backup_code(&token, &old[0]).await);
    assert_eq!(refusal, Refusal::wrong_code(9));
    acme.web.backup_code(&token, &new[0]).await.unwrap();
}

async fn changes_of_mfa_ask_for_a_fresh_proof(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.server.pass(WINDOW);
    let phone = account.scan().await.unwrap();
    acme.server.pass_the_rest();
    assert_eq!(refused(account.start_enrollment().await), needs_proof("password"));
    // To verify a code is a proof of its own, and changes nothing that is in force.
    account.verify_enrollment(&phone.code(acme.server.now())).await.unwrap();
    assert_eq!(refused(account.enable_mfa().await), needs_proof("password"));
    account.prove_password(gatehouse_tests::PASSWORD).await.unwrap();
    account.enable_mfa().await.unwrap();

    acme.server.pass(WINDOW);
    account.backup_codes().await.unwrap();
    acme.server.pass_the_rest();
    let stale = needs_proof("totp_code,backup_code");
    assert_eq!(refused(account.start_enrollment().await), stale);
    assert_eq!(refused(account.backup_codes().await), stale);
    assert_eq!(refused(account.disable_mfa().await), stale);
    account.mfa().await.unwrap();
    account.delete_enrollment().await.unwrap();
    account.prove_totp(&phone.code(acme.server.now())).await.unwrap();
    account.backup_codes().await.unwrap();
    account.start_enrollment().await.unwrap();
    account.disable_mfa().await.unwrap();
}

async fn the_proof_of_a_replaced_authenticator_changes_nothing(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    let lost = acme.enable_in(&account).await;
    acme.next_code();
    let thief = acme.web.account(&acme.totp_session(&lost).await.token);
    acme.server.pass(Duration::from_secs(1));
    let new = acme.enable_in(&account).await;
    assert_eq!(refused(thief.start_enrollment().await), needs_proof("totp_code"));
    assert_eq!(refused(thief.disable_mfa().await), needs_proof("totp_code"));
    assert!(thief.validate().await.unwrap().assurance() == v1::Assurance::MultiFactor);
    acme.next_code();
    thief.prove_totp(&new.code(acme.server.now())).await.unwrap();
    thief.start_enrollment().await.unwrap();
}

async fn a_dead_session_does_nothing(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.web.sign_out(&account.token).await.unwrap();
    let unknown = acme.web.account(&format!("ghs_{}", "A".repeat(43)));
    let cases =
        [(account, Refusal::session_ended("signed_out")), (unknown, Refusal::of(SessionInvalid))];
    for (account, dead) in cases {
        assert_eq!(refused(account.mfa().await), dead);
        assert_eq!(refused(account.start_enrollment().await), dead);
        assert_eq!(refused(account.verify_enrollment("123456").await), dead);
        assert_eq!(refused(account.delete_enrollment().await), dead);
        assert_eq!(refused(account.enable_mfa().await), dead);
        assert_eq!(refused(account.backup_codes().await), dead);
        assert_eq!(refused(account.disable_mfa().await), dead);
        assert_eq!(refused(account.prove_password("x").await), dead);
        assert_eq!(refused(account.prove_totp("123456").await), dead);
        assert_eq!(refused(account.change_password("x", "y").await), dead);
        assert_eq!(refused(account.sessions(0, "").await), dead);
    }
}

async fn mfa_says_what_the_portal_asks(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    assert!(!account.mfa().await.unwrap().enforced);
    acme.enforce(true).await;
    let mfa = account.mfa().await.unwrap();
    assert!(mfa.enforced && mfa.enroll_by_time.is_none());
    let own = acme.web.client().get_own_portal(v1::GetOwnPortalRequest {}).await.unwrap();
    let seen = acme.admin.portal(PORTAL).await.unwrap();
    assert!(own.into_inner().portal == Some(seen));
}

async fn saml_leaves_my_account_as_it_is(server: TestServer) {
    let acme = Acme::new(server).await;
    let account = signed_in(&acme).await;
    acme.use_saml().await;
    let phone = acme.enable_in(&account).await;
    account.backup_codes().await.unwrap();
    acme.next_code();
    account.prove_totp(&phone.code(acme.server.now())).await.unwrap();
    account.disable_mfa().await.unwrap();
    assert_eq!(acme.web.start(EMAIL).await.unwrap().step(), "saml");
}
