//! An address is an identity: in all its spellings, and only as long as it is somebody's.

use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, ResourceExists, SignInInvalid, Throttled,
};

use super::WRONG;
use gatehouse_tests::{Acme, EMAIL, PASSWORD, PORTAL, SignInExt, TestServer, refused};

gatehouse_tests::on_each_database! {
    spellings_of_an_address_are_one_for_uniqueness_sign_in_and_throttles,
    a_dotless_i_is_another_address,
    a_sign_in_under_way_stays_its_customers_when_the_address_changes,
    an_old_address_that_is_given_to_somebody_new_leads_to_them_alone,
}

/// Case, width, Unicode's compositions, and both forms of a domain (UTS 46). Two of them as two
/// identities would be two budgets of guesses, or two accounts of one mailbox.
async fn spellings_of_an_address_are_one_for_uniqueness_sign_in_and_throttles(server: TestServer) {
    let acme = Acme::new(server).await;
    let made = acme.admin.create_customer(PORTAL, "jos\u{e9}@b\u{fc}cher.example", PASSWORD).await;
    let name = made.unwrap().name;
    let spellings = [
        "jos\u{e9}@b\u{fc}cher.example",
        "JOS\u{c9}@B\u{dc}CHER.EXAMPLE",
        "jose\u{301}@bu\u{308}cher.example",
        "jos\u{e9}@xn--bcher-kva.example",
        "jos\u{e9}@XN--BCHER-KVA.example",
        "\u{ff4a}os\u{e9}\u{ff20}b\u{fc}cher\u{3002}example",
        " jos\u{e9}@b\u{fc}cher.example ",
    ];
    for spelling in spellings {
        let taken = refused(acme.admin.create_customer(PORTAL, spelling, PASSWORD).await);
        assert!(taken.is(ResourceExists), "{spelling}");
        let issued = acme.web.sign_in(spelling, PASSWORD).await.unwrap().issued();
        let valid = acme.web.validate(&issued.token).await.unwrap();
        assert_eq!(valid.customer, name, "{spelling}");
    }
    for spelling in &spellings[..5] {
        let refusal = refused(acme.web.sign_in(spelling, WRONG).await);
        assert!(refusal.is(CredentialsRejected), "{spelling}");
    }
    for spelling in spellings {
        assert!(refused(acme.web.sign_in(spelling, WRONG).await).is(Throttled), "{spelling}");
    }
}

/// GitHub once sent a password reset for `mike@` to `m\u{131}ke@`, which its database took for the
/// same and the mail for another: here they are two addresses everywhere.
async fn a_dotless_i_is_another_address(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_customer(PORTAL, "mike@example.com", PASSWORD).await.unwrap();
    let other = "another horse battery";
    for lookalike in ["m\u{131}ke@example.com", "m\u{130}ke@example.com"] {
        let refusal = refused(acme.web.sign_in(lookalike, PASSWORD).await);
        assert!(refusal.is(CredentialsRejected), "{lookalike}");
        let made = acme.admin.create_customer(PORTAL, lookalike, other).await.unwrap();
        let issued = acme.web.sign_in(lookalike, other).await.unwrap().issued();
        let valid = acme.web.validate(&issued.token).await.unwrap();
        assert_eq!(valid.customer, made.name);
        let refusal = refused(acme.web.sign_in("mike@example.com", other).await);
        assert!(refusal.is(CredentialsRejected), "{lookalike} is no way in");
    }
}

/// A start is looked up by its address when the password comes; past that a sign-in is its
/// customer's, whatever they are called.
async fn a_sign_in_under_way_stays_its_customers_when_the_address_changes(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let (started, proven) = (acme.web.start(EMAIL).await.unwrap(), acme.sign_in().await);
    acme.admin.set_email(&acme.customer, "ana@new.example").await.unwrap();
    let issued = acme.web.totp(&proven.token, &ana.phone.code(acme.server.now())).await;
    let valid = acme.web.validate(&issued.unwrap().issued().token).await.unwrap();
    assert_eq!(valid.customer, acme.customer);
    let refusal = refused(acme.web.password(&started.token, PASSWORD).await);
    assert!(refusal.is(CredentialsRejected), "nobody has the old address");
}

async fn an_old_address_that_is_given_to_somebody_new_leads_to_them_alone(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    let (started, proven) = (acme.web.start(EMAIL).await.unwrap(), acme.sign_in().await);
    let invitation = acme.admin.invite(&acme.customer).await.unwrap().token;
    acme.admin.set_email(&acme.customer, "ana@new.example").await.unwrap();
    let new = acme.admin.create_customer(PORTAL, EMAIL, "the new one's password").await.unwrap();

    // What ana began at the old address does not reach the new customer, nor the other way round.
    let refusal = refused(acme.web.password(&started.token, PASSWORD).await);
    assert!(refusal.is(CredentialsRejected));
    let refusal = refused(acme.web.accept_invitation(&invitation, PASSWORD).await);
    assert!(refusal.is(gatehouse_api::v1::ErrorReason::InvitationInvalid));
    let issued = acme.web.totp(&proven.token, &ana.phone.code(acme.server.now())).await;
    let valid = acme.web.validate(&issued.unwrap().issued().token).await.unwrap();
    assert_eq!(valid.customer, acme.customer);
    let theirs = acme.web.password(&started.token, "the new one's password").await.unwrap();
    assert_eq!(theirs.step(), "enroll", "a customer without a factor: {}", new.name);
    assert!(refused(acme.web.get(&started.token).await).is(SignInInvalid), "it is used up");
}
