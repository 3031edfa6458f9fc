//! Sessions: what validates, for how long, and how they end.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{MfaNotEnabled, ReauthenticationRequired, SessionInvalid};

use tokio::task::JoinSet;

use gatehouse_tests::{Acme, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, refused, time};

gatehouse_tests::on_each_database! {
    an_unknown_session_says_nothing_of_how_it_ended,
    a_session_ends_when_it_is_idle,
    use_keeps_a_session_alive_and_looking_does_not,
    a_session_ends_after_twelve_hours_however_much_it_is_used,
    signing_out_ends_this_session_alone,
    signing_out_ends_all_others_but_this,
    signing_out_ends_the_one_that_is_named,
    signing_out_of_a_dead_session_is_fine_unless_it_asks_for_others,
    signing_out_ends_sessions_that_had_run_out_for_good,
    the_session_of_another_customer_cannot_be_ended,
    the_twenty_first_session_replaces_the_oldest,
    a_password_session_of_a_customer_without_a_factor_has_to_set_one_up,
    a_password_session_of_a_customer_with_a_factor_has_to_prove_it,
    an_old_proof_has_to_be_renewed,
    a_policy_that_is_tightened_holds_for_live_sessions,
    a_policy_that_is_loosened_brings_no_session_back,
    a_customer_sees_their_own_live_sessions,
    own_sessions_come_in_pages,
    a_token_that_is_not_exactly_a_sessions_is_none,
    a_session_that_is_revoked_while_it_is_used_stays_revoked,
}

const MINUTE: Duration = Duration::from_mins(1);

async fn an_unknown_session_says_nothing_of_how_it_ended(server: TestServer) {
    let acme = Acme::new(server).await;
    let unknown = format!("ghs_{}", "A".repeat(43));
    assert_eq!(refused(acme.web.validate(&unknown).await), Refusal::of(SessionInvalid));
}

/// NIST 800-63B-4, 2.2.3; OWASP ASVS 7.3.1.
async fn a_session_ends_when_it_is_idle(server: TestServer) {
    let acme = Acme::new(server).await;
    let (one, other) = (acme.password_session().await, acme.password_session().await);
    acme.server.pass_almost(30 * MINUTE);
    acme.web.validate(&one.token).await.unwrap();
    acme.server.pass_the_rest();
    let refusal = refused(acme.web.validate(&other.token).await);
    assert_eq!(refusal, Refusal::session_ended("idle"));
    acme.web.validate(&one.token).await.unwrap();
}

async fn use_keeps_a_session_alive_and_looking_does_not(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.password_session().await.token;
    let look = v1::ValidateSessionRequest { passive: true, ..Default::default() };
    for _ in 0..3 {
        acme.server.pass(20 * MINUTE);
        let session = acme.web.validate(&token).await.unwrap().session.unwrap();
        assert_eq!(time(session.last_used_time), acme.server.now());
        assert_eq!(time(session.expire_time), acme.server.now() + 30 * MINUTE);
    }
    acme.server.pass(20 * MINUTE);
    acme.web.validate_with(&token, look.clone()).await.unwrap();
    acme.server.pass(10 * MINUTE);
    let refusal = refused(acme.web.validate_with(&token, look).await);
    assert_eq!(refusal, Refusal::session_ended("idle"));
}

/// OWASP ASVS 7.3.2.
async fn a_session_ends_after_twelve_hours_however_much_it_is_used(server: TestServer) {
    let acme = Acme::new(server).await;
    let issued = acme.password_session().await;
    let end = acme.server.now() + Duration::from_hours(12);
    for _ in 0..35 {
        acme.server.pass(20 * MINUTE);
        let session = acme.web.validate(&issued.token).await.unwrap().session.unwrap();
        assert!(time(session.expire_time) <= end);
    }
    acme.server.pass_almost(20 * MINUTE);
    acme.web.validate(&issued.token).await.unwrap();
    acme.server.pass_the_rest();
    let refusal = refused(acme.web.validate(&issued.token).await);
    assert_eq!(refusal, Refusal::session_ended("expired"));
}

async fn signing_out_ends_this_session_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let (one, other) = (acme.password_session().await, acme.password_session().await);
    assert_eq!(acme.web.sign_out(&one.token).await.unwrap(), 1);
    let refusal = refused(acme.web.validate(&one.token).await);
    assert_eq!(refusal, Refusal::session_ended("signed_out"));
    acme.web.validate(&other.token).await.unwrap();
}

fn name(issued: &v1::IssuedSession) -> &str {
    &issued.session.as_ref().unwrap().name
}

async fn signing_out_ends_all_others_but_this(server: TestServer) {
    let acme = Acme::new(server).await;
    let (one, other) = (acme.password_session().await, acme.password_session().await);
    acme.server.pass(20 * MINUTE);
    let this = acme.password_session().await;
    acme.web.validate(&one.token).await.unwrap();
    acme.server.pass(10 * MINUTE);
    let ended = acme.web.sign_out_others(&this.token).await.unwrap();
    assert_eq!(ended, 1, "the other one has been idle too long to count");
    acme.web.validate(&this.token).await.unwrap();
    for (ended, how) in [(one, "signed_out"), (other, "signed_out")] {
        let refusal = refused(acme.web.validate(&ended.token).await);
        assert_eq!(refusal, Refusal::session_ended(how));
    }
}

async fn signing_out_ends_the_one_that_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let (this, other) = (acme.password_session().await, acme.password_session().await);
    assert_eq!(acme.web.sign_out_named(&this.token, name(&other)).await.unwrap(), 1);
    assert_eq!(acme.web.sign_out_named(&this.token, name(&other)).await.unwrap(), 0);
    let types = vec!["session.signed_out".to_owned()];
    let filter = v1::AuditEventFilter { types, ..Default::default() };
    assert_eq!(acme.admin.audit_events(filter).await.unwrap().len(), 1, "ending none is no event");
    let refusal = refused(acme.web.validate(&other.token).await);
    assert_eq!(refusal, Refusal::session_ended("signed_out"));
    assert_eq!(acme.web.sign_out_named(&this.token, name(&this)).await.unwrap(), 1);
    assert!(refused(acme.web.validate(&this.token).await).is(SessionInvalid));
}

async fn signing_out_ends_sessions_that_had_run_out_for_good(server: TestServer) {
    let acme = Acme::new(server).await;
    let dead = acme.password_session().await;
    acme.server.pass(Duration::from_mins(20));
    let live = acme.password_session().await;
    acme.server.pass(Duration::from_mins(20));
    assert_eq!(acme.web.sign_out_others(&live.token).await.unwrap(), 0);
    let refusal = refused(acme.web.validate(&dead.token).await);
    assert_eq!(refusal, Refusal::session_ended("signed_out"));
}

async fn signing_out_of_a_dead_session_is_fine_unless_it_asks_for_others(server: TestServer) {
    let acme = Acme::new(server).await;
    let (dead, live) = (acme.password_session().await, acme.password_session().await);
    acme.web.sign_out(&dead.token).await.unwrap();
    assert_eq!(acme.web.sign_out(&dead.token).await.unwrap(), 0);
    let unknown = format!("ghs_{}", "A".repeat(43));
    assert_eq!(acme.web.sign_out(&unknown).await.unwrap(), 0);

    let ended = Refusal::session_ended("signed_out");
    assert_eq!(refused(acme.web.sign_out_others(&dead.token).await), ended);
    assert_eq!(refused(acme.web.sign_out_named(&dead.token, name(&live)).await), ended);
    let refusal = refused(acme.web.sign_out_others(&unknown).await);
    assert_eq!(refusal, Refusal::of(SessionInvalid));
    acme.web.validate(&live.token).await.unwrap();
}

/// CWE-639.
async fn the_session_of_another_customer_cannot_be_ended(server: TestServer) {
    let acme = Acme::new(server).await;
    let own = acme.password_session().await;
    acme.admin.create_customer(PORTAL, "ben@example.com", PASSWORD).await.unwrap();
    let sign_in = acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap();
    let bens = sign_in.issued();
    assert_eq!(acme.web.sign_out_named(&own.token, name(&bens)).await.unwrap(), 0);
    assert_eq!(acme.web.sign_out_others(&own.token).await.unwrap(), 0);
    acme.web.validate(&bens.token).await.unwrap();

    // Nor is one found under another customer's name.
    let id = name(&own).rsplit_once('/').unwrap().1;
    let elsewhere = name(&bens).rsplit_once('/').unwrap().0.to_owned() + "/" + id;
    assert_eq!(acme.web.sign_out_named(&own.token, &elsewhere).await.unwrap(), 0);
    acme.web.validate(&own.token).await.unwrap();
}

/// OWASP ASVS 7.1.2.
async fn the_twenty_first_session_replaces_the_oldest(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut tokens = Vec::new();
    for _ in 0..21 {
        tokens.push(acme.password_session().await.token);
        acme.server.pass_the_rest();
    }
    let refusal = refused(acme.web.validate(&tokens[0]).await);
    assert_eq!(refusal, Refusal::session_ended("replaced"));
    for live in &tokens[1..] {
        acme.web.validate(live).await.unwrap();
    }
}

fn needs_proof(accepted: &str) -> Refusal {
    Refusal::of(ReauthenticationRequired).with("accepted", accepted)
}

async fn a_password_session_of_a_customer_without_a_factor_has_to_set_one_up(server: TestServer) {
    let acme = Acme::new(server).await;
    let issued = acme.password_session().await;
    assert!(issued.session.unwrap().second_factor_time.is_none());
    assert_eq!(
        refused(acme.web.validate_multi_factor(&issued.token).await),
        Refusal::of(MfaNotEnabled)
    );
    acme.web.validate(&issued.token).await.unwrap();
}

async fn a_password_session_of_a_customer_with_a_factor_has_to_prove_it(server: TestServer) {
    let acme = Acme::new(server).await;
    let before = acme.password_session().await;
    acme.enforce(true).await;
    let sign_in = acme.sign_in().await;
    acme.enable(&sign_in).await;
    let refusal = refused(acme.web.validate_multi_factor(&before.token).await);
    assert_eq!(refusal, needs_proof("totp_code"));
    let (codes, _) = acme.web.backup_codes(&sign_in.token).await.unwrap();
    let refusal = refused(acme.web.validate_multi_factor(&before.token).await);
    assert_eq!(refusal, needs_proof("totp_code,backup_code"));
    for code in codes {
        let token = acme.sign_in().await.token;
        acme.web.backup_code(&token, &code).await.unwrap();
    }
    let refusal = refused(acme.web.validate_multi_factor(&before.token).await);
    assert_eq!(refusal, needs_proof("totp_code"), "no backup code is left");
    acme.web.validate(&before.token).await.unwrap();
}

async fn an_old_proof_has_to_be_renewed(server: TestServer) {
    let acme = Acme::new(server).await;
    let at_most = |minutes: i64| v1::ValidateSessionRequest {
        max_authentication_age: Some(prost_types::Duration { seconds: minutes * 60, nanos: 0 }),
        ..Default::default()
    };
    let token = acme.password_session().await.token;
    acme.server.pass(5 * MINUTE);
    acme.web.validate_with(&token, at_most(5)).await.unwrap();
    acme.server.pass_the_rest();
    let refusal = refused(acme.web.validate_with(&token, at_most(5)).await);
    assert_eq!(refusal, needs_proof("password"));
    acme.web.validate_with(&token, at_most(6)).await.unwrap();

    acme.enforce(true).await;
    let ana = acme.enroll().await;
    acme.web.validate_with(&ana.session.token, at_most(1)).await.unwrap();
    let fresh = refused(acme.web.validate_with(&token, at_most(600)).await);
    assert_eq!(fresh, needs_proof("totp_code,backup_code"), "a password is the wrong kind now");
}

async fn session_policy(acme: &Acme, idle: i64, lifetime: i64) {
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let session = v1::SessionPolicy {
        idle_timeout: seconds(idle),
        max_lifetime: seconds(lifetime),
        ..Default::default()
    };
    let portal = v1::Portal { session: Some(session), ..Default::default() };
    acme.update(portal, &["session.idle_timeout", "session.max_lifetime"]).await;
}

async fn a_policy_that_is_tightened_holds_for_live_sessions(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.password_session().await.token;
    acme.server.pass(10 * MINUTE);
    session_policy(&acme, 600, 3_600).await;
    let refusal = refused(acme.web.validate(&token).await);
    assert_eq!(refusal, Refusal::session_ended("idle"));
}

/// What has ended is over.
async fn a_policy_that_is_loosened_brings_no_session_back(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.password_session().await.token;
    acme.server.pass(30 * MINUTE);
    session_policy(&acme, 86_400, 864_000).await;
    let refusal = refused(acme.web.validate(&token).await);
    assert_eq!(refusal, Refusal::session_ended("idle"));
}

async fn a_customer_sees_their_own_live_sessions(server: TestServer) {
    let acme = Acme::new(server).await;
    let ben = acme.admin.create_customer(PORTAL, "ben@example.com", PASSWORD).await.unwrap();
    acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap().issued();
    let idle = acme.password_session().await;
    acme.server.pass(29 * MINUTE);
    let (signed_out, other) = (acme.password_session().await, acme.password_session().await);
    acme.web.sign_out(&signed_out.token).await.unwrap();
    acme.server.pass(MINUTE);
    let this = acme.password_session().await;
    assert!(refused(acme.web.validate(&idle.token).await).is(SessionInvalid));

    let (sessions, next) = acme.web.account(&this.token).sessions(0, "").await.unwrap();
    assert_eq!(next, "");
    let seen: Vec<_> = sessions.iter().map(|one| (one.name.as_str(), one.current)).collect();
    assert_eq!(seen, [(name(&this), true), (name(&other), false)], "the newest first");
    let shown = acme.web.validate(&this.token).await.unwrap().session.unwrap();
    assert!(sessions[0] == v1::Session { current: true, ..shown });
    assert!(!sessions.iter().any(|one| one.name.starts_with(&ben.name)));
}

async fn own_sessions_come_in_pages(server: TestServer) {
    let acme = Acme::new(server).await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, name(&acme.password_session().await).to_owned());
        acme.server.pass(Duration::from_secs(1));
    }
    let this = acme.web.account(&acme.password_session().await.token);
    newest_first.insert(0, this.validate().await.unwrap().name);
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let (page, next) = this.sessions(4, &page_token).await.unwrap();
        assert!(page.len() <= 4);
        seen.extend(page.into_iter().map(|session| session.name));
        if next.is_empty() {
            break;
        }
        page_token = next;
    }
    assert_eq!(seen, newest_first);

    let other = acme.web.account(&acme.password_session().await.token);
    let bad = Refusal::invalid(&["page_token"]);
    assert_eq!(refused(other.sessions(4, &page_token).await), bad, "of another session");
    assert_eq!(
        refused(this.sessions(-1, "x").await),
        Refusal::invalid(&["page_size", "page_token"])
    );
}

/// Zitadel (CVE-2026-27840) still accepted a token that was cut off.
async fn a_token_that_is_not_exactly_a_sessions_is_none(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.password_session().await.token;
    let malformed = Refusal::invalid(&["session_token"]);
    for other in [
        token[..token.len() - 1].to_owned(),
        token[..20].to_owned(),
        format!("{token}A"),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\0"),
        token.replacen("ghs_", "ghi_", 1),
        token.replacen("ghs_", "GHS_", 1),
        token["ghs_".len()..].to_owned(),
        format!("ghs_{}", "A".repeat(60_000)),
        String::new(),
    ] {
        assert_eq!(refused(acme.web.validate(&other).await), malformed, "{other:.60}");
    }
    let upper = format!("ghs_{}", token["ghs_".len()..].to_uppercase());
    let refusal = refused(acme.web.validate(&upper).await);
    assert!(refusal == Refusal::of(SessionInvalid) || refusal == malformed, "{refusal:?}");
    let megabyte = format!("ghs_{}", "A".repeat(1024 * 1024));
    let refusal = refused(acme.web.validate(&megabyte).await);
    assert_eq!(refusal, Refusal::invalid(&["ValidateSessionRequest"]));
    acme.web.validate(&token).await.unwrap();
}

/// A use that is being written must not bring the session back (C7).
async fn a_session_that_is_revoked_while_it_is_used_stays_revoked(server: TestServer) {
    let acme = Acme::new(server).await;
    for _ in 0..10 {
        let issued = acme.password_session().await;
        // So that every use of it writes.
        acme.server.pass(2 * MINUTE);
        let mut uses = JoinSet::new();
        for _ in 0..16 {
            let (web, token) = (acme.web.clone(), issued.token.clone());
            uses.spawn(async move { web.validate(&token).await });
        }
        let name = issued.session.unwrap().name;
        let (answers, ended) = tokio::join!(uses.join_all(), acme.admin.revoke_sessions(&name));
        assert_eq!(ended.unwrap(), 1);
        for answer in answers {
            assert!(answer.is_ok() || refused(answer) == Refusal::session_ended("revoked"));
        }
        let refusal = refused(acme.web.validate(&issued.token).await);
        assert_eq!(refusal, Refusal::session_ended("revoked"));
    }
}
