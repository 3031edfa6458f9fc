//! Invitations: the first password, and a forgotten one.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, CustomerSuspended, InvitationInvalid, PasswordPolicy, PortalUsesSaml,
    ResourceNotFound, SignInInvalid, Throttled,
};

use gatehouse_tests::{
    Acme, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, refused, time,
};

gatehouse_tests::on_each_database! {
    an_invitation_sets_the_first_password,
    an_invitation_of_an_enforcing_portal_leads_to_enroll,
    a_factor_in_force_is_still_asked_for,
    accepting_ends_every_session_and_sign_in,
    earlier_invitations_live_on_until_one_is_used,
    an_invitation_ends_after_a_day,
    a_password_that_is_refused_uses_nothing_up,
    an_invitation_ends_with_what_it_was_for,
    an_address_that_stays_the_same_ends_no_invitation,
    whom_nobody_can_invite_is_named,
    an_invitation_tells_the_trail_who_asked,
    a_suspended_customer_accepts_none,
    an_invitation_of_another_portal_is_unknown,
    a_customer_who_forgot_the_password_asks_for_an_invitation,
    nobody_is_written_to_without_a_customer,
    asking_is_throttled_by_address_known_or_not,
    a_portal_that_uses_saml_takes_no_invitations,
    bad_fields_are_named,
}

const NEW: &str = "another horse battery";

fn invalid() -> Refusal {
    Refusal::of(InvitationInvalid)
}

async fn an_invitation_sets_the_first_password(server: TestServer) {
    let acme = Acme::new(server).await;
    let ben = acme.admin.create_customer(PORTAL, "ben@example.com", "").await.unwrap();
    assert!(!ben.has_password);
    let invitation = acme.admin.invite(&ben.name).await.unwrap();
    assert_eq!(invitation.email, "ben@example.com");
    assert_eq!(time(invitation.expire_time), acme.server.now() + Duration::from_hours(24));
    assert!(invitation.token.starts_with("ghv_") && invitation.token.len() == 47);

    let accepted = acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
    assert_eq!((accepted.step(), accepted.email.as_str()), ("session", "ben@example.com"));
    acme.web.validate(&accepted.issued().token).await.unwrap();
    assert!(acme.admin.customer(&ben.name).await.unwrap().has_password);
    acme.web.sign_in("ben@example.com", NEW).await.unwrap();
}

async fn an_invitation_of_an_enforcing_portal_leads_to_enroll(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    // Eight characters are enough beside a second factor.
    let sign_in = acme.web.accept_invitation(&invitation.token, "vivid ox").await.unwrap();
    assert_eq!(sign_in.step(), "enroll");
    assert_eq!(time(sign_in.expire_time), acme.server.now() + Duration::from_mins(15));
    acme.enable(&sign_in).await;
    acme.web.finish(&sign_in.token).await.unwrap().issued();
}

async fn a_factor_in_force_is_still_asked_for(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let invitation = acme.web.request_invitation(EMAIL).await.unwrap().unwrap();
    let sign_in = acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
    assert_eq!(sign_in.step(), "second_factor");
    let code = ana.phone.code(acme.server.now());
    let issued = acme.web.totp(&sign_in.token, &code).await.unwrap().issued();
    assert_eq!(issued.backup_codes_remaining, 5);
    acme.web.validate_multi_factor(&issued.token).await.unwrap();
}

async fn accepting_ends_every_session_and_sign_in(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let under_way = acme.sign_in().await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
    let refusal = refused(acme.web.validate(&ana.session.token).await);
    assert_eq!(refusal, Refusal::session_ended("password_changed"));
    let code = ana.phone.code(acme.server.now());
    let refusal = refused(acme.web.totp(&under_way.token, &code).await);
    assert_eq!(refusal, Refusal::of(SignInInvalid));
    let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(CredentialsRejected));
}

async fn earlier_invitations_live_on_until_one_is_used(server: TestServer) {
    let acme = Acme::new(server).await;
    let first = acme.admin.invite(&acme.customer).await.unwrap();
    let second = acme.web.request_invitation(EMAIL).await.unwrap().unwrap();
    let third = acme.admin.invite(&acme.customer).await.unwrap();
    acme.web.accept_invitation(&second.token, NEW).await.unwrap();
    for ended in [second, first, third] {
        assert_eq!(refused(acme.web.accept_invitation(&ended.token, NEW).await), invalid());
    }
}

async fn an_invitation_ends_after_a_day(server: TestServer) {
    let acme = Acme::new(server).await;
    let early = acme.admin.invite(&acme.customer).await.unwrap();
    acme.server.pass_almost(Duration::from_hours(24));
    let late = acme.admin.invite(&acme.customer).await.unwrap();
    acme.server.pass_the_rest();
    assert_eq!(refused(acme.web.accept_invitation(&early.token, NEW).await), invalid());
    acme.web.accept_invitation(&late.token, NEW).await.unwrap();
}

async fn a_password_that_is_refused_uses_nothing_up(server: TestServer) {
    let acme = Acme::new(server).await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    for bad in ["short", "passwordpassword", EMAIL] {
        let refusal = refused(acme.web.accept_invitation(&invitation.token, bad).await);
        assert_eq!(refusal, Refusal::of(PasswordPolicy).fields(&["new_password"]), "{bad}");
    }
    acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
    acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
}

async fn an_invitation_ends_with_what_it_was_for(server: TestServer) {
    let acme = Acme::new(server).await;
    let invite = || async { acme.admin.invite(&acme.customer).await.unwrap().token };
    let ended = async |token: String| {
        assert_eq!(refused(acme.web.accept_invitation(&token, NEW).await), invalid());
    };
    let token = invite().await;
    acme.admin.reset_mfa(&acme.customer).await.unwrap();
    ended(token).await;

    let token = invite().await;
    let account = acme.web.account(&acme.password_session().await.token);
    account.change_password(PASSWORD, NEW).await.unwrap();
    ended(token).await;

    let token = invite().await;
    acme.admin.set_email(&acme.customer, "ana.diaz@example.com").await.unwrap();
    ended(token).await;

    let token = invite().await;
    for suspended in [true, false] {
        acme.admin.suspend(&acme.customer, suspended).await.unwrap();
    }
    ended(token).await;
}

async fn an_address_that_stays_the_same_ends_no_invitation(server: TestServer) {
    let acme = Acme::new(server).await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    acme.admin.set_email(&acme.customer, " ANA@example.com").await.unwrap();
    acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
}

async fn whom_nobody_can_invite_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    for name in [&format!("{PORTAL}/customers/nobody"), "portals/nowhere/customers/c1"] {
        let missing = Refusal::of(ResourceNotFound).resource("Customer", name);
        assert_eq!(refused(acme.admin.invite(name).await), missing);
    }
    for name in ["", PORTAL, "portals/acme/customers/-"] {
        assert_eq!(refused(acme.admin.invite(name).await), Refusal::invalid(&["customer"]));
    }
}

async fn an_invitation_tells_the_trail_who_asked(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.invite(&acme.customer).await.unwrap();
    acme.assert_recorded("invitation.created", &[("requested_by", "administrator")]).await;
    acme.server.pass(Duration::from_secs(1));
    acme.web.request_invitation(EMAIL).await.unwrap();
    acme.assert_recorded("invitation.created", &[("requested_by", "customer")]).await;
}

async fn a_suspended_customer_accepts_none(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.suspend(&acme.customer, true).await.unwrap();
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    let refusal = refused(acme.web.accept_invitation(&invitation.token, NEW).await);
    assert_eq!(refusal, Refusal::of(CustomerSuspended));
    assert!(acme.web.request_invitation(EMAIL).await.unwrap().is_none());
    acme.admin.suspend(&acme.customer, false).await.unwrap();
    acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
}

async fn an_invitation_of_another_portal_is_unknown(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    let key = acme.admin.portal_key("portals/beta", v1::PortalAccess::Full).await.unwrap();
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    let beta = acme.server.web_with(&key);
    assert_eq!(refused(beta.accept_invitation(&invitation.token, NEW).await), invalid());
    assert!(beta.request_invitation(EMAIL).await.unwrap().is_none());
    acme.web.accept_invitation(&invitation.token, NEW).await.unwrap();
}

async fn a_customer_who_forgot_the_password_asks_for_an_invitation(server: TestServer) {
    let acme = Acme::new(server).await;
    let typed = " ANA@Example.com";
    let invitation = acme.web.request_invitation(typed).await.unwrap().unwrap();
    assert_eq!(invitation.email, EMAIL);
    assert_eq!(time(invitation.expire_time), acme.server.now() + Duration::from_hours(24));
    let issued = acme.web.accept_invitation(&invitation.token, NEW).await.unwrap().issued();
    acme.web.validate(&issued.token).await.unwrap();
}

async fn nobody_is_written_to_without_a_customer(server: TestServer) {
    let acme = Acme::new(server).await;
    assert!(acme.web.request_invitation("nobody@example.com").await.unwrap().is_none());
}

async fn asking_is_throttled_by_address_known_or_not(server: TestServer) {
    let acme = Acme::new(server).await;
    let minute = Duration::from_mins(1);
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..3 {
            acme.web.request_invitation(email).await.unwrap();
        }
        let throttled = Refusal::of(Throttled).wait(acme.server.now(), minute);
        assert_eq!(refused(acme.web.request_invitation(email).await), throttled);
        let spelled = email.to_uppercase();
        assert_eq!(refused(acme.web.request_invitation(&spelled).await), throttled);
    }
    acme.server.pass(minute);
    acme.web.request_invitation(EMAIL).await.unwrap().unwrap();
    // It has nothing to do with guessing.
    acme.web.sign_in(EMAIL, PASSWORD).await.unwrap();
}

async fn a_portal_that_uses_saml_takes_no_invitations(server: TestServer) {
    let acme = Acme::new(server).await;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap();
    acme.use_saml().await;
    let saml = Refusal::of(PortalUsesSaml);
    assert_eq!(refused(acme.web.accept_invitation(&invitation.token, NEW).await), saml);
    let unknown = format!("ghv_{}", "A".repeat(43));
    assert_eq!(refused(acme.web.accept_invitation(&unknown, NEW).await), saml);
    assert_eq!(refused(acme.web.request_invitation(EMAIL).await), saml);
    assert_eq!(refused(acme.web.request_invitation("nobody@example.com").await), saml);
}

async fn bad_fields_are_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::AcceptInvitationRequest {
        invitation_token: format!("ghs_{}", "A".repeat(43)),
        ..Default::default()
    };
    let refusal = refused(acme.web.client().accept_invitation(request).await);
    assert_eq!(refusal, Refusal::invalid(&["invitation_token", "new_password", "client"]));
    let request = v1::RequestInvitationRequest {
        email: "nobody".to_owned(),
        client: Some(v1::ClientContext { ip_address: "x".to_owned(), ..Default::default() }),
    };
    let refusal = refused(acme.web.client().request_invitation(request).await);
    assert_eq!(refusal, Refusal::invalid(&["email", "client.ip_address"]));
}
