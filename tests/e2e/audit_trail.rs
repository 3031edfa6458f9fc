//! What the trail of a customer tells: every change and every refused proof, each once.

use std::time::Duration;

use gatehouse_api::v1;

use gatehouse_tests::{
    Acme, EMAIL, MyAccount, PASSWORD, PORTAL, SignInExt, TestServer, refused, saml,
};

gatehouse_tests::on_each_database! {
    setting_up_and_signing_in_are_told,
    my_account_is_told,
    passwords_and_invitations_are_told,
    what_administrators_do_is_told,
    refused_proofs_are_told_whatever_refuses_them,
    a_trail_outlives_what_it_tells_of,
}

const NEW: &str = "another horse battery";
const SECOND: Duration = Duration::from_secs(1);

/// A portal whose trail is read from here on.
struct Story {
    acme: Acme,
    told: usize,
}

impl Story {
    async fn begin(acme: Acme) -> Self {
        let told = events(&acme).await.len();
        acme.server.pass(SECOND);
        Self { acme, told }
    }

    /// Goes on after what has been told by now.
    async fn skip(&mut self) {
        self.told = events(&self.acme).await.len();
        self.acme.server.pass(SECOND);
    }

    /// Holds what was told since the last time to this; then a second passes.
    /// Events of one call are in the order of their words.
    async fn tells(&mut self, expected: &[&str]) {
        let all = events(&self.acme).await;
        let mut new = all[self.told..].to_vec();
        new.sort_unstable();
        assert_eq!(new, expected);
        self.told = all.len();
        self.acme.server.pass(SECOND);
    }
}

/// All events of the portal, the oldest first: `type key=value !reason`.
async fn events(acme: &Acme) -> Vec<String> {
    let filter = v1::AuditEventFilter { resource: PORTAL.to_owned(), ..Default::default() };
    let request =
        v1::ListAuditEventsRequest { filter: Some(filter), page_size: 1_000, ..Default::default() };
    let answer = acme.admin.client().list_audit_events(request).await.unwrap().into_inner();
    answer.audit_events.iter().rev().map(told).collect()
}

fn told(event: &v1::AuditEvent) -> String {
    let mut attributes: Vec<_> =
        event.attributes.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    attributes.sort_unstable();
    let reason = event.reason().as_str_name().trim_start_matches("ERROR_REASON_");
    let refusal = if reason == "UNSPECIFIED" { String::new() } else { format!(" !{reason}") };
    format!("{}{}{refusal}", event.r#type, attributes.concat())
}

async fn setting_up_and_signing_in_are_told(server: TestServer) {
    let mut story = Story::begin(Acme::enforcing(server).await).await;
    let web = story.acme.web.clone();
    let started = web.start(EMAIL).await.unwrap();
    story.tells(&[]).await;
    let token = web.password(&started.token, PASSWORD).await.unwrap().token;
    story.tells(&["sign_in.password_verified next=enroll"]).await;
    web.start_enrollment(&token).await.unwrap();
    story.tells(&["mfa.enrollment_started"]).await;
    web.delete_enrollment(&token).await.unwrap();
    web.delete_enrollment(&token).await.unwrap();
    story.tells(&["mfa.enrollment_deleted"]).await;
    let sign_in = web.get(&token).await.unwrap();
    let phone = story.acme.start_enrollment(&sign_in).await;
    story.tells(&["mfa.enrollment_started"]).await;
    let now = story.acme.server.now();
    refused(web.verify_enrollment(&token, &phone.wrong_code(now)).await);
    story.tells(&["mfa.enrollment_failed attempts_remaining=4 !CREDENTIALS_REJECTED"]).await;
    web.verify_enrollment(&token, &phone.code(story.acme.server.now())).await.unwrap();
    story.tells(&["mfa.enrollment_verified"]).await;
    web.enable_mfa(&token).await.unwrap();
    web.enable_mfa(&token).await.unwrap();
    story.tells(&["mfa.enabled replaced=false"]).await;
    web.backup_codes(&token).await.unwrap();
    story.tells(&["backup_codes.generated"]).await;
    web.finish(&token).await.unwrap();
    story.tells(&["sign_in.succeeded factor=totp"]).await;

    story.acme.next_code();
    let token = story.acme.sign_in().await.token;
    story.tells(&["sign_in.password_verified next=second_factor"]).await;
    web.totp(&token, &phone.code(story.acme.server.now())).await.unwrap();
    story.tells(&["sign_in.succeeded factor=totp"]).await;
}

async fn my_account_is_told(server: TestServer) {
    let mut story = Story::begin(Acme::new(server).await).await;
    let account = account(&story.acme).await;
    story.tells(&["sign_in.succeeded factor=none"]).await;
    account.prove_password(PASSWORD).await.unwrap();
    story.tells(&["session.reauthenticated proof=password"]).await;
    story.acme.enable_in(&account).await;
    let set_up =
        ["mfa.enabled replaced=false", "mfa.enrollment_started", "mfa.enrollment_verified"];
    story.tells(&set_up).await;
    let changed = story.acme.enable_in(&account).await;
    let set_up = ["mfa.enabled replaced=true", "mfa.enrollment_started", "mfa.enrollment_verified"];
    story.tells(&set_up).await;
    let (codes, _) = account.backup_codes().await.unwrap();
    story.tells(&["backup_codes.generated"]).await;
    account.prove_backup_code(&codes[0]).await.unwrap();
    story.tells(&["session.reauthenticated proof=backup_code"]).await;
    story.acme.next_code();
    account.prove_totp(&changed.code(story.acme.server.now())).await.unwrap();
    story.tells(&["session.reauthenticated proof=totp"]).await;
    account.disable_mfa().await.unwrap();
    account.disable_mfa().await.unwrap();
    story.tells(&["mfa.disabled"]).await;
    account.web.sign_out(&account.token).await.unwrap();
    account.web.sign_out(&account.token).await.unwrap();
    story.tells(&["session.signed_out sessions_ended=1"]).await;
}

async fn account(acme: &Acme) -> MyAccount {
    acme.web.account(&acme.password_session().await.token)
}

async fn passwords_and_invitations_are_told(server: TestServer) {
    let mut story = Story::begin(Acme::new(server).await).await;
    let (account, _other) = (account(&story.acme).await, account(&story.acme).await);
    story.tells(&["sign_in.succeeded factor=none"; 2]).await;
    account.change_password(PASSWORD, NEW).await.unwrap();
    story.tells(&["password.changed by=customer sessions_ended=1"]).await;
    let web = story.acme.web.clone();
    web.request_invitation("nobody@example.com").await.unwrap();
    story.tells(&[]).await;
    let invitation = web.request_invitation(EMAIL).await.unwrap().unwrap();
    story.tells(&["invitation.created requested_by=customer"]).await;
    story.acme.admin.invite(&story.acme.customer).await.unwrap();
    story.tells(&["invitation.created requested_by=administrator"]).await;
    web.accept_invitation(&invitation.token, PASSWORD).await.unwrap();
    let accepted =
        ["password.changed by=invitation sessions_ended=1", "sign_in.succeeded factor=none"];
    story.tells(&accepted).await;
    refused(web.accept_invitation(&invitation.token, PASSWORD).await);
    story.tells(&["invitation.failed !INVITATION_INVALID"]).await;
}

async fn what_administrators_do_is_told(server: TestServer) {
    let mut story = Story::begin(Acme::new(server).await).await;
    let (admin, name) = (story.acme.admin.clone(), story.acme.customer.clone());
    account(&story.acme).await;
    story.tells(&["sign_in.succeeded factor=none"]).await;
    admin.set_email(&name, "ana.diaz@example.com").await.unwrap();
    story.tells(&["customer.updated paths=email"]).await;
    admin.suspend(&name, true).await.unwrap();
    story.tells(&["customer.suspended paths=suspended sessions_ended=1"]).await;
    admin.suspend(&name, false).await.unwrap();
    story.tells(&["customer.reinstated paths=suspended"]).await;
    admin.unlock(&name).await.unwrap();
    story.tells(&["customer.unlocked"]).await;
    admin.revoke_sessions(&name).await.unwrap();
    story.tells(&["session.revoked sessions_ended=0"]).await;
    admin.reset_mfa(&name).await.unwrap();
    story.tells(&["mfa.reset end_password=false reason=lost phone sessions_ended=0"]).await;
    admin.delete_customer(&name, "").await.unwrap();
    story.tells(&["customer.deleted"]).await;
    refused(admin.delete_customer(&name, "").await);
    story.tells(&["call.refused method=DeleteCustomer !RESOURCE_NOT_FOUND"]).await;
    story.acme.use_saml().await;
    story.tells(&["portal.updated mfa_enforced=false paths=saml sessions_ended=0"]).await;
    let mfa = Some(v1::MfaPolicy { enforced: true, ..Default::default() });
    let portal =
        v1::Portal { name: PORTAL.to_owned(), mfa, saml: Some(saml()), ..Default::default() };
    refused(admin.update_portal(portal, &["mfa.enforced"]).await);
    story.tells(&["call.refused method=UpdatePortal !MFA_ENFORCEMENT_SAML_CONFLICT"]).await;
}

async fn refused_proofs_are_told_whatever_refuses_them(server: TestServer) {
    let mut story = Story::begin(Acme::new(server).await).await;
    let web = story.acme.web.clone();
    let account = account(&story.acme).await;
    story.tells(&["sign_in.succeeded factor=none"]).await;
    for email in [EMAIL, "nobody@example.com"] {
        refused(web.sign_in(email, "wrong").await);
        story.tells(&["sign_in.failed proof=password step=password !CREDENTIALS_REJECTED"]).await;
    }
    refused(account.prove_password("wrong").await);
    let failed = "session.reauthentication_failed proof=password !CREDENTIALS_REJECTED";
    story.tells(&[failed]).await;
    refused(account.change_password("wrong", NEW).await);
    story.tells(&["password.change_failed !CREDENTIALS_REJECTED"]).await;
    for _ in 0..2 {
        refused(web.sign_in(EMAIL, "wrong").await);
        story.tells(&["sign_in.failed proof=password step=password !CREDENTIALS_REJECTED"]).await;
    }
    refused(web.sign_in(EMAIL, PASSWORD).await);
    story.tells(&["sign_in.failed proof=password step=password !THROTTLED"]).await;
    refused(account.prove_password(PASSWORD).await);
    story.tells(&["session.reauthentication_failed proof=password !THROTTLED"]).await;

    story.acme.server.pass(Duration::from_secs(3));
    let phone = story.acme.enable_in(&account).await;
    let lockout = v1::LockoutPolicy { max_failures: Some(3), lock_duration: None };
    let portal = v1::Portal { lockout: Some(lockout), ..Default::default() };
    story.acme.update(portal, &["lockout.max_failures"]).await;
    let token = story.acme.sign_in().await.token;
    story.skip().await;
    let wrong = phone.wrong_code(story.acme.server.now());
    for _ in 0..2 {
        refused(web.totp(&token, &wrong).await);
        story.tells(&["sign_in.failed proof=totp step=second_factor !CREDENTIALS_REJECTED"]).await;
    }
    refused(account.prove_totp(&wrong).await);
    story.tells(&["session.reauthentication_failed proof=totp !CREDENTIALS_REJECTED"]).await;
    refused(web.backup_code(&token, "0000-0000-0000-0000").await);
    story.tells(&["sign_in.failed proof=backup_code step=second_factor !SIGN_IN_LOCKED"]).await;
    refused(account.prove_backup_code("0000-0000-0000-0000").await);
    story.tells(&["session.reauthentication_failed proof=backup_code !SIGN_IN_LOCKED"]).await;

    let name = story.acme.customer.clone();
    story.acme.admin.suspend(&name, true).await.unwrap();
    // In one minute no more than ten would have events of their own.
    story.acme.server.pass(Duration::from_mins(1));
    story.skip().await;
    refused(web.sign_in(EMAIL, PASSWORD).await);
    story.tells(&["sign_in.failed proof=password step=password !CUSTOMER_SUSPENDED"]).await;
    let invitation = story.acme.admin.invite(&name).await.unwrap();
    story.skip().await;
    refused(web.accept_invitation(&invitation.token, NEW).await);
    story.tells(&["invitation.failed !CUSTOMER_SUSPENDED"]).await;
}

async fn a_trail_outlives_what_it_tells_of(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.sign_in().await.issued();
    let before = events(&acme).await.len();
    let etag = acme.admin.portal(PORTAL).await.unwrap().etag;
    acme.admin.delete_portal(PORTAL, &etag, true).await.unwrap();
    let after = events(&acme).await;
    assert_eq!(after.len(), before + 1);
    assert!(after.contains(&"portal.deleted customers=1".to_owned()), "{after:?}");
}
