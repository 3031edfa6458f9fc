//! Requests that are wrong: each names its field, and changes nothing.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{SessionInvalid, SignInInvalid};
use gatehouse_api::v1::api_key::Grant;

use gatehouse_tests::{
    Acme, Answer, EMAIL, PASSWORD, PORTAL, Refusal, SignInExt, TestServer, client, refused,
};

gatehouse_tests::on_each_database! {
    an_email_that_is_none_is_named,
    a_device_that_is_none_is_named,
    of_a_long_user_agent_the_beginning_is_kept,
    a_token_of_another_form_is_named,
    a_token_in_another_case_is_another_token,
    a_password_out_of_bounds_is_refused_before_any_hashing,
    absent_oneofs_are_named,
    unknown_enum_values_are_named,
    resource_names_and_ids_are_named,
    masks_name_what_can_be_written,
    every_bad_field_of_a_request_is_named_at_once,
}

async fn an_email_that_is_none_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let long = format!("{}@example.com", "x".repeat(243));
    assert_eq!(long.len(), 255);
    for email in ["", " ", "ana", "@example.com", "ana@", "a\nb@example.com", &long] {
        assert_eq!(refused(acme.web.start(email).await), Refusal::invalid(&["email"]), "{email}");
        let made = acme.admin.create_customer(PORTAL, email, "").await;
        assert_eq!(refused(made), Refusal::invalid(&["customer.email"]), "{email}");
    }
    acme.web.start(&long[1..]).await.unwrap();
    let all = v1::ListCustomersRequest { parent: PORTAL.to_owned(), ..Default::default() };
    let all = acme.admin.client().list_customers(all).await.unwrap().into_inner();
    assert_eq!(all.customers.len(), 1);
}

async fn a_device_that_is_none_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::StartSignInRequest { email: EMAIL.to_owned(), client: None };
    let refusal = refused(acme.web.client().start_sign_in(request).await);
    assert_eq!(refusal, Refusal::invalid(&["client"]));
    for ip in ["localhost", "203.0.113.7:80", "203.0.113.256", " 203.0.113.7"] {
        let device = v1::ClientContext { ip_address: ip.to_owned(), ..client() };
        let refusal = refused(acme.web.start_from(EMAIL, device).await);
        assert_eq!(refusal, Refusal::invalid(&["client.ip_address"]), "{ip}");
    }
    // What one database takes and another does not is taken by none, wherever it stands.
    let beyond = format!("{}\0", "x".repeat(10_000));
    for agent in ["\0", "Fire\0fox", "Fire\r\nfox", &beyond] {
        let device = v1::ClientContext { user_agent: agent.to_owned(), ..client() };
        let refusal = refused(acme.web.start_from(EMAIL, device.clone()).await);
        assert_eq!(refusal, Refusal::invalid(&["client.user_agent"]), "{agent:?}");
        let request =
            v1::RequestInvitationRequest { email: EMAIL.to_owned(), client: Some(device) };
        let refusal = refused(acme.web.client().request_invitation(request).await);
        assert_eq!(refusal, Refusal::invalid(&["client.user_agent"]), "{agent:?}");
    }
    for ip in ["", "2001:db8::1"] {
        let device = v1::ClientContext { ip_address: ip.to_owned(), user_agent: String::new() };
        acme.web.start_from(EMAIL, device).await.unwrap();
    }
}

/// It is the browser's, not the caller's: nobody could mend it, so it keeps nobody out.
async fn of_a_long_user_agent_the_beginning_is_kept(server: TestServer) {
    let acme = Acme::new(server).await;
    // A character of three bytes lies across the end.
    let kept = "x".repeat(511);
    for agent in [format!("{kept}\u{20ac}"), format!("{kept}\u{20ac}").repeat(20)] {
        let device = v1::ClientContext { user_agent: agent, ..client() };
        let token = acme.web.start_from(EMAIL, device).await.unwrap().token;
        let session = acme.web.password(&token, PASSWORD).await.unwrap().issued().session.unwrap();
        assert_eq!(session.client.unwrap().user_agent, kept);
    }
}

/// Texts that are no token of the kind that `token` is.
fn malformed(token: &str) -> Vec<String> {
    let (prefix, body) = token.split_at(4);
    vec![
        String::new(),
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token} "),
        body.to_owned(),
        format!("gha_{body}"),
        format!("{}{body}", prefix.to_uppercase()),
        "x".repeat(60_000),
    ]
}

async fn a_token_of_another_form_is_named(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let web = &acme.web;
    let started = web.start(EMAIL).await.unwrap().token;
    let proven = acme.sign_in().await.token;
    let bad = Refusal::invalid(&["sign_in_token"]);
    for token in [malformed(&started), malformed(&proven)].concat() {
        assert_eq!(refused(web.get(&token).await), bad);
        assert_eq!(refused(web.password(&token, PASSWORD).await), bad);
        assert_eq!(refused(web.totp(&token, "123456").await), bad);
        assert_eq!(refused(web.start_enrollment(&token).await), bad);
        assert_eq!(refused(web.verify_enrollment(&token, "123456").await), bad);
        assert_eq!(refused(web.delete_enrollment(&token).await), bad);
        assert_eq!(refused(web.enable_mfa(&token).await), bad);
        assert_eq!(refused(web.backup_codes(&token).await), bad);
        assert_eq!(refused(web.finish(&token).await), bad);
    }
    let session = acme.enroll().await.session.token;
    let bad = Refusal::invalid(&["session_token"]);
    for token in malformed(&session).into_iter().chain([proven]) {
        assert_eq!(refused(web.validate(&token).await), bad);
        assert_eq!(refused(web.sign_out(&token).await), bad);
    }
    assert_eq!(refused(web.get(&session).await), Refusal::invalid(&["sign_in_token"]));
    web.validate(&session).await.unwrap();
}

/// The same token, but for the case of one letter.
fn in_another_case(token: &str) -> String {
    // Not the last one, whose low bits stand for nothing.
    let letters = token.char_indices().skip(4).filter(|(_, c)| c.is_ascii_alphabetic());
    let (at, letter) = letters.clone().next().unwrap();
    let swapped = if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    };
    format!("{}{swapped}{}", &token[..at], &token[at + 1..])
}

async fn a_token_in_another_case_is_another_token(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let started = acme.web.start(EMAIL).await.unwrap().token;
    let proven = acme.sign_in().await.token;
    for token in [started, proven] {
        let answer = acme.web.get(&in_another_case(&token)).await;
        assert_eq!(refused(answer), Refusal::of(SignInInvalid));
        acme.web.get(&token).await.unwrap();
    }
    let session = acme.enroll().await.session.token;
    let answer = acme.web.validate(&in_another_case(&session)).await;
    assert_eq!(refused(answer), Refusal::of(SessionInvalid));
}

async fn a_password_out_of_bounds_is_refused_before_any_hashing(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.web.start(EMAIL).await.unwrap().token;
    let before = acme.server.password_comparisons();
    for password in ["", &"x".repeat(257), &"€".repeat(342), &"x".repeat(1_025)] {
        let refusal = refused(acme.web.password(&token, password).await);
        assert_eq!(refusal, Refusal::invalid(&["password"]));
        if !password.is_empty() {
            let made = acme.admin.create_customer(PORTAL, "ben@example.com", password).await;
            assert_eq!(refused(made), Refusal::invalid(&["password"]));
        }
    }
    assert_eq!(acme.server.password_comparisons(), before);
    // Nothing was charged: five more are free.
    for _ in 0..5 {
        assert!(acme.web.password(&token, "wrong horse battery").await.is_err());
    }
    assert_eq!(acme.server.password_comparisons(), before + 5);
}

async fn absent_oneofs_are_named(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let token = acme.sign_in().await.token;
    let mut web = acme.web.client();
    let credential = Refusal::invalid(&["credential"]);

    let request =
        v1::VerifySecondFactorRequest { sign_in_token: token.clone(), ..Default::default() };
    let refusal = refused(web.verify_second_factor(request).await);
    assert_eq!(refusal, Refusal::invalid(&["proof"]));
    let own = || Some(v1::start_enrollment_request::Credential::SignInToken(token.clone()));
    let request = v1::StartEnrollmentRequest { credential: own(), ..Default::default() };
    let refusal = refused(web.start_enrollment(request).await);
    assert_eq!(refusal, Refusal::invalid(&["totp"]));
    let request = v1::StartEnrollmentRequest {
        factor: Some(v1::start_enrollment_request::Factor::Totp(v1::StartTotp {})),
        ..Default::default()
    };
    assert_eq!(refused(web.start_enrollment(request).await), credential);
    let request = v1::VerifyEnrollmentRequest::default();
    let refusal = refused(web.verify_enrollment(request).await);
    assert_eq!(refusal, Refusal::invalid(&["credential", "totp_code"]));
    assert_eq!(
        refused(web.delete_enrollment(v1::DeleteEnrollmentRequest::default()).await),
        credential
    );
    assert_eq!(refused(web.enable_mfa(v1::EnableMfaRequest::default()).await), credential);
    let request = v1::GenerateBackupCodesRequest::default();
    assert_eq!(refused(web.generate_backup_codes(request).await), credential);
    let refusal = refused(acme.admin.create_key(v1::ApiKey::default()).await);
    assert_eq!(refusal, Refusal::invalid(&["api_key.grant"]));
    assert!(acme.web.get(&token).await.is_ok());
}

async fn unknown_enum_values_are_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let token = acme.password_session().await.token;
    for value in [3, 99, -1] {
        let request = v1::ValidateSessionRequest { min_assurance: value, ..Default::default() };
        let refusal = refused(acme.web.validate_with(&token, request).await);
        assert_eq!(refusal, Refusal::invalid(&["min_assurance"]), "{value}");
        let request = v1::ListCustomersRequest {
            parent: PORTAL.to_owned(),
            mfa_state: value,
            ..Default::default()
        };
        let refusal = refused(acme.admin.client().list_customers(request).await);
        assert_eq!(refusal, Refusal::invalid(&["mfa_state"]), "{value}");
    }
    for value in [0, 99, -1] {
        let make = async |grant: Grant| {
            let key = v1::ApiKey { grant: Some(grant), ..Default::default() };
            refused(acme.admin.create_key(key).await)
        };
        let portals = vec!["portals/-".to_owned()];
        let refusal = make(Grant::Admin(v1::AdminGrant { role: value, portals })).await;
        assert_eq!(refusal, Refusal::invalid(&["api_key.admin.role"]), "{value}");
        let portal = PORTAL.to_owned();
        let refusal = make(Grant::Portal(v1::PortalGrant { portal, access: value })).await;
        assert_eq!(refusal, Refusal::invalid(&["api_key.portal.access"]), "{value}");
    }
}

async fn resource_names_and_ids_are_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let admin = &acme.admin;
    let long = "x".repeat(64);
    for id in ["", "Acme", "ACME", "a_b", "a/b", "-", "a-", "-a", "ä", "a b", &long] {
        let refusal = refused(admin.create_portal(id, v1::Portal::default()).await);
        assert_eq!(refusal, Refusal::invalid(&["portal_id"]), "{id}");
        let name = format!("portals/{id}");
        assert_eq!(refused(admin.portal(&name).await), Refusal::invalid(&["name"]), "{id}");
        let portal = v1::Portal { name: name.clone(), ..Default::default() };
        let refusal = refused(admin.update_portal(portal, &["mfa"]).await);
        assert_eq!(refusal, Refusal::invalid(&["portal.name"]), "{id}");
        let refusal = refused(admin.create_customer(&name, EMAIL, "").await);
        assert_eq!(refusal, Refusal::invalid(&["parent"]), "{id}");
        let customer = format!("{PORTAL}/customers/{id}");
        assert_eq!(refused(admin.customer(&customer).await), Refusal::invalid(&["name"]), "{id}");
        assert_eq!(refused(admin.reset_mfa(&customer).await), Refusal::invalid(&["name"]));
    }
    let request = v1::CreatePortalRequest { portal_id: "beta".to_owned(), portal: None };
    let refusal = refused(admin.client().create_portal(request).await);
    assert_eq!(refusal, Refusal::invalid(&["portal"]));
    for name in ["", "apiKeys/", "apiKeys/1", "acme"] {
        assert_eq!(refused(admin.revoke_key(name).await), Refusal::invalid(&["name"]));
    }
    let token = acme.password_session().await.token;
    for name in ["", PORTAL, &format!("{}/sessions/1", acme.customer)] {
        let refusal = refused(acme.web.sign_out_named(&token, name).await);
        assert_eq!(refusal, Refusal::invalid(&["session"]), "{name}");
    }
    acme.web.validate(&token).await.unwrap();
}

async fn masks_name_what_can_be_written(server: TestServer) {
    let acme = Acme::new(server).await;
    let before = acme.admin.portal(PORTAL).await.unwrap();
    let change = || v1::Portal {
        name: PORTAL.to_owned(),
        display_name: "Other".to_owned(),
        ..Default::default()
    };
    for path in ["", "*", "name", "etag", "create_time", "update_time", "displayName", "mfa.x", "x"]
    {
        let answer = acme.admin.update_portal(change(), &["display_name", path]).await;
        assert_eq!(refused(answer), Refusal::invalid(&["update_mask"]), "{path}");
        let answer = acme.admin.preview(change(), &["display_name", path]).await;
        assert_eq!(refused(answer), Refusal::invalid(&["update_mask"]), "{path}");
    }
    let refusal = refused(acme.admin.update_portal(change(), &[]).await);
    assert_eq!(refusal, Refusal::invalid(&["update_mask"]));
    let request = v1::UpdatePortalRequest { portal: Some(change()), ..Default::default() };
    let refusal = refused(acme.admin.client().update_portal(request).await);
    assert_eq!(refusal, Refusal::invalid(&["update_mask"]));
    assert!(acme.admin.portal(PORTAL).await.unwrap() == before);
}

async fn every_bad_field_of_a_request_is_named_at_once(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::CreateCustomerRequest {
        parent: PORTAL.to_owned(),
        customer: Some(v1::Customer { display_name: "\n".to_owned(), ..Default::default() }),
        customer_id: "C1".to_owned(),
        password: "x".repeat(257),
    };
    let answer: Answer<_> = acme.admin.client().create_customer(request).await;
    let fields = ["customer_id", "password", "customer.email", "customer.display_name"];
    assert_eq!(refused(answer), Refusal::invalid(&fields));
    let minute = prost_types::Duration { seconds: 60, nanos: 0 };
    let second = prost_types::Duration { seconds: 1, nanos: 0 };
    let portal = v1::Portal {
        lockout: Some(v1::LockoutPolicy { max_failures: Some(2), lock_duration: Some(minute) }),
        session: Some(v1::SessionPolicy {
            idle_timeout: Some(second),
            max_lifetime: Some(second),
            reauthentication_window: Some(minute),
            ..Default::default()
        }),
        ..Default::default()
    };
    let request = v1::CreatePortalRequest { portal_id: "No Id".to_owned(), portal: Some(portal) };
    let answer: Answer<_> = acme.admin.client().create_portal(request).await;
    let fields = [
        "portal_id",
        "portal.lockout.max_failures",
        "portal.session.idle_timeout",
        "portal.session.max_lifetime",
    ];
    assert_eq!(refused(answer), Refusal::invalid(&fields));
    let device = v1::ClientContext { ip_address: "x".to_owned(), user_agent: "\0".to_owned() };
    let refusal = refused(acme.web.start_from(EMAIL, device).await);
    assert_eq!(refusal, Refusal::invalid(&["client.ip_address", "client.user_agent"]));
    // At most twenty are told.
    let paths: Vec<_> = (0..30).map(|n| format!("x{n}")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let change = v1::Portal { name: PORTAL.to_owned(), ..Default::default() };
    let refusal = refused(acme.admin.update_portal(change, &paths).await);
    assert_eq!(refusal, Refusal::invalid(&["update_mask"; 20]));
}
