//! The main job: email, password and an authenticator, where the portal enforces it.

use std::time::Duration;

use gatehouse_api::v1;
use v1::EnrollmentState::{Pending, Verified};
use v1::SecondFactorType::{BackupCode, Totp};

use gatehouse_tests::{
    Acme, Authenticator, EMAIL, PASSWORD, PORTAL, SignInExt, TestServer, client, time,
};

gatehouse_tests::on_each_database! {
    a_portal_is_made_and_enforced_after_a_preview,
    the_first_enforced_sign_in_goes_through_every_step,
    the_next_sign_in_takes_the_next_code,
    a_pending_secret_is_shown_until_a_code_is_verified,
    an_enrollment_can_be_deleted_and_changed,
    enabling_again_answers_as_the_first_time,
    backup_codes_are_made_as_often_as_asked_and_the_last_set_counts,
    get_sign_in_shows_every_step,
}

async fn a_portal_is_made_and_enforced_after_a_preview(server: TestServer) {
    let acme = Acme::new(server).await;
    let portal = acme.admin.portal(PORTAL).await.unwrap();
    assert_eq!(portal.display_name, "Acme Billing");
    assert!(!portal.mfa.as_ref().unwrap().enforced);
    let session = acme.password_session().await;

    let mfa = Some(v1::MfaPolicy { enforced: true, ..Default::default() });
    let change = v1::Portal { name: PORTAL.to_owned(), mfa, ..Default::default() };
    let impact = acme.admin.preview(change.clone(), &["mfa.enforced"]).await.unwrap();
    assert_eq!((impact.customers, impact.customers_with_factor), (1, 0));
    assert_eq!((impact.customers_to_enroll, impact.weaker_sessions), (1, 1));
    let unchanged = acme.admin.portal(PORTAL).await.unwrap();
    assert!(unchanged == portal, "a preview changes nothing");

    acme.server.pass(Duration::from_secs(1));
    let updated = acme.admin.update_portal(change, &["mfa.enforced"]).await.unwrap();
    assert!(updated.impact.unwrap() == impact);
    let updated = updated.portal.unwrap();
    assert!(updated.mfa.as_ref().unwrap().enforced);
    assert_eq!(updated.display_name, "Acme Billing");
    assert_ne!(updated.etag, portal.etag);
    assert_eq!(time(updated.update_time), acme.server.now());
    assert_eq!(updated.create_time, portal.create_time);
    // Weaker sessions go on unless the update ends them.
    acme.web.validate(&session.token).await.unwrap();
}

async fn the_first_enforced_sign_in_goes_through_every_step(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let (web, now) = (&acme.web, acme.server.now());

    let started = web.start(" Ana@EXAMPLE.com ").await.unwrap();
    assert_eq!(started.step(), "password");
    assert_eq!(started.email, "Ana@EXAMPLE.com", "as typed");
    assert_eq!(time(started.expire_time), now + Duration::from_mins(5));
    assert!(started.token.starts_with("ghi_"));

    let proven = web.password(&started.token, PASSWORD).await.unwrap();
    assert_eq!(proven.step(), "enroll");
    assert_eq!(proven.email, EMAIL, "the customer's own");
    assert_eq!(time(proven.expire_time), now + Duration::from_mins(15));
    assert_ne!(proven.token, started.token);
    assert_eq!(proven.token.len(), "ghi_".len() + 43);
    assert!(proven.pending().is_none() && !proven.enroll().optional);
    assert_eq!(proven.enroll().available, [i32::from(v1::FactorType::Totp)]);

    let token = proven.token;
    let enrolling = web.start_enrollment(&token).await.unwrap();
    let (state, setup) = enrolling.pending().unwrap();
    assert!(state == Pending);
    assert_eq!(
        setup.otpauth_uri,
        format!(
            "otpauth://totp/Acme%20Billing:ana%40example.com?secret={}&issuer=Acme%20Billing\
             &algorithm=SHA1&digits=6&period=30",
            setup.secret
        )
    );
    assert_eq!(setup.secret.len(), 32, "160 bits");
    assert!(setup.qr_svg.starts_with("<svg "));
    let phone = Authenticator::with_secret(&setup.secret);

    let verified = web.verify_enrollment(&token, &phone.code(now)).await.unwrap();
    assert!(verified.pending().unwrap().0 == Verified);
    assert_eq!(web.enable_mfa(&token).await.unwrap().step(), "backup_codes");
    let (codes, sign_in) = web.backup_codes(&token).await.unwrap();
    assert_eq!(sign_in.step(), "backup_codes");
    assert_eq!(codes.len(), 5);
    assert!(codes.iter().all(|code| code.len() == 19), "four groups of four");

    let finished = web.finish(&token).await.unwrap();
    assert_eq!(finished.token, token, "it changes once");
    let issued = finished.issued();
    assert_eq!(issued.backup_codes_remaining, 5);
    assert!(issued.token.starts_with("ghs_") && issued.enroll_by_time.is_none());

    let valid = web.validate_multi_factor(&issued.token).await.unwrap();
    assert_eq!((valid.customer, valid.email), (acme.customer.clone(), EMAIL.to_owned()));
    let session = valid.session.unwrap();
    assert!(session.assurance() == v1::Assurance::MultiFactor);
    assert_eq!(time(session.create_time), now);
    assert_eq!(time(session.authentication_time), now);
    assert_eq!(time(session.second_factor_time), now);
    assert_eq!(time(session.expire_time), now + Duration::from_mins(30));
    assert!(session.client == Some(client()), "sealed at the start of the sign-in");
    assert!(session.name.starts_with(&format!("{}/sessions/", acme.customer)));

    let customer = acme.admin.customer(&acme.customer).await.unwrap();
    assert_eq!(time(customer.last_sign_in_time), now);
    let mfa = customer.mfa.unwrap();
    assert!(mfa.state() == v1::MfaState::Enabled);
    assert_eq!((mfa.factors.len(), mfa.backup_codes_remaining), (1, 5));
    assert!(mfa.enforced && mfa.pending.is_none());
}

async fn the_next_sign_in_takes_the_next_code(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let sign_in = acme.sign_in().await;
    assert_eq!(sign_in.step(), "second_factor");
    assert!(sign_in.accepted() == [Totp, BackupCode]);
    assert_eq!(time(sign_in.expire_time), acme.server.now() + Duration::from_mins(5));

    let code = ana.phone.code(acme.server.now());
    // As apps show it, and as an input method may type it.
    let typed = format!(" {} {}", &code[..3], &code[3..]);
    let issued = acme.web.totp(&sign_in.token, &typed).await.unwrap().issued();
    assert_ne!(issued.token, ana.session.token);
    acme.web.validate_multi_factor(&issued.token).await.unwrap();
    acme.web.validate_multi_factor(&ana.session.token).await.unwrap();
}

async fn a_pending_secret_is_shown_until_a_code_is_verified(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let token = acme.sign_in().await.token;
    let started = acme.web.start_enrollment(&token).await.unwrap();
    let (_, setup) = started.pending().unwrap();
    let again = acme.web.get(&token).await.unwrap();
    assert!(again.pending().unwrap() == (Pending, setup));

    let phone = Authenticator::with_secret(&setup.secret);
    let wrong = phone.wrong_code(acme.server.now());
    assert!(acme.web.verify_enrollment(&token, &wrong).await.is_err());
    let again = acme.web.get(&token).await.unwrap();
    assert!(again.pending().unwrap() == (Pending, setup), "same secret, same QR");

    let verified = acme.web.verify_enrollment(&token, &phone.code(acme.server.now())).await;
    for sign_in in [verified.unwrap(), acme.web.get(&token).await.unwrap()] {
        let (state, setup) = sign_in.pending().unwrap();
        assert!(state == Verified);
        assert_eq!((setup.secret.as_str(), setup.otpauth_uri.as_str()), ("", ""));
        assert_eq!(setup.qr_svg, "");
    }
}

async fn an_enrollment_can_be_deleted_and_changed(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    let token = &sign_in.token;
    let first = acme.start_enrollment(&sign_in).await;
    for _ in 0..2 {
        let deleted = acme.web.delete_enrollment(token).await.unwrap();
        assert_eq!(deleted.step(), "enroll");
        assert!(deleted.pending().is_none());
    }
    let second = acme.start_enrollment(&sign_in).await;
    let third = acme.start_enrollment(&sign_in).await;
    let now = acme.server.now();
    assert!(first.code(now) != second.code(now) || first.code(now) != third.code(now));
    assert!(acme.web.verify_enrollment(token, &second.code(now)).await.is_err());
    acme.web.verify_enrollment(token, &third.code(now)).await.unwrap();

    // Also once it is verified.
    let fourth = acme.start_enrollment(&sign_in).await;
    assert!(acme.web.get(token).await.unwrap().pending().unwrap().0 == Pending);
    acme.web.verify_enrollment(token, &fourth.code(now)).await.unwrap();
    acme.web.enable_mfa(token).await.unwrap();
    acme.web.finish(token).await.unwrap();
    acme.next_code();
    acme.totp_session(&fourth).await;
}

async fn enabling_again_answers_as_the_first_time(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    let phone = acme.enable(&sign_in).await;
    for _ in 0..2 {
        let again = acme.web.enable_mfa(&sign_in.token).await.unwrap();
        assert_eq!((again.step(), &again.token), ("backup_codes", &sign_in.token));
    }
    acme.web.finish(&sign_in.token).await.unwrap();
    acme.next_code();
    acme.totp_session(&phone).await;
}

async fn backup_codes_are_made_as_often_as_asked_and_the_last_set_counts(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let sign_in = acme.sign_in().await;
    acme.enable(&sign_in).await;
    let (first, _) = acme.web.backup_codes(&sign_in.token).await.unwrap();
    let (second, _) = acme.web.backup_codes(&sign_in.token).await.unwrap();
    assert!(first.iter().all(|code| !second.contains(code)));
    let issued = acme.web.finish(&sign_in.token).await.unwrap().issued();
    assert_eq!(issued.backup_codes_remaining, 5);

    let sign_in = acme.sign_in().await;
    assert!(acme.web.backup_code(&sign_in.token, &first[0]).await.is_err());
    acme.web.backup_code(&sign_in.token, &second[0]).await.unwrap();
}

async fn get_sign_in_shows_every_step(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let web = &acme.web;
    let shown = async |sign_in: &v1::SignIn| {
        let got = web.get(&sign_in.token).await.unwrap();
        assert!(got == *sign_in, "at {}", sign_in.step());
    };
    let started = web.start(EMAIL).await.unwrap();
    shown(&started).await;
    let proven = web.password(&started.token, PASSWORD).await.unwrap();
    shown(&proven).await;
    shown(&web.start_enrollment(&proven.token).await.unwrap()).await;
    let phone = acme.enable(&proven).await;
    shown(&web.enable_mfa(&proven.token).await.unwrap()).await;
    shown(&web.backup_codes(&proven.token).await.unwrap().1).await;
    web.finish(&proven.token).await.unwrap();
    assert!(web.get(&proven.token).await.is_err(), "it is over");

    acme.next_code();
    let asked = acme.sign_in().await;
    shown(&asked).await;
    web.totp(&asked.token, &phone.code(acme.server.now())).await.unwrap();
    assert!(web.get(&asked.token).await.is_err(), "it is over");
}
