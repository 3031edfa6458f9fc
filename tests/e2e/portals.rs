//! Portals: making, changing, and the rule about SAML and enforcement.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    EtagMismatch, MfaEnforcementSamlConflict, ResourceExists, ResourceNotFound,
};

use gatehouse_tests::{
    Acme, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, refused, saml, timestamp,
};

gatehouse_tests::on_each_database! {
    a_portal_id_is_taken_once,
    a_portal_that_is_not_there_is_named,
    an_etag_has_to_match,
    of_two_updates_with_one_etag_one_wins,
    saml_and_enforcement_exclude_each_other,
    one_update_may_remove_saml_and_enforce,
    a_mask_leaves_what_it_does_not_name,
    a_named_path_that_is_unset_takes_its_default,
    clearing_enforcement_clears_its_date,
    what_is_in_force_is_shown_where_it_is_unset_too,
    what_is_in_force_cannot_be_written,
    weaker_sessions_end_where_the_update_says_so,
    an_update_with_any_bad_field_changes_nothing,
}

fn mfa(enforced: bool) -> v1::Portal {
    let mfa = Some(v1::MfaPolicy { enforced, ..Default::default() });
    v1::Portal { name: PORTAL.to_owned(), mfa, ..Default::default() }
}

fn conflict() -> Refusal {
    Refusal::of(MfaEnforcementSamlConflict).precondition(PORTAL)
}

async fn a_portal_id_is_taken_once(server: TestServer) {
    let acme = Acme::new(server).await;
    let before = acme.admin.portal(PORTAL).await.unwrap();
    let refusal = refused(acme.admin.create_portal("acme", v1::Portal::default()).await);
    let taken = Refusal::of(ResourceExists).fields(&["portal_id"]).resource("Portal", PORTAL);
    assert_eq!(refusal, taken);
    assert!(acme.admin.portal(PORTAL).await.unwrap() == before);
}

async fn a_portal_that_is_not_there_is_named(server: TestServer) {
    let admin = server.admin();
    let missing = Refusal::of(ResourceNotFound).resource("Portal", PORTAL);
    assert_eq!(refused(admin.portal(PORTAL).await), missing);
    assert_eq!(refused(admin.update_portal(mfa(true), &["mfa.enforced"]).await), missing);
    assert_eq!(refused(admin.create_customer(PORTAL, "a@example.com", "").await), missing);
    assert_eq!(refused(admin.portal_key(PORTAL, v1::PortalAccess::Full).await), missing);
    let key = admin.admin_key(v1::AdminRole::Viewer, &[PORTAL]).await;
    assert_eq!(refused(key), missing);
}

async fn an_etag_has_to_match(server: TestServer) {
    let acme = Acme::new(server).await;
    let read = acme.admin.portal(PORTAL).await.unwrap();
    let change = |etag: &str| v1::Portal { etag: etag.to_owned(), ..mfa(true) };
    acme.admin.update_portal(change(&read.etag), &["mfa.enforced"]).await.unwrap();
    for stale in [read.etag.as_str(), "x"] {
        let refusal = refused(acme.admin.update_portal(change(stale), &["mfa.issuer"]).await);
        assert_eq!(refusal, Refusal::of(EtagMismatch));
        let refusal = refused(acme.admin.preview(change(stale), &["mfa.issuer"]).await);
        assert_eq!(refusal, Refusal::of(EtagMismatch));
    }
}

async fn of_two_updates_with_one_etag_one_wins(server: TestServer) {
    let acme = Acme::new(server).await;
    let etag = acme.admin.portal(PORTAL).await.unwrap().etag;
    let change = |issuer: &str| v1::Portal {
        name: PORTAL.to_owned(),
        mfa: Some(v1::MfaPolicy { issuer: issuer.to_owned(), ..Default::default() }),
        etag: etag.clone(),
        ..Default::default()
    };
    let (one, other) = tokio::join!(
        acme.admin.update_portal(change("one"), &["mfa.issuer"]),
        acme.admin.update_portal(change("other"), &["mfa.issuer"]),
    );
    let (winner, loser) = match (one, other) {
        (Ok(_), loser) => ("one", loser),
        (loser, Ok(_)) => ("other", loser),
        _ => panic!("both lost"),
    };
    assert_eq!(refused(loser), Refusal::of(EtagMismatch));
    assert_eq!(acme.admin.portal(PORTAL).await.unwrap().mfa.unwrap().issuer, winner);
}

async fn saml_and_enforcement_exclude_each_other(server: TestServer) {
    let acme = Acme::new(server).await;
    let with_saml = || v1::Portal { saml: Some(saml()), ..mfa(true) };
    acme.use_saml().await;
    let before = acme.admin.portal(PORTAL).await.unwrap();
    let later = timestamp(acme.server.now() + Duration::from_hours(24));
    let mut announced = mfa(true);
    announced.mfa.as_mut().unwrap().enforced_from_time = Some(later);
    for (change, mask) in [
        (mfa(true), &["mfa.enforced"][..]),
        (mfa(true), &["mfa"]),
        (announced, &["mfa.enforced", "mfa.enforced_from_time"]),
        (with_saml(), &["mfa.enforced", "saml"]),
    ] {
        assert_eq!(refused(acme.admin.update_portal(change.clone(), mask).await), conflict());
        assert_eq!(refused(acme.admin.preview(change, mask).await), conflict());
    }
    assert!(acme.admin.portal(PORTAL).await.unwrap() == before);

    acme.update(v1::Portal::default(), &["saml"]).await;
    acme.enforce(true).await;
    let refusal = refused(acme.admin.update_portal(with_saml(), &["saml"]).await);
    assert_eq!(refusal, conflict(), "the other direction");
    let refusal = refused(acme.admin.create_portal("beta", with_saml()).await);
    let other = Refusal::of(MfaEnforcementSamlConflict).precondition("portals/beta");
    assert_eq!(refusal, other);
    assert!(acme.admin.portal("portals/beta").await.is_err());
}

async fn one_update_may_remove_saml_and_enforce(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.use_saml().await;
    let updated = acme.update(mfa(true), &["saml", "mfa.enforced"]).await.portal.unwrap();
    assert!(updated.saml.is_none() && updated.mfa.unwrap().enforced);

    let back = v1::Portal { saml: Some(saml()), ..mfa(false) };
    let updated = acme.update(back, &["saml", "mfa.enforced"]).await.portal.unwrap();
    assert!(updated.saml == Some(saml()) && !updated.mfa.unwrap().enforced);
}

async fn a_mask_leaves_what_it_does_not_name(server: TestServer) {
    let acme = Acme::new(server).await;
    let mfa = v1::MfaPolicy { enforced: true, issuer: "Acme".to_owned(), ..Default::default() };
    let change =
        v1::Portal { display_name: "Other".to_owned(), mfa: Some(mfa), ..Default::default() };
    let updated = acme.update(change, &["mfa.issuer"]).await.portal.unwrap();
    assert_eq!(updated.display_name, "Acme Billing");
    let mfa = updated.mfa.unwrap();
    assert_eq!((mfa.issuer.as_str(), mfa.enforced), ("Acme", false));
}

async fn a_named_path_that_is_unset_takes_its_default(server: TestServer) {
    let acme = Acme::new(server).await;
    let lockout = v1::LockoutPolicy {
        max_failures: Some(3),
        lock_duration: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
    };
    let change = v1::Portal { lockout: Some(lockout), ..Default::default() };
    let updated = acme.update(change, &["lockout"]).await.portal.unwrap();
    assert_eq!(updated.lockout.unwrap().max_failures, Some(3));
    let updated = acme.update(v1::Portal::default(), &["lockout.max_failures"]).await;
    let lockout = updated.portal.unwrap().lockout.unwrap();
    assert_eq!(lockout.max_failures, None);
    assert!(lockout.lock_duration.is_some());
}

async fn clearing_enforcement_clears_its_date(server: TestServer) {
    let acme = Acme::new(server).await;
    let later = timestamp(acme.server.now() + Duration::from_hours(24));
    let mut announced = mfa(true);
    announced.mfa.as_mut().unwrap().enforced_from_time = Some(later);
    let updated = acme.update(announced, &["mfa.enforced", "mfa.enforced_from_time"]).await;
    assert_eq!(updated.portal.unwrap().mfa.unwrap().enforced_from_time, Some(later));
    let updated = acme.update(mfa(false), &["mfa.enforced"]).await;
    assert_eq!(updated.portal.unwrap().mfa.unwrap().enforced_from_time, None);
}

/// What is in force: the length of a new password, and the reauthentication window
/// in seconds.
fn in_force(portal: &v1::Portal) -> (i32, i64) {
    let (password, session) = (portal.password.unwrap(), portal.session.unwrap());
    let window = session.effective_reauthentication_window.unwrap();
    (password.effective_min_length, window.seconds)
}

async fn what_is_in_force_is_shown_where_it_is_unset_too(server: TestServer) {
    let acme = Acme::new(server).await;
    let shown = async || {
        let own = acme.web.client().get_own_portal(v1::GetOwnPortalRequest {}).await.unwrap();
        let own = own.into_inner().portal.unwrap();
        assert!(acme.admin.portal(PORTAL).await.unwrap() == own);
        assert_eq!(own.session.unwrap().reauthentication_window, None, "as it was set");
        (own.password.unwrap().min_length, in_force(&own))
    };
    assert_eq!(shown().await, (None, (15, 300)));

    let later = acme.server.now() + Duration::from_hours(1);
    let mut announced = mfa(true);
    announced.mfa.as_mut().unwrap().enforced_from_time = Some(timestamp(later));
    let updated = acme.update(announced, &["mfa"]).await.portal.unwrap();
    assert_eq!(in_force(&updated), (15, 300), "announced, not enforced");
    acme.server.pass_almost(Duration::from_hours(1));
    assert_eq!(shown().await, (None, (15, 300)));
    acme.server.pass_the_rest();
    assert_eq!(shown().await, (None, (8, 300)), "enforced, without any update");

    let password = v1::PasswordPolicy { min_length: Some(20), ..Default::default() };
    let longer = v1::Portal { password: Some(password), ..Default::default() };
    acme.update(longer.clone(), &["password.min_length"]).await;
    assert_eq!(shown().await, (Some(20), (20, 300)), "what is set holds");
    let made = acme.admin.create_portal("beta", longer).await.unwrap();
    assert_eq!(in_force(&made), (20, 300));
}

async fn what_is_in_force_cannot_be_written(server: TestServer) {
    let acme = Acme::new(server).await;
    let minutes = |minutes: i64| Some(prost_types::Duration { seconds: 60 * minutes, nanos: 0 });
    // As a client sends a portal back that it has read.
    let change = v1::Portal {
        name: PORTAL.to_owned(),
        password: Some(v1::PasswordPolicy { effective_min_length: 64, ..Default::default() }),
        session: Some(v1::SessionPolicy {
            reauthentication_window: minutes(10),
            effective_reauthentication_window: minutes(60),
            ..Default::default()
        }),
        ..Default::default()
    };
    for path in ["password.effective_min_length", "session.effective_reauthentication_window"] {
        let refusal = refused(acme.admin.update_portal(change.clone(), &[path]).await);
        assert_eq!(refusal, Refusal::invalid(&["update_mask"]), "{path}");
    }
    let updated = acme.update(change.clone(), &["session.reauthentication_window"]).await;
    assert_eq!(in_force(&updated.portal.unwrap()), (15, 600));
    let updated = acme.update(change.clone(), &["password", "session"]).await.portal.unwrap();
    assert_eq!(in_force(&updated), (15, 600));
    assert_eq!(updated.password.unwrap().min_length, None);
    let made = acme.admin.create_portal("beta", change).await.unwrap();
    assert_eq!(in_force(&made), (15, 600));
}

async fn weaker_sessions_end_where_the_update_says_so(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    acme.enforce(false).await;
    acme.admin.create_customer(PORTAL, "ben@example.com", PASSWORD).await.unwrap();
    let bens = acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap().issued();
    let request = v1::UpdatePortalRequest {
        portal: Some(mfa(true)),
        update_mask: Some(prost_types::FieldMask { paths: vec!["mfa.enforced".to_owned()] }),
        validate_only: false,
        end_weaker_sessions: true,
    };
    let answer = acme.admin.client().update_portal(request).await.unwrap().into_inner();
    let impact = answer.impact.unwrap();
    assert_eq!((impact.customers, impact.customers_with_factor), (2, 1));
    assert_eq!((impact.customers_to_enroll, impact.weaker_sessions), (1, 1));
    let refusal = refused(acme.web.validate(&bens.token).await);
    assert_eq!(refusal, Refusal::session_ended("revoked"));
    acme.web.validate(&ana.session.token).await.unwrap();
}

async fn an_update_with_any_bad_field_changes_nothing(server: TestServer) {
    let acme = Acme::new(server).await;
    let before = acme.admin.portal(PORTAL).await.unwrap();
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let bad = v1::Portal {
        name: PORTAL.to_owned(),
        display_name: " Acme".to_owned(),
        mfa: Some(v1::MfaPolicy {
            enforced: true,
            issuer: "a:b".to_owned(),
            totp_skew_steps: Some(2),
            ..Default::default()
        }),
        saml: Some(v1::SamlConfig { sso_url: "http://idp.example".to_owned(), ..saml() }),
        password: Some(v1::PasswordPolicy { min_length: Some(7), ..Default::default() }),
        lockout: Some(v1::LockoutPolicy { max_failures: Some(2), lock_duration: None }),
        session: Some(v1::SessionPolicy { idle_timeout: seconds(59), ..Default::default() }),
        ..Default::default()
    };
    let mask = ["display_name", "mfa", "saml", "password", "lockout", "session"];
    let refusal = refused(acme.admin.update_portal(bad, &mask).await);
    let fields = [
        "portal.display_name",
        "portal.mfa.issuer",
        "portal.mfa.totp_skew_steps",
        "portal.saml.sso_url",
        "portal.password.min_length",
        "portal.lockout.max_failures",
        "portal.session.idle_timeout",
    ];
    // The fields of a SamlConfig are checked before the rule about enforcement.
    assert_eq!(refusal, Refusal::invalid(&fields));
    assert!(acme.admin.portal(PORTAL).await.unwrap() == before);
}
