//! Deleting a portal.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    ApiKeyInvalid, EtagMismatch, PortalNotEmpty, ResourceNotFound,
};

use gatehouse_tests::{Acme, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, refused};

gatehouse_tests::on_each_database! {
    a_portal_with_customers_goes_by_force_alone,
    force_needs_the_etag,
    an_etag_has_to_match,
    an_empty_portal_goes_without_force,
    a_portal_that_is_not_there_is_named,
    its_keys_do_not_come_back_with_its_name,
    no_other_portal_is_touched,
    a_portal_is_deleted_with_those_that_are_being_made,
}

fn missing() -> Refusal {
    Refusal::of(ResourceNotFound).resource("Portal", PORTAL)
}

async fn etag(acme: &Acme) -> String {
    acme.admin.portal(PORTAL).await.unwrap().etag
}

async fn a_portal_with_customers_goes_by_force_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let session = acme.password_session().await.token;
    let etag = etag(&acme).await;
    for given in ["", &etag] {
        let refusal = refused(acme.admin.delete_portal(PORTAL, given, false).await);
        assert_eq!(refusal, Refusal::of(PortalNotEmpty));
    }
    acme.web.validate(&session).await.unwrap();

    acme.admin.delete_portal(PORTAL, &etag, true).await.unwrap();
    assert_eq!(refused(acme.admin.portal(PORTAL).await), missing());
    assert_eq!(refused(acme.web.validate(&session).await), Refusal::of(ApiKeyInvalid));
    let customer = refused(acme.admin.customer(&acme.customer).await);
    assert_eq!(customer, Refusal::of(ResourceNotFound).resource("Customer", &acme.customer));
    acme.assert_recorded("portal.deleted", &[("customers", "1")]).await;
}

async fn force_needs_the_etag(server: TestServer) {
    let acme = Acme::new(server).await;
    for name in [PORTAL, "portals/nowhere"] {
        let refusal = refused(acme.admin.delete_portal(name, "", true).await);
        assert_eq!(refusal, Refusal::invalid(&["etag"]));
    }
    for name in ["", "acme", "portals/-", &acme.customer] {
        let refusal = refused(acme.admin.delete_portal(name, "", true).await);
        assert_eq!(refusal, Refusal::invalid(&["name"]));
    }
}

async fn an_etag_has_to_match(server: TestServer) {
    let acme = Acme::new(server).await;
    let stale = etag(&acme).await;
    acme.enforce(true).await;
    for (etag, force) in [(stale.as_str(), true), (stale.as_str(), false), ("x", false)] {
        let refusal = refused(acme.admin.delete_portal(PORTAL, etag, force).await);
        assert_eq!(refusal, Refusal::of(EtagMismatch));
    }
    acme.admin.customer(&acme.customer).await.unwrap();
}

async fn an_empty_portal_goes_without_force(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.delete_customer(&acme.customer, "").await.unwrap();
    acme.admin.delete_portal(PORTAL, "", false).await.unwrap();
    assert_eq!(refused(acme.admin.portal(PORTAL).await), missing());
    acme.assert_recorded("portal.deleted", &[("customers", "0")]).await;
}

async fn a_portal_that_is_not_there_is_named(server: TestServer) {
    let admin = server.admin();
    assert_eq!(refused(admin.delete_portal(PORTAL, "", false).await), missing());
    assert_eq!(refused(admin.delete_portal(PORTAL, "x", true).await), missing());
}

async fn its_keys_do_not_come_back_with_its_name(server: TestServer) {
    let acme = Acme::new(server).await;
    let old = etag(&acme).await;
    acme.admin.delete_portal(PORTAL, &old, true).await.unwrap();
    acme.admin.create_portal("acme", v1::Portal::default()).await.unwrap();
    acme.admin.create_customer(PORTAL, EMAIL, PASSWORD).await.unwrap();
    assert_eq!(refused(acme.web.start(EMAIL).await), Refusal::of(ApiKeyInvalid));
    let key = acme.admin.portal_key(PORTAL, v1::PortalAccess::Full).await.unwrap();
    let sign_in = acme.server.web_with(&key).sign_in(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(sign_in.step(), "session");

    let keys = acme.admin.client().list_api_keys(v1::ListApiKeysRequest::default()).await.unwrap();
    let keys = keys.into_inner().api_keys;
    let revoked = keys.iter().filter(|key| key.revoke_time.is_some()).count();
    assert_eq!((keys.len(), revoked), (3, 1), "the owner's, the old, the new");
    // The etag is of the portal that is gone.
    let refusal = refused(acme.admin.delete_portal(PORTAL, "1.1", true).await);
    assert_eq!(refusal, Refusal::of(EtagMismatch));
}

async fn no_other_portal_is_touched(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_portal("acme-2", v1::Portal::default()).await.unwrap();
    acme.admin.create_customer("portals/acme-2", EMAIL, PASSWORD).await.unwrap();
    let key = acme.admin.portal_key("portals/acme-2", v1::PortalAccess::Full).await.unwrap();
    let other = acme.server.web_with(&key);
    let session = other.sign_in(EMAIL, PASSWORD).await.unwrap().issued().token;
    acme.admin.delete_portal(PORTAL, &etag(&acme).await, true).await.unwrap();
    other.validate(&session).await.unwrap();
    assert_eq!(other.sign_in(EMAIL, PASSWORD).await.unwrap().step(), "session");
}

/// Whatever comes first: nothing is left of a portal that is gone, and nothing
/// fails for any reason of the server's own.
async fn a_portal_is_deleted_with_those_that_are_being_made(server: TestServer) {
    let acme = Acme::new(server).await;
    let admin = &acme.admin;
    let etag = etag(&acme).await;
    let (ben, eve, key, session, deleted) = tokio::join!(
        admin.create_customer(PORTAL, "ben@example.com", ""),
        admin.create_customer(PORTAL, "eve@example.com", ""),
        admin.portal_key(PORTAL, v1::PortalAccess::Full),
        acme.web.sign_in(EMAIL, PASSWORD),
        admin.delete_portal(PORTAL, &etag, true),
    );
    deleted.unwrap();
    for made in [ben.map(|_| ()), eve.map(|_| ()), key.as_ref().map(|_| ()).map_err(Clone::clone)] {
        assert!(made.is_ok() || refused(made) == missing());
    }
    if let Err(status) = session {
        let refusal = Refusal::read(&status);
        let rejected = v1::ErrorReason::CredentialsRejected;
        assert!(refusal.is(ApiKeyInvalid) || refusal.is(rejected), "{refusal:?}");
    }
    admin.create_portal("acme", v1::Portal::default()).await.unwrap();
    let key = key.unwrap_or_else(|_| acme.key.clone());
    let refusal = refused(acme.server.web_with(&key).start(EMAIL).await);
    assert_eq!(refusal, Refusal::of(ApiKeyInvalid));
    let all = v1::ListCustomersRequest { parent: PORTAL.to_owned(), ..Default::default() };
    let left = admin.client().list_customers(all).await.unwrap().into_inner();
    assert!(left.customers.is_empty());
}
