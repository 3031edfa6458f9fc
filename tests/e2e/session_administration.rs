//! Sessions, as administrators see and end them.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole;
use gatehouse_api::v1::ErrorReason::{ApiKeyScope, ResourceNotFound, SessionInvalid};

use gatehouse_tests::{
    Acme, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, client, refused, time, timestamp,
};

gatehouse_tests::on_each_database! {
    a_session_shows_what_is_known_of_it,
    a_listed_session_says_whose_it_is,
    sessions_of_a_customer_and_of_a_portal_are_listed,
    dead_sessions_are_not_listed,
    an_unknown_parent_has_no_sessions,
    revoking_a_session_ends_it_alone,
    revoking_a_dead_session_is_fine_and_ends_none,
    revoking_a_customer_ends_all_of_theirs,
    revoking_a_portal_ends_all_of_its_own,
    revoking_a_portal_asks_for_an_administrator,
    what_cannot_be_revoked_is_named,
}

/// A second customer with a session.
async fn ben(acme: &Acme) -> v1::IssuedSession {
    acme.admin.create_customer(PORTAL, "ben@example.com", PASSWORD).await.unwrap();
    acme.web.sign_in("ben@example.com", PASSWORD).await.unwrap().issued()
}

/// The name of an issued session.
fn name(issued: &v1::IssuedSession) -> String {
    issued.session.as_ref().unwrap().name.clone()
}

async fn names(acme: &Acme, parent: &str) -> Vec<String> {
    let sessions = acme.admin.sessions(parent).await.unwrap();
    sessions.into_iter().map(|session| session.name).collect()
}

async fn assert_revoked(acme: &Acme, issued: &v1::IssuedSession) {
    let refusal = refused(acme.web.validate(&issued.token).await);
    assert_eq!(refusal, Refusal::session_ended("revoked"));
}

async fn a_session_shows_what_is_known_of_it(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let listed = acme.admin.sessions(&acme.customer).await.unwrap();
    let [session] = listed.as_slice() else { panic!("{}", listed.len()) };
    let issued = ana.session.session.unwrap();
    assert!(*session == v1::Session { email: EMAIL.to_owned(), ..issued });
    assert!(session.client == Some(client()));
    assert!(session.assurance() == v1::Assurance::MultiFactor);
    assert!(!session.current);
    assert_eq!(time(session.expire_time), time(session.create_time) + Duration::from_mins(30));

    acme.server.pass(Duration::from_mins(10));
    acme.web.validate(&ana.session.token).await.unwrap();
    let listed = acme.admin.sessions(&acme.customer).await.unwrap();
    assert_eq!(listed[0].last_used_time, Some(timestamp(acme.server.now())));
}

async fn a_listed_session_says_whose_it_is(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.password_session().await.token;
    acme.server.pass(Duration::from_secs(1));
    assert!(ben(&acme).await.session.unwrap().email.is_empty());
    let all = format!("{PORTAL}/customers/-");
    let emails = async |parent: &str| {
        let sessions = acme.admin.sessions(parent).await.unwrap();
        sessions.into_iter().map(|session| session.email).collect::<Vec<_>>()
    };
    assert_eq!(emails(&all).await, ["ben@example.com", EMAIL]);
    assert_eq!(emails(&acme.customer).await, [EMAIL]);
    acme.admin.set_email(&acme.customer, "new.ana@example.com").await.unwrap();
    assert_eq!(emails(&all).await, ["ben@example.com", "new.ana@example.com"]);
    assert_eq!(emails(&acme.customer).await, ["new.ana@example.com"]);

    let (own, _) = acme.web.account(&token).sessions(0, "").await.unwrap();
    assert!(own.len() == 1 && own.iter().all(|session| session.email.is_empty()));
    assert!(acme.web.validate(&token).await.unwrap().session.unwrap().email.is_empty());
}

async fn sessions_of_a_customer_and_of_a_portal_are_listed(server: TestServer) {
    let acme = Acme::new(server).await;
    let first = acme.password_session().await;
    acme.server.pass(Duration::from_secs(1));
    let bens = ben(&acme).await;
    acme.server.pass(Duration::from_secs(1));
    let last = acme.password_session().await;
    assert_eq!(names(&acme, &acme.customer).await, [name(&last), name(&first)]);
    let all = format!("{PORTAL}/customers/-");
    assert_eq!(names(&acme, &all).await, [name(&last), name(&bens), name(&first)]);
}

async fn dead_sessions_are_not_listed(server: TestServer) {
    let acme = Acme::new(server).await;
    let signed_out = acme.password_session().await;
    acme.web.sign_out(&signed_out.token).await.unwrap();
    acme.password_session().await;
    acme.server.pass(Duration::from_mins(20));
    let live = acme.password_session().await;
    acme.server.pass(Duration::from_mins(10));
    assert_eq!(names(&acme, &acme.customer).await, [name(&live)]);

    // The portal's limits of now count.
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let session = v1::SessionPolicy { idle_timeout: seconds(600), ..Default::default() };
    let portal = v1::Portal { session: Some(session), ..Default::default() };
    acme.update(portal, &["session.idle_timeout"]).await;
    assert!(names(&acme, &acme.customer).await.is_empty());
}

async fn an_unknown_parent_has_no_sessions(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.password_session().await;
    for parent in [
        "portals/acme/customers/nobody",
        "portals/nowhere/customers/nobody",
        "portals/nowhere/customers/-",
    ] {
        assert!(names(&acme, parent).await.is_empty(), "{parent}");
    }
    for parent in ["", PORTAL, "portals/-", "portals/-/customers/-", "portals/acme/customers/"] {
        let refusal = refused(acme.admin.sessions(parent).await);
        assert_eq!(refusal, Refusal::invalid(&["parent"]), "{parent}");
    }
}

async fn revoking_a_session_ends_it_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let (one, other) = (acme.password_session().await, acme.password_session().await);
    assert_eq!(acme.admin.revoke_sessions(&name(&one)).await.unwrap(), 1);
    assert_revoked(&acme, &one).await;
    acme.web.validate(&other.token).await.unwrap();
    acme.assert_recorded("session.revoked", &[("sessions_ended", "1")]).await;
}

async fn revoking_a_dead_session_is_fine_and_ends_none(server: TestServer) {
    let acme = Acme::new(server).await;
    let (signed_out, idle) = (acme.password_session().await, acme.password_session().await);
    acme.web.sign_out(&signed_out.token).await.unwrap();
    acme.server.pass(Duration::from_mins(30));
    for dead in [&signed_out, &signed_out, &idle] {
        assert_eq!(acme.admin.revoke_sessions(&name(dead)).await.unwrap(), 0);
    }
    let refusal = refused(acme.web.validate(&signed_out.token).await);
    assert_eq!(refusal, Refusal::session_ended("signed_out"), "it ended once");
    assert_eq!(acme.admin.revoke_sessions(&acme.customer).await.unwrap(), 0);
    assert_eq!(acme.admin.revoke_sessions(PORTAL).await.unwrap(), 0);
}

async fn revoking_a_customer_ends_all_of_theirs(server: TestServer) {
    let acme = Acme::new(server).await;
    let own = [acme.password_session().await, acme.password_session().await];
    let bens = ben(&acme).await;
    assert_eq!(acme.admin.revoke_sessions(&acme.customer).await.unwrap(), 2);
    for session in &own {
        assert_revoked(&acme, session).await;
    }
    acme.web.validate(&bens.token).await.unwrap();
    assert_eq!(acme.sign_in().await.step(), "session", "they may sign in again");
    acme.assert_recorded("session.revoked", &[("sessions_ended", "2")]).await;
}

async fn revoking_a_portal_ends_all_of_its_own(server: TestServer) {
    let acme = Acme::new(server).await;
    let own = [acme.password_session().await, ben(&acme).await];
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    acme.admin.create_customer("portals/beta", EMAIL, PASSWORD).await.unwrap();
    let key = acme.admin.portal_key("portals/beta", v1::PortalAccess::Full).await.unwrap();
    let beta = acme.server.web_with(&key);
    let elsewhere = beta.sign_in(EMAIL, PASSWORD).await.unwrap().issued();
    assert_eq!(acme.admin.revoke_sessions(PORTAL).await.unwrap(), 2);
    for session in &own {
        assert_revoked(&acme, session).await;
    }
    beta.validate(&elsewhere.token).await.unwrap();
    assert_eq!(acme.sign_in().await.step(), "session");
}

async fn revoking_a_portal_asks_for_an_administrator(server: TestServer) {
    let acme = Acme::new(server).await;
    let (one, other) = (acme.password_session().await, acme.password_session().await);
    let support = acme.admin.admin_key(AdminRole::Support, &[PORTAL]).await.unwrap();
    let support = acme.server.admin_with(&support);
    assert_eq!(refused(support.revoke_sessions(PORTAL).await), Refusal::of(ApiKeyScope));
    acme.web.validate(&one.token).await.unwrap();
    assert_eq!(support.revoke_sessions(&name(&one)).await.unwrap(), 1);
    assert_eq!(support.revoke_sessions(&acme.customer).await.unwrap(), 1);
    assert!(refused(acme.web.validate(&other.token).await).is(SessionInvalid));
    let admin = acme.admin.admin_key(AdminRole::Admin, &[PORTAL]).await.unwrap();
    assert_eq!(acme.server.admin_with(&admin).revoke_sessions(PORTAL).await.unwrap(), 0);
}

async fn what_cannot_be_revoked_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let own = acme.password_session().await;
    let bens = ben(&acme).await;
    let (own_name, bens_name) = (name(&own), name(&bens));
    let (_, id) = own_name.rsplit_once('/').unwrap();
    let (bens_customer, _) = bens_name.rsplit_once("/sessions/").unwrap();
    for (kind, name) in [
        ("Session", format!("{bens_customer}/sessions/{id}")),
        ("Session", format!("{PORTAL}/customers/nobody/sessions/{id}")),
        ("Session", format!("portals/nowhere/customers/c1/sessions/{id}")),
        ("Session", format!("{}/sessions/00000000-0000-7000-8000-000000000000", acme.customer)),
        ("Customer", format!("{PORTAL}/customers/nobody")),
        ("Customer", "portals/nowhere/customers/c1".to_owned()),
        ("Portal", "portals/nowhere".to_owned()),
    ] {
        let missing = Refusal::of(ResourceNotFound).resource(kind, &name);
        assert_eq!(refused(acme.admin.revoke_sessions(&name).await), missing);
    }
    for name in ["", "portals/-", "portals/acme/customers/-", "sessions/s1", "apiKeys/k1"] {
        let refusal = refused(acme.admin.revoke_sessions(name).await);
        assert_eq!(refusal, Refusal::invalid(&["name"]), "{name}");
    }
    acme.web.validate(&own.token).await.unwrap();
}
