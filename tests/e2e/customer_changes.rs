//! Changing, suspending, unlocking and deleting a customer.

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole;
use gatehouse_api::v1::ErrorReason::{
    ApiKeyScope, CredentialsRejected, CustomerSuspended, EtagMismatch, InvitationInvalid,
    ResourceExists, ResourceNotFound, SessionInvalid, SignInInvalid, SignInLocked, Throttled,
};

use gatehouse_tests::{
    Acme, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, client, refused, timestamp,
};

gatehouse_tests::on_each_database! {
    what_is_not_named_stays_and_what_is_unset_takes_its_default,
    a_mask_names_only_what_can_be_changed,
    an_email_has_to_be_one_and_free,
    a_changed_email_is_the_one_to_sign_in_with,
    an_email_is_changed_by_administrators_alone,
    an_etag_has_to_match,
    suspending_ends_sessions_sign_ins_and_invitations,
    suspending_again_ends_nothing_more,
    lifting_a_suspension_lets_the_customer_in_again,
    unlocking_forgets_wrong_codes,
    unlocking_forgets_wrong_passwords_at_the_address,
    a_deleted_customer_is_gone_with_all_of_theirs,
    a_deletion_by_a_stale_etag_deletes_nothing,
    a_customer_that_is_not_there_is_named,
    every_change_is_recorded,
}

const BEN: &str = "ben@example.com";

/// The customer, with `email` and `display_name` as given.
fn customer(acme: &Acme, email: &str, display_name: &str) -> v1::Customer {
    v1::Customer {
        name: acme.customer.clone(),
        email: email.to_owned(),
        display_name: display_name.to_owned(),
        ..Default::default()
    }
}

async fn what_is_not_named_stays_and_what_is_unset_takes_its_default(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.server.pass(std::time::Duration::from_secs(1));
    let before = acme.admin.customer(&acme.customer).await.unwrap();
    let change = v1::Customer { suspended: true, ..customer(&acme, BEN, "Ana") };
    let changed = acme.admin.update_customer(change, &["display_name"]).await.unwrap();
    assert_ne!(changed.etag, before.etag);
    let expected = v1::Customer {
        display_name: "Ana".to_owned(),
        update_time: Some(timestamp(acme.server.now())),
        etag: changed.etag.clone(),
        ..before
    };
    assert!(changed == expected);
    assert!(acme.admin.customer(&acme.customer).await.unwrap() == changed);

    let unset = customer(&acme, "", "");
    let cleared = acme.admin.update_customer(unset, &["suspended", "display_name"]).await.unwrap();
    assert!(cleared.display_name.is_empty() && !cleared.suspended);
    assert_eq!(cleared.email, EMAIL);
}

async fn a_mask_names_only_what_can_be_changed(server: TestServer) {
    let acme = Acme::new(server).await;
    let before = acme.admin.customer(&acme.customer).await.unwrap();
    for path in [
        "*",
        "",
        "name",
        "etag",
        "mfa",
        "mfa.state",
        "has_password",
        "lock",
        "create_time",
        "update_time",
        "last_sign_in_time",
        "displayName",
        "suspended.x",
        "password",
    ] {
        let change = customer(&acme, EMAIL, "Ana");
        let refusal = refused(acme.admin.update_customer(change, &["display_name", path]).await);
        assert_eq!(refusal, Refusal::invalid(&["update_mask"]), "{path:?}");
    }
    let refusal = refused(acme.admin.update_customer(before.clone(), &[]).await);
    assert_eq!(refusal, Refusal::invalid(&["update_mask"]));
    let bad = customer(&acme, "no address", " Ana");
    let mask = ["email", "display_name", "etag"];
    let fields = ["customer.email", "customer.display_name", "update_mask"];
    let refusal = refused(acme.admin.update_customer(bad, &mask).await);
    assert_eq!(refusal, Refusal::invalid(&fields), "every bad field is named");
    assert!(acme.admin.customer(&acme.customer).await.unwrap() == before);

    let nobody = acme.admin.client().update_customer(v1::UpdateCustomerRequest::default()).await;
    assert_eq!(refused(nobody), Refusal::invalid(&["customer.name"]));
}

async fn an_email_has_to_be_one_and_free(server: TestServer) {
    let acme = Acme::new(server).await;
    let ben = acme.admin.create_customer(PORTAL, BEN, "").await.unwrap().name;
    for email in ["", "no address"] {
        let change = customer(&acme, email, "");
        let refusal = refused(acme.admin.update_customer(change, &["email"]).await);
        assert_eq!(refusal, Refusal::invalid(&["customer.email"]), "{email:?}");
    }
    for email in [BEN, " BEN@Example.COM"] {
        let change = customer(&acme, email, "Ana");
        let refusal = refused(acme.admin.update_customer(change, &["display_name", "email"]).await);
        let taken = Refusal::of(ResourceExists).fields(&["customer.email"]);
        assert_eq!(refusal, taken.resource("Customer", &ben), "{email}");
    }
    let found = acme.admin.customer(&acme.customer).await.unwrap();
    assert_eq!((found.email.as_str(), found.display_name.as_str()), (EMAIL, ""));
}

async fn a_changed_email_is_the_one_to_sign_in_with(server: TestServer) {
    let acme = Acme::new(server).await;
    let session = acme.password_session().await.token;
    let started = acme.web.start(EMAIL).await.unwrap().token;
    let changed = acme.admin.update_customer(customer(&acme, BEN, ""), &["email"]).await.unwrap();
    assert_eq!(changed.email, BEN);
    for token in [started, acme.web.start(EMAIL).await.unwrap().token] {
        let refusal = refused(acme.web.password(&token, PASSWORD).await);
        assert_eq!(refusal, Refusal::of(CredentialsRejected));
    }
    assert_eq!(acme.web.sign_in(BEN, PASSWORD).await.unwrap().step(), "session");
    acme.web.validate(&session).await.unwrap();
    // The old address is free.
    acme.admin.create_customer(PORTAL, EMAIL, "").await.unwrap();
}

async fn an_email_is_changed_by_administrators_alone(server: TestServer) {
    let acme = Acme::new(server).await;
    let support = acme.admin.admin_key(AdminRole::Support, &[PORTAL]).await.unwrap();
    let support = acme.server.admin_with(&support);
    let outside = Refusal::of(ApiKeyScope);
    // Before any other field is looked at.
    for (change, mask) in [
        (customer(&acme, BEN, ""), &["email"][..]),
        (customer(&acme, "", " "), &["display_name", "email"]),
        (customer(&acme, BEN, ""), &["nothing", "email"]),
    ] {
        assert_eq!(refused(support.update_customer(change, mask).await), outside);
    }
    let named = customer(&acme, BEN, "Ana");
    let changed = support.update_customer(named.clone(), &["display_name"]).await.unwrap();
    assert_eq!((changed.email.as_str(), changed.display_name.as_str()), (EMAIL, "Ana"));
    support.suspend(&acme.customer, true).await.unwrap();
    let admin = acme.admin.admin_key(AdminRole::Admin, &[PORTAL]).await.unwrap();
    let admin = acme.server.admin_with(&admin);
    assert_eq!(admin.update_customer(named, &["email"]).await.unwrap().email, BEN);
}

async fn an_etag_has_to_match(server: TestServer) {
    let acme = Acme::new(server).await;
    let read = acme.admin.customer(&acme.customer).await.unwrap();
    let change = v1::Customer { display_name: "Ana".to_owned(), ..read.clone() };
    let changed = acme.admin.update_customer(change.clone(), &["display_name"]).await.unwrap();
    for etag in [read.etag, "x".to_owned()] {
        let stale = v1::Customer { etag, display_name: "Eve".to_owned(), ..change.clone() };
        let refusal = refused(acme.admin.update_customer(stale, &["display_name"]).await);
        assert_eq!(refusal, Refusal::of(EtagMismatch));
    }
    assert!(acme.admin.customer(&acme.customer).await.unwrap() == changed);
}

async fn suspending_ends_sessions_sign_ins_and_invitations(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let started = acme.web.start(EMAIL).await.unwrap().token;
    let proven = acme.sign_in().await.token;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    assert!(acme.admin.suspend(&acme.customer, true).await.unwrap().suspended);

    let refusal = refused(acme.web.validate(&ana.session.token).await);
    assert_eq!(refusal, Refusal::session_ended("suspended"));
    let code = ana.phone.code(acme.server.now());
    assert_eq!(refused(acme.web.totp(&proven, &code).await), Refusal::of(SignInInvalid));
    let refusal = refused(acme.web.accept_invitation(&invitation, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(InvitationInvalid));
    let refusal = refused(acme.web.password(&started, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(CustomerSuspended));
    let attributes = [("paths", "suspended"), ("sessions_ended", "1")];
    acme.assert_recorded("customer.suspended", &attributes).await;
}

async fn suspending_again_ends_nothing_more(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.suspend(&acme.customer, true).await.unwrap();
    // For when they are let in again.
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    assert!(acme.admin.suspend(&acme.customer, true).await.unwrap().suspended);
    acme.admin.suspend(&acme.customer, false).await.unwrap();
    acme.web.accept_invitation(&invitation, PASSWORD).await.unwrap();
}

async fn lifting_a_suspension_lets_the_customer_in_again(server: TestServer) {
    let acme = Acme::new(server).await;
    let session = acme.password_session().await.token;
    acme.admin.suspend(&acme.customer, true).await.unwrap();
    let lifted = acme.admin.suspend(&acme.customer, false).await.unwrap();
    assert!(!lifted.suspended);
    let refusal = refused(acme.web.validate(&session).await);
    assert_eq!(refusal, Refusal::session_ended("suspended"), "what ended stays so");
    assert_eq!(acme.sign_in().await.step(), "session");
}

async fn unlocking_forgets_wrong_codes(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let token = acme.sign_in().await.token;
    for code in ana.phone.wrong_codes(acme.server.now()).take(10) {
        refused(acme.web.totp(&token, &code).await);
    }
    let code = ana.phone.code(acme.server.now());
    assert!(refused(acme.web.totp(&token, &code).await).is(SignInLocked));
    assert!(acme.admin.customer(&acme.customer).await.unwrap().lock.is_some());

    let unlocked = acme.admin.unlock(&acme.customer).await.unwrap();
    assert!(unlocked.lock.is_none());
    assert!(acme.admin.customer(&acme.customer).await.unwrap() == unlocked);
    let wrong = ana.phone.wrong_code(acme.server.now());
    let refusal = refused(acme.web.totp(&token, &wrong).await);
    assert_eq!(refusal, Refusal::wrong_code(9), "of ten again");
    assert_eq!(acme.web.totp(&token, &code).await.unwrap().step(), "session");
    acme.admin.unlock(&acme.customer).await.unwrap();
    acme.web.validate(&ana.session.token).await.unwrap();
}

async fn unlocking_forgets_wrong_passwords_at_the_address(server: TestServer) {
    let acme = Acme::new(server).await;
    let from =
        |host: u32| v1::ClientContext { ip_address: format!("198.51.100.{host}"), ..client() };
    let try_from = async |host, password: &str| {
        let token = acme.web.start_from(EMAIL, from(host)).await.unwrap().token;
        acme.web.password(&token, password).await
    };
    for host in 0..100 {
        let refusal = refused(try_from(host, "wrong horse battery").await);
        assert_eq!(refusal, Refusal::of(CredentialsRejected), "{host}");
    }
    assert!(refused(try_from(100, PASSWORD).await).is(Throttled));
    acme.admin.unlock(&acme.customer).await.unwrap();
    assert_eq!(try_from(100, PASSWORD).await.unwrap().step(), "session");
}

async fn a_deleted_customer_is_gone_with_all_of_theirs(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let proven = acme.sign_in().await.token;
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    let etag = acme.admin.customer(&acme.customer).await.unwrap().etag;
    acme.admin.delete_customer(&acme.customer, &etag).await.unwrap();

    let missing = Refusal::of(ResourceNotFound).resource("Customer", &acme.customer);
    assert_eq!(refused(acme.admin.customer(&acme.customer).await), missing);
    assert_eq!(refused(acme.admin.delete_customer(&acme.customer, "").await), missing);
    let refusal = refused(acme.web.validate(&ana.session.token).await);
    assert_eq!(refusal, Refusal::of(SessionInvalid));
    let code = ana.phone.code(acme.server.now());
    assert_eq!(refused(acme.web.totp(&proven, &code).await), Refusal::of(SignInInvalid));
    let refusal = refused(acme.web.accept_invitation(&invitation, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(InvitationInvalid));
    let refusal = refused(acme.web.sign_in(EMAIL, PASSWORD).await);
    assert_eq!(refusal, Refusal::of(CredentialsRejected));

    let again = acme.admin.create_customer(PORTAL, EMAIL, PASSWORD).await.unwrap();
    assert_ne!(again.name, acme.customer);
    assert_eq!(acme.sign_in().await.step(), "enroll", "nothing of the old one is theirs");
}

async fn a_deletion_by_a_stale_etag_deletes_nothing(server: TestServer) {
    let acme = Acme::new(server).await;
    let stale = acme.admin.customer(&acme.customer).await.unwrap().etag;
    acme.admin.suspend(&acme.customer, false).await.unwrap();
    for etag in [&stale, "x"] {
        let refusal = refused(acme.admin.delete_customer(&acme.customer, etag).await);
        assert_eq!(refusal, Refusal::of(EtagMismatch));
    }
    acme.admin.customer(&acme.customer).await.unwrap();
    acme.admin.delete_customer(&acme.customer, "").await.unwrap();
}

async fn a_customer_that_is_not_there_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    for name in [&format!("{PORTAL}/customers/nobody"), "portals/nowhere/customers/c1"] {
        let missing = Refusal::of(ResourceNotFound).resource("Customer", name);
        assert_eq!(refused(acme.admin.suspend(name, true).await), missing);
        assert_eq!(refused(acme.admin.delete_customer(name, "x").await), missing);
        assert_eq!(refused(acme.admin.unlock(name).await), missing);
    }
    for name in ["", PORTAL, "portals/acme/customers/-"] {
        let refusal = refused(acme.admin.suspend(name, true).await);
        assert_eq!(refusal, Refusal::invalid(&["customer.name"]));
        let refusal = refused(acme.admin.delete_customer(name, "").await);
        assert_eq!(refusal, Refusal::invalid(&["name"]));
        assert_eq!(refused(acme.admin.unlock(name).await), Refusal::invalid(&["name"]));
    }
}

async fn every_change_is_recorded(server: TestServer) {
    let acme = Acme::new(server).await;
    let change = v1::Customer { suspended: true, ..customer(&acme, BEN, "Ana") };
    let mask = ["display_name", "email"];
    acme.admin.update_customer(change.clone(), &mask).await.unwrap();
    acme.assert_recorded("customer.updated", &[("paths", "email,display_name")]).await;
    acme.admin.update_customer(change, &["suspended", "email"]).await.unwrap();
    let suspended = [("paths", "email,suspended"), ("sessions_ended", "0")];
    acme.assert_recorded("customer.suspended", &suspended).await;
    acme.admin.suspend(&acme.customer, false).await.unwrap();
    acme.assert_recorded("customer.reinstated", &[("paths", "suspended")]).await;
    acme.admin.unlock(&acme.customer).await.unwrap();
    acme.assert_recorded("customer.unlocked", &[]).await;
    acme.admin.delete_customer(&acme.customer, "").await.unwrap();
    acme.assert_recorded("customer.deleted", &[]).await;
}
