//! A policy that changes while customers are signing in.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{PortalUsesSaml, SignInInvalid};

use gatehouse_tests::{
    Acme, EMAIL, PASSWORD, Refusal, SignInExt, TestServer, refused, saml, time, timestamp,
};

gatehouse_tests::on_each_database! {
    enforcement_counts_from_the_moment_of_the_password,
    enforcement_counts_until_the_session,
    enforcement_that_has_ended_makes_enrolling_optional,
    an_optional_enrollment_can_still_be_made,
    switching_enforcement_off_leaves_factors_in_force,
    announced_enforcement_is_told_and_then_counts,
    a_reset_ends_sign_ins_and_sessions,
    a_reset_leaves_a_start_alone,
    after_a_reset_without_enforcement_the_password_is_enough,
    a_saml_portal_sends_the_browser_there,
    saml_stops_every_sign_in_under_way,
    saml_leaves_live_sessions_alone,
}

/// Keycloak (CVE-2026-94218), Zitadel (CVE-2025-64103): the policy was read once, at the start.
async fn enforcement_counts_from_the_moment_of_the_password(server: TestServer) {
    let acme = Acme::new(server).await;
    let started = acme.web.start(EMAIL).await.unwrap();
    acme.enforce(true).await;
    let proven = acme.web.password(&started.token, PASSWORD).await.unwrap();
    assert_eq!(proven.step(), "enroll");
}

/// What counts is the policy at the commit of the session (C2).
async fn enforcement_counts_until_the_session(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let token = acme.sign_in().await.token;
    acme.enforce(false).await;
    assert!(acme.web.get(&token).await.unwrap().enroll().optional);
    acme.enforce(true).await;
    assert_eq!(refused(acme.web.finish(&token).await), Refusal::step("enroll"));
    assert!(!acme.web.get(&token).await.unwrap().enroll().optional);
}

async fn enforcement_that_has_ended_makes_enrolling_optional(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    acme.start_enrollment(&sign_in).await;
    acme.enforce(false).await;
    acme.server.pass(Duration::from_mins(1));
    let issued = acme.web.finish(&sign_in.token).await.unwrap().issued();
    assert_eq!(issued.backup_codes_remaining, 0);
    let session = acme.web.validate(&issued.token).await.unwrap().session.unwrap();
    assert!(session.assurance() == v1::Assurance::Password);
    let proven_at = acme.server.now() - Duration::from_mins(1);
    assert_eq!(time(session.authentication_time), proven_at, "the password was proven then");
    assert!(session.second_factor_time.is_none());
}

async fn an_optional_enrollment_can_still_be_made(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    acme.enforce(false).await;
    acme.enable(&sign_in).await;
    let issued = acme.web.finish(&sign_in.token).await.unwrap().issued();
    acme.web.validate_multi_factor(&issued.token).await.unwrap();
}

/// Who set up a factor is asked for it, whatever the portal asks of others (C1).
async fn switching_enforcement_off_leaves_factors_in_force(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    acme.enforce(false).await;
    let sign_in = acme.sign_in().await;
    assert_eq!(sign_in.step(), "second_factor");
    assert_eq!(refused(acme.web.finish(&sign_in.token).await), Refusal::step("second_factor"));
    acme.totp_session(&ana.phone).await;
}

async fn announced_enforcement_is_told_and_then_counts(server: TestServer) {
    let acme = Acme::new(server).await;
    let from = acme.server.now() + Duration::from_hours(24);
    let mfa = Some(v1::MfaPolicy {
        enforced: true,
        enforced_from_time: Some(timestamp(from)),
        ..Default::default()
    });
    let change = v1::Portal { mfa, ..Default::default() };
    let answer = acme.update(change, &["mfa.enforced", "mfa.enforced_from_time"]).await;
    assert_eq!(answer.impact.unwrap().customers_to_enroll, 1, "counts as in force");

    let issued = acme.password_session().await;
    assert_eq!(time(issued.enroll_by_time), from);
    let mfa = acme.admin.customer(&acme.customer).await.unwrap().mfa.unwrap();
    assert!(time(mfa.enroll_by_time) == from && !mfa.enforced);

    acme.server.pass_almost(Duration::from_hours(24));
    assert_eq!(acme.sign_in().await.step(), "session");
    acme.server.pass_the_rest();
    let ana = acme.enroll().await;
    assert!(ana.session.enroll_by_time.is_none());
    let mfa = acme.admin.customer(&acme.customer).await.unwrap().mfa.unwrap();
    assert!(mfa.enroll_by_time.is_none() && mfa.enforced);
}

/// Keycloak 10232, Zitadel 8288: sessions outlived the reset of the factor (C7).
async fn a_reset_ends_sign_ins_and_sessions(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let at_code = acme.sign_in().await;
    let answer = acme.admin.reset_mfa(&acme.customer).await.unwrap();
    assert_eq!(answer.sessions_ended, 1);
    let mfa = answer.customer.unwrap().mfa.unwrap();
    assert!(mfa.state() == v1::MfaState::Disabled && mfa.factors.is_empty());
    assert_eq!(mfa.backup_codes_remaining, 0);

    let refusal = refused(acme.web.validate(&ana.session.token).await);
    assert_eq!(refusal, Refusal::session_ended("mfa_reset"));
    let code = ana.phone.code(acme.server.now());
    assert_eq!(refused(acme.web.totp(&at_code.token, &code).await), Refusal::of(SignInInvalid));
    let at_enroll = acme.sign_in().await;
    assert_eq!(at_enroll.step(), "enroll", "MFA is still enforced");

    let answer = acme.admin.reset_mfa(&acme.customer).await.unwrap();
    assert_eq!(answer.sessions_ended, 0);
    let refusal = refused(acme.web.start_enrollment(&at_enroll.token).await);
    assert_eq!(refusal, Refusal::of(SignInInvalid));
    let again = acme.enroll().await;
    let old = ana.phone.code(acme.server.now());
    let sign_in = acme.sign_in().await;
    assert_eq!(refused(acme.web.totp(&sign_in.token, &old).await), Refusal::wrong_code(9));
    let refusal = refused(acme.web.backup_code(&sign_in.token, &ana.backup_codes[0]).await);
    assert_eq!(refusal, Refusal::wrong_code(8), "the older set is gone");
    acme.totp_session(&again.phone).await;
}

async fn a_reset_leaves_a_start_alone(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let started = acme.web.start(EMAIL).await.unwrap();
    acme.admin.reset_mfa(&acme.customer).await.unwrap();
    assert_eq!(acme.web.password(&started.token, PASSWORD).await.unwrap().step(), "enroll");
}

async fn after_a_reset_without_enforcement_the_password_is_enough(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    acme.enroll().await;
    acme.enforce(false).await;
    acme.admin.reset_mfa(&acme.customer).await.unwrap();
    let issued = acme.password_session().await;
    assert_eq!(issued.backup_codes_remaining, 0);
}

async fn a_saml_portal_sends_the_browser_there(server: TestServer) {
    let acme = Acme::new(server).await;
    let before = acme.web.start(EMAIL).await.unwrap();
    acme.use_saml().await;
    let after = acme.web.start("nobody@example.com").await.unwrap();
    for token in [&before.token, &after.token] {
        let sign_in = acme.web.get(token).await.unwrap();
        let Some(v1::sign_in::Next::Saml(page)) = sign_in.next else { panic!("not saml") };
        assert_eq!(page.sso_url, saml().sso_url);
        let before = acme.server.password_comparisons();
        let refusal = refused(acme.web.password(token, PASSWORD).await);
        assert_eq!(refusal, Refusal::of(PortalUsesSaml));
        assert_eq!(acme.server.password_comparisons(), before);
    }
    assert_eq!(after.step(), "saml");

    acme.update(v1::Portal::default(), &["saml"]).await;
    acme.web.password(&before.token, PASSWORD).await.unwrap().issued();
}

async fn saml_stops_every_sign_in_under_way(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let at_code = acme.sign_in().await.token;
    acme.admin.create_customer("portals/acme", "ben@example.com", PASSWORD).await.unwrap();
    let at_enroll = acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap().token;
    let at_codes = acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap();
    let saml = Some(saml());
    acme.enable(&at_codes).await;
    acme.update(v1::Portal { saml, ..Default::default() }, &["mfa.enforced", "saml"]).await;

    let web = &acme.web;
    let code = ana.phone.code(acme.server.now());
    let stopped = Refusal::of(PortalUsesSaml);
    for token in [&at_code, &at_enroll, &at_codes.token] {
        assert_eq!(web.get(token).await.unwrap().step(), "saml");
        assert_eq!(refused(web.password(token, PASSWORD).await), stopped);
        assert_eq!(refused(web.totp(token, &code).await), stopped);
        assert_eq!(refused(web.start_enrollment(token).await), stopped);
        assert_eq!(refused(web.verify_enrollment(token, &code).await), stopped);
        assert_eq!(refused(web.delete_enrollment(token).await), stopped);
        assert_eq!(refused(web.enable_mfa(token).await), stopped);
        assert_eq!(refused(web.backup_codes(token).await), stopped);
        assert_eq!(refused(web.finish(token).await), stopped);
    }
    acme.update(v1::Portal::default(), &["saml"]).await;
    web.totp(&at_code, &code).await.unwrap().issued();
}

async fn saml_leaves_live_sessions_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let issued = acme.password_session().await;
    acme.use_saml().await;
    acme.web.validate(&issued.token).await.unwrap();
    assert_eq!(acme.web.sign_out(&issued.token).await.unwrap(), 1);
}
