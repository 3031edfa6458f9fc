//! Two portals on one server: what is one's is nothing to the other.

mod non_interference;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    ApiKeyInvalid, ApiKeyScope, CredentialsRejected, Internal, SessionInvalid, SignInInvalid,
    Throttled,
};

use gatehouse_tests::{
    Acme, Database, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, Web, refused,
};

gatehouse_tests::on_each_database! {
    a_sign_in_of_another_portal_is_unknown,
    a_session_of_another_portal_is_unknown,
    one_address_in_two_portals_is_two_customers,
    guesses_in_one_portal_slow_down_no_other,
    wrong_codes_in_one_portal_lock_no_other,
    a_page_token_is_bound_to_the_portals_of_the_key,
    a_page_of_own_sessions_belongs_to_its_customer,
}

/// A second portal, where the same address has the same password.
async fn beta(acme: &Acme) -> Web {
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    acme.admin.create_customer("portals/beta", EMAIL, PASSWORD).await.unwrap();
    let key = acme.admin.portal_key("portals/beta", v1::PortalAccess::Full).await.unwrap();
    acme.server.web_with(&key)
}

/// Zitadel (CVE-2026-105209) trusted a header for the tenant and did not look at the object (C8).
async fn a_sign_in_of_another_portal_is_unknown(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let beta = beta(&acme).await;
    let started = acme.web.start(EMAIL).await.unwrap();
    let proven = acme.sign_in().await;
    let phone = acme.start_enrollment(&proven).await;
    let code = phone.code(acme.server.now());
    let unknown = Refusal::of(SignInInvalid);
    for token in [&started.token, &proven.token] {
        assert_eq!(refused(beta.get(token).await), unknown);
        assert_eq!(refused(beta.password(token, PASSWORD).await), unknown);
        assert_eq!(refused(beta.totp(token, &code).await), unknown);
        assert_eq!(refused(beta.start_enrollment(token).await), unknown);
        assert_eq!(refused(beta.verify_enrollment(token, &code).await), unknown);
        assert_eq!(refused(beta.delete_enrollment(token).await), unknown);
        assert_eq!(refused(beta.enable_mfa(token).await), unknown);
        assert_eq!(refused(beta.backup_codes(token).await), unknown);
        assert_eq!(refused(beta.finish(token).await), unknown);
    }
    acme.web.verify_enrollment(&proven.token, &code).await.unwrap();
}

async fn a_session_of_another_portal_is_unknown(server: TestServer) {
    let acme = Acme::new(server).await;
    let beta = beta(&acme).await;
    let issued = acme.password_session().await;
    let unknown = Refusal::of(SessionInvalid);
    assert_eq!(refused(beta.validate(&issued.token).await), unknown);
    assert_eq!(beta.sign_out(&issued.token).await.unwrap(), 0);
    assert_eq!(refused(beta.sign_out_others(&issued.token).await), unknown);

    let own = beta.sign_in(EMAIL, PASSWORD).await.unwrap().issued();
    let name = issued.session.unwrap().name;
    assert_eq!(beta.sign_out_named(&own.token, &name).await.unwrap(), 0);
    assert_eq!(beta.sign_out_others(&own.token).await.unwrap(), 0);
    acme.web.validate(&issued.token).await.unwrap();

    acme.web.sign_out(&issued.token).await.unwrap();
    let refusal = refused(beta.validate(&issued.token).await);
    assert_eq!(refusal, unknown, "nor how it ended");
}

async fn one_address_in_two_portals_is_two_customers(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let beta = beta(&acme).await;
    acme.enroll().await;
    let issued = beta.sign_in(EMAIL, PASSWORD).await.unwrap().issued();
    let valid = beta.validate(&issued.token).await.unwrap();
    assert!(valid.customer.starts_with("portals/beta/customers/"));
    acme.admin.reset_mfa(&acme.customer).await.unwrap();
    beta.validate(&issued.token).await.unwrap();
}

async fn guesses_in_one_portal_slow_down_no_other(server: TestServer) {
    let acme = Acme::new(server).await;
    let beta = beta(&acme).await;
    for _ in 0..5 {
        let refusal = refused(acme.web.sign_in(EMAIL, "wrong horse battery").await);
        assert_eq!(refusal, Refusal::of(CredentialsRejected));
    }
    assert!(refused(acme.web.sign_in(EMAIL, PASSWORD).await).is(Throttled));
    assert_eq!(beta.sign_in(EMAIL, PASSWORD).await.unwrap().step(), "session");
}

async fn wrong_codes_in_one_portal_lock_no_other(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let beta = beta(&acme).await;
    let ana = acme.enroll().await;
    let token = acme.sign_in().await.token;
    for code in ana.phone.wrong_codes(acme.server.now()).take(10) {
        refused(acme.web.totp(&token, &code).await);
    }
    let locked = v1::ListCustomersRequest {
        parent: "portals/-".to_owned(),
        locked: Some(true),
        ..Default::default()
    };
    let locked = acme.admin.client().list_customers(locked).await.unwrap().into_inner();
    assert_eq!(locked.customers.len(), 1);
    assert_eq!(locked.customers[0].name, acme.customer);
    assert_eq!(beta.sign_in(EMAIL, PASSWORD).await.unwrap().step(), "session");
}

/// A page token is sealed, and bound to the request and to what its key may see.
async fn a_page_token_is_bound_to_the_portals_of_the_key(server: TestServer) {
    let acme = Acme::new(server).await;
    beta(&acme).await;
    acme.admin.create_customer("portals/beta", "ben@example.com", "").await.unwrap();
    let mut pages = Vec::new();
    for scope in [PORTAL, "portals/beta"] {
        let key = acme.admin.admin_key(v1::AdminRole::Viewer, &[scope]).await.unwrap();
        pages.push(acme.server.admin_with(&key));
    }
    let mut request = v1::ListCustomersRequest {
        parent: "portals/-".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let first = pages[1].client().list_customers(request.clone()).await.unwrap().into_inner();
    assert!(first.customers[0].name.starts_with("portals/beta/"));
    request.page_token = first.next_page_token;
    let refusal = refused(pages[0].client().list_customers(request.clone()).await);
    assert_eq!(refusal, Refusal::invalid(&["page_token"]));
    let next = pages[1].client().list_customers(request).await.unwrap().into_inner();
    assert_eq!((next.customers.len(), next.next_page_token.as_str()), (1, ""));
}

async fn a_page_of_own_sessions_belongs_to_its_customer(server: TestServer) {
    let acme = Acme::new(server).await;
    let (ben, beta) = (acme.with_customer("ben@example.com").await, beta(&acme).await);
    for _ in 0..2 {
        acme.password_session().await;
    }
    let anas = acme.web.account(&acme.password_session().await.token);
    let (_, next) = anas.sessions(1, "").await.unwrap();
    let bens = ben.web.account(&ben.password_session().await.token);
    let betas = beta.account(&beta.sign_in(EMAIL, PASSWORD).await.unwrap().issued().token);
    for other in [bens, betas] {
        let refusal = refused(other.sessions(1, &next).await);
        assert_eq!(refusal, Refusal::invalid(&["page_token"]));
    }
    anas.sessions(1, &next).await.unwrap();
}

/// Whoever writes the database could give a customer a secret or codes of another's. Sealed
/// values are bound to their rows (C15); of password hashes:
/// `credentials::what_is_a_password::a_password_hash_moved_to_another_customer_does_not_open`.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_moved_to_another_row_does_not_open() {
    let acme = Acme::enforcing(TestServer::start(Database::Postgres).await).await;
    let ben = acme.with_customer("ben@example.com").await;
    let (anas, bens) = (acme.enroll().await, ben.enroll().await);
    let own = |customer: &str| customer.rsplit('/').next().unwrap().to_owned();
    let (ana, ben_id) = (own(&acme.customer), own(&ben.customer));
    acme.server.change_database(&format!(
        "UPDATE factor SET secret = (SELECT secret FROM factor WHERE customer_id = '{ben_id}')
          WHERE customer_id = '{ana}';
         UPDATE backup_code a SET digest = (SELECT digest FROM backup_code b
                                             WHERE b.customer_id = '{ben_id}' AND b.slot = a.slot)
          WHERE customer_id = '{ana}'",
    ));
    let token = acme.sign_in().await.token;
    let code = bens.phone.code(acme.server.now());
    assert!(refused(acme.web.totp(&token, &code).await).is(Internal), "no verdict");
    for codes in [&bens.backup_codes, &anas.backup_codes] {
        let refusal = refused(acme.web.backup_code(&token, &codes[0]).await);
        assert!(refusal.is(Internal), "{refusal:?}");
    }
}

/// A row that somebody has changed by hand is told of to those who may ask for it alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_session_is_told_of_to_its_own_portal_alone() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    let beta = beta(&acme).await;
    let token = acme.password_session().await.token;
    let grant =
        v1::PortalGrant { portal: PORTAL.to_owned(), access: v1::PortalAccess::Full.into() };
    let grant = Some(v1::api_key::Grant::Portal(grant));
    let key = v1::ApiKey { grant, ..Default::default() };
    let (name, revoked) = acme.admin.create_key(key).await.unwrap();
    acme.admin.revoke_key(&name).await.unwrap();
    acme.server.change_database("UPDATE session SET idle_limit = -1");
    for (web, expected) in [
        (acme.server.web_with(&revoked), ApiKeyInvalid),
        (acme.server.web_with(acme.server.owner_key()), ApiKeyScope),
        (beta, SessionInvalid),
        (acme.web.clone(), Internal),
    ] {
        let refusal = refused(web.validate(&token).await);
        assert!(refusal.is(expected), "{refusal:?}");
    }
}
