//! Customers, as administrators see them.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{PasswordPolicy, ResourceExists, ResourceNotFound};

use gatehouse_tests::{
    Acme, Answer, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, refused,
};

gatehouse_tests::on_each_database! {
    an_email_is_taken_once_in_a_portal_however_it_is_spelled,
    an_id_is_taken_once_in_a_portal,
    a_new_password_meets_the_policy,
    a_portal_that_enforces_mfa_asks_for_shorter_passwords,
    a_customer_that_is_not_there_is_named,
    pages_hold_every_customer_once,
    lists_filter,
    a_page_token_belongs_to_the_request_that_made_it,
    a_reset_can_end_the_password_too,
}

async fn create(acme: &Acme, id: &str, email: &str, password: &str) -> Answer<v1::Customer> {
    let request = v1::CreateCustomerRequest {
        parent: PORTAL.to_owned(),
        customer: Some(v1::Customer { email: email.to_owned(), ..Default::default() }),
        customer_id: id.to_owned(),
        password: password.to_owned(),
    };
    Ok(acme.admin.client().create_customer(request).await?.into_inner().customer.unwrap())
}

async fn count(acme: &Acme) -> usize {
    let request = v1::ListCustomersRequest { parent: PORTAL.to_owned(), ..Default::default() };
    let answer = acme.admin.client().list_customers(request).await.unwrap().into_inner();
    answer.customers.len()
}

async fn an_email_is_taken_once_in_a_portal_however_it_is_spelled(server: TestServer) {
    let acme = Acme::new(server).await;
    for email in [EMAIL, " ANA@Example.COM", "ａｎａ@example.com"] {
        let refusal = refused(create(&acme, "c1", email, "").await);
        let taken = Refusal::of(ResourceExists).fields(&["customer.email"]);
        // Whose it is: who asks again learns what became of the first time.
        assert_eq!(refusal, taken.resource("Customer", &acme.customer), "{email}");
    }
    assert_eq!(count(&acme).await, 1);
}

async fn an_id_is_taken_once_in_a_portal(server: TestServer) {
    let acme = Acme::new(server).await;
    let made = create(&acme, "c1", "ben@example.com", "").await.unwrap();
    assert_eq!(made.name, format!("{PORTAL}/customers/c1"));
    assert!(!made.has_password && made.email == "ben@example.com");
    let exists = |fields: &[&str]| {
        Refusal::of(ResourceExists).fields(fields).resource("Customer", &made.name)
    };
    let refusal = refused(create(&acme, "c1", "eve@example.com", "").await);
    assert_eq!(refusal, exists(&["customer_id"]));
    let refusal = refused(create(&acme, "c1", "ben@example.com", "").await);
    assert_eq!(refusal, exists(&["customer_id", "customer.email"]));
}

async fn a_new_password_meets_the_policy(server: TestServer) {
    let acme = Acme::new(server).await;
    for password in [
        "fourteen chars",
        "passwordpassword",
        "Acme Billing 2027!",
        "ben@example.com",
        "aaaaaaaaaaaaaaaaaaaa",
    ] {
        let refusal = refused(create(&acme, "", "ben@example.com", password).await);
        assert_eq!(refusal, Refusal::of(PasswordPolicy).fields(&["password"]), "{password}");
    }
    assert_eq!(count(&acme).await, 1);
    create(&acme, "", "ben@example.com", "fifteen charact").await.unwrap();
}

async fn a_portal_that_enforces_mfa_asks_for_shorter_passwords(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let refusal = refused(create(&acme, "", "ben@example.com", "7 chars").await);
    assert_eq!(refusal, Refusal::of(PasswordPolicy).fields(&["password"]));
    create(&acme, "", "ben@example.com", "8 charac").await.unwrap();
    acme.enforce(false).await;
    let signed_in = acme.web.sign_in("ben@example.com", "8 charac").await.unwrap();
    assert_eq!(signed_in.step(), "session", "old passwords stay valid");
}

async fn a_customer_that_is_not_there_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let name = format!("{PORTAL}/customers/nobody");
    let missing = Refusal::of(ResourceNotFound).resource("Customer", &name);
    assert_eq!(refused(acme.admin.customer(&name).await), missing);
    assert_eq!(refused(acme.admin.reset_mfa(&name).await), missing);
    let elsewhere = "portals/nowhere/customers/c1";
    let missing = Refusal::of(ResourceNotFound).resource("Customer", elsewhere);
    assert_eq!(refused(acme.admin.customer(elsewhere).await), missing);
    assert_eq!(refused(acme.admin.reset_mfa(elsewhere).await), missing);
}

async fn list(acme: &Acme, request: v1::ListCustomersRequest) -> Answer<v1::ListCustomersResponse> {
    Ok(acme.admin.client().list_customers(request).await?.into_inner())
}

fn emails(answer: &v1::ListCustomersResponse) -> Vec<&str> {
    answer.customers.iter().map(|customer| customer.email.as_str()).collect()
}

async fn pages_hold_every_customer_once(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    for n in 0..6 {
        let portal = if n % 2 == 0 { PORTAL } else { "portals/beta" };
        acme.admin.create_customer(portal, &format!("c{n}@example.com"), "").await.unwrap();
    }
    for page_size in [1, 2, 3, 7, 1_000, 5_000, 0] {
        let mut request = v1::ListCustomersRequest {
            parent: "portals/-".to_owned(),
            page_size,
            ..Default::default()
        };
        let mut seen = Vec::new();
        loop {
            let answer = list(&acme, request.clone()).await.unwrap();
            assert!(page_size == 0 || answer.customers.len() <= page_size.try_into().unwrap());
            seen.extend(answer.customers.into_iter().map(|customer| customer.name));
            if answer.next_page_token.is_empty() {
                break;
            }
            request.page_token = answer.next_page_token;
        }
        assert_eq!(seen.len(), 7);
        seen.dedup();
        assert_eq!(seen.len(), 7, "pages of {page_size}");
    }
}

async fn lists_filter(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    acme.enroll().await;
    create(&acme, "", "ben@example.com", "").await.unwrap();
    let all = v1::ListCustomersRequest { parent: PORTAL.to_owned(), ..Default::default() };
    let enabled =
        v1::ListCustomersRequest { mfa_state: v1::MfaState::Enabled.into(), ..all.clone() };
    let disabled =
        v1::ListCustomersRequest { mfa_state: v1::MfaState::Disabled.into(), ..all.clone() };
    let ben = v1::ListCustomersRequest { email: "BEN@example.com".to_owned(), ..all.clone() };
    let locked = v1::ListCustomersRequest { locked: Some(true), ..all.clone() };
    let active = v1::ListCustomersRequest { suspended: Some(false), ..all };
    assert_eq!(emails(&list(&acme, enabled).await.unwrap()), [EMAIL]);
    assert_eq!(emails(&list(&acme, disabled).await.unwrap()), ["ben@example.com"]);
    assert_eq!(emails(&list(&acme, ben).await.unwrap()), ["ben@example.com"]);
    assert!(emails(&list(&acme, locked).await.unwrap()).is_empty());
    assert_eq!(list(&acme, active).await.unwrap().customers.len(), 2);
}

async fn a_page_token_belongs_to_the_request_that_made_it(server: TestServer) {
    let acme = Acme::new(server).await;
    create(&acme, "", "ben@example.com", "").await.unwrap();
    let first =
        v1::ListCustomersRequest { parent: PORTAL.to_owned(), page_size: 1, ..Default::default() };
    let page_token = list(&acme, first.clone()).await.unwrap().next_page_token;
    let next = v1::ListCustomersRequest { page_token: page_token.clone(), ..first };
    let resized = v1::ListCustomersRequest { page_size: 9, ..next.clone() };
    assert_eq!(list(&acme, resized).await.unwrap().customers.len(), 1);
    for changed in [
        v1::ListCustomersRequest { parent: "portals/-".to_owned(), ..next.clone() },
        v1::ListCustomersRequest { email: EMAIL.to_owned(), ..next.clone() },
        v1::ListCustomersRequest { suspended: Some(false), ..next.clone() },
        v1::ListCustomersRequest { page_token: "x".to_owned(), ..next.clone() },
        v1::ListCustomersRequest { page_token: format!("{page_token}A"), ..next.clone() },
    ] {
        assert_eq!(refused(list(&acme, changed).await), Refusal::invalid(&["page_token"]));
    }
}

async fn a_reset_can_end_the_password_too(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::ResetCustomerMfaRequest {
        name: acme.customer.clone(),
        reason: String::new(),
        end_password: true,
    };
    let answer = acme.admin.client().reset_customer_mfa(request).await.unwrap().into_inner();
    assert!(!answer.customer.unwrap().has_password);
    assert!(acme.web.sign_in(EMAIL, PASSWORD).await.is_err());
}
