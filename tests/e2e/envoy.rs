//! What Envoy is told of sessions: what ValidateSession says, in the words of HTTP.

use std::time::Duration;

use gatehouse::metrics::render;
use gatehouse_api::v1;
use gatehouse_tests::{
    Acme, Database, EMAIL, EMPTY, Envoy, PORTAL, Refusal, SignInExt, TestServer, Told, refused,
    time,
};
use serde_json::json;

gatehouse_tests::on_each_database! {
    a_session_passes_as_whose_it_is,
    a_check_is_a_use_unless_the_route_says_otherwise,
    a_session_that_has_ended_says_how,
    a_route_asks_for_strength_and_age,
    checks_are_counted_and_recorded_as_calls_are,
}

const MINUTE: Duration = Duration::from_mins(1);
const MULTI_FACTOR: &[(&str, &str)] = &[("min_assurance", "ASSURANCE_MULTI_FACTOR")];
const FRESH: &[(&str, &str)] = &[("max_authentication_age", "300s")];

/// A portal on a server that answers Envoy, and Envoy with a key that only validates.
async fn acme(server: TestServer) -> (Acme, Envoy) {
    let acme = Acme::new(server.with_envoy().await).await;
    let key = acme.admin.portal_key(PORTAL, v1::PortalAccess::Validate).await.unwrap();
    let envoy = acme.server.envoy_with(&key);
    (acme, envoy)
}

async fn a_session_passes_as_whose_it_is(server: TestServer) {
    let (acme, envoy) = acme(server).await;
    acme.enforce(true).await;
    let ana = acme.enroll().await;
    let told = envoy.bearer(&ana.session.token, MULTI_FACTOR).await.unwrap();
    let valid = acme.web.validate(&ana.session.token).await.unwrap();
    let session = valid.session.unwrap();
    let proven = session.authentication_time.unwrap().to_string();
    for (name, value) in [
        ("x-gatehouse-portal", PORTAL),
        ("x-gatehouse-customer", acme.customer.as_str()),
        ("x-gatehouse-session", &session.name),
        ("x-gatehouse-email", EMAIL),
        ("x-gatehouse-assurance", "ASSURANCE_MULTI_FACTOR"),
        ("x-gatehouse-authentication-time", &proven),
        ("x-gatehouse-second-factor-time", &session.second_factor_time.unwrap().to_string()),
    ] {
        assert_eq!(told.set(name), Some(value), "{name}");
    }
    assert_eq!(told.removed(), ["x-gatehouse-display-name", "authorization", "cookie"]);
}

async fn a_check_is_a_use_unless_the_route_says_otherwise(server: TestServer) {
    let (acme, envoy) = acme(server).await;
    let token = acme.password_session().await.token;
    let last_used = async || {
        let look = v1::ValidateSessionRequest { passive: true, ..Default::default() };
        let valid = acme.web.validate_with(&token, look).await.unwrap();
        time(valid.session.unwrap().last_used_time)
    };
    let began = acme.server.now();
    acme.server.pass(10 * MINUTE);
    envoy
        .bearer(&token, &[("passive", "true")])
        .await
        .unwrap()
        .set("x-gatehouse-customer")
        .unwrap();
    assert_eq!(last_used().await, began);
    envoy.bearer(&token, &[]).await.unwrap().set("x-gatehouse-customer").unwrap();
    assert_eq!(last_used().await, acme.server.now());
}

async fn a_session_that_has_ended_says_how(server: TestServer) {
    let (acme, envoy) = acme(server).await;
    let token = acme.password_session().await.token;
    acme.server.pass(30 * MINUTE);
    let Told::Deny { status, headers, body } = envoy.bearer(&token, &[]).await.unwrap() else {
        panic!("it has ended")
    };
    assert_eq!(status, 401);
    assert_eq!(headers["www-authenticate"], "Bearer realm=\"acme\", error=\"invalid_token\"");
    assert_eq!(body, json!({"reason": "SESSION_INVALID", "session_end": "idle"}));
}

/// RFC 9470, section 3.
async fn a_route_asks_for_strength_and_age(server: TestServer) {
    let (acme, envoy) = acme(server).await;
    let token = acme.password_session().await.token;
    let told = envoy.bearer(&token, MULTI_FACTOR).await.unwrap();
    assert_eq!(told.denied(), (403, "MFA_NOT_ENABLED"));
    assert_eq!(told.header("www-authenticate"), None);

    envoy.bearer(&token, FRESH).await.unwrap().set("x-gatehouse-customer").unwrap();
    acme.server.pass(5 * MINUTE + Duration::from_micros(1));
    let Told::Deny { status, headers, body } = envoy.bearer(&token, FRESH).await.unwrap() else {
        panic!("its proof is too old")
    };
    let step_up = "Bearer realm=\"acme\", error=\"insufficient_user_authentication\"";
    assert_eq!(
        (status, &headers["www-authenticate"]),
        (401, &format!("{step_up}, max_age=\"300\""))
    );
    assert_eq!(body, json!({"reason": "REAUTHENTICATION_REQUIRED", "accepted": "password"}));

    acme.enable_in(&acme.web.account(&acme.password_session().await.token)).await;
    let told = envoy.bearer(&token, MULTI_FACTOR).await.unwrap();
    assert_eq!(told.denied(), (401, "REAUTHENTICATION_REQUIRED"));
    let expected = format!("{step_up}, acr_values=\"ASSURANCE_MULTI_FACTOR\"");
    assert_eq!(told.header("www-authenticate"), Some(expected.as_str()));
}

async fn checks_are_counted_and_recorded_as_calls_are(server: TestServer) {
    let (acme, envoy) = acme(server).await;
    let token = acme.password_session().await.token;
    envoy.bearer(&token, &[]).await.unwrap();
    envoy.bearer("nobody's", &[]).await.unwrap();
    let owner = acme.server.envoy_with(acme.server.owner_key());
    assert_eq!(owner.bearer(&token, &[]).await.unwrap().denied(), (503, "API_KEY_SCOPE"));

    let metrics = render(&acme.server.app()).unwrap();
    for (code, reason) in
        [("OK", ""), ("UNAUTHENTICATED", "SESSION_INVALID"), ("PERMISSION_DENIED", "API_KEY_SCOPE")]
    {
        let series = format!(
            "gatehouse_calls_total{{code=\"{code}\",method=\"Check\",reason=\"{reason}\",\
             service=\"envoy.service.auth.v3.Authorization\"}} 1"
        );
        assert!(metrics.lines().any(|line| line == series), "{series}");
    }
    let filter =
        v1::AuditEventFilter { types: vec!["call.refused".to_owned()], ..Default::default() };
    let events = acme.admin.audit_events(filter).await.unwrap();
    let [event] = events.as_slice() else { panic!("{}", events.len()) };
    assert!(event.reason() == v1::ErrorReason::ApiKeyScope);
    assert_eq!(event.attributes["method"], "Check");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_not_asked_for_the_service_lets_nobody_pass() {
    let acme = Acme::new(TestServer::start(Database::Sqlite).await).await;
    let token = acme.password_session().await.token;
    let envoy = acme.server.envoy_with(&acme.key);
    assert_eq!(envoy.bearer(&token, &[]).await.unwrap().denied(), (500, "REQUEST_INVALID"));
    let raw = acme.server.raw().key(&acme.key);
    let nothing = refused(raw.call("/envoy.service.auth.v3.Nothing/Check", EMPTY).await);
    assert_eq!(nothing, Refusal::unimplemented());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_no_verdict() {
    let (acme, envoy) = acme(TestServer::start(Database::Postgres).await).await;
    let token = acme.password_session().await.token;
    acme.server.lose_database();
    for token in [token.as_str(), "nobody's"] {
        let told = envoy.bearer(token, &[]).await.unwrap();
        assert_eq!(told.denied(), (503, "STORE_UNAVAILABLE"));
        assert_eq!(told.header("retry-after"), Some("5"));
        assert_eq!(told.header("www-authenticate"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_encoded_where_a_header_cannot_hold_it() {
    let (acme, envoy) = acme(TestServer::start(Database::Sqlite).await).await;
    let customer = v1::Customer {
        name: acme.customer.clone(),
        display_name: "Ana Müller, 100 %".to_owned(),
        ..Default::default()
    };
    acme.admin.update_customer(customer, &["display_name"]).await.unwrap();
    let bea = acme.with_customer("bëa@bücher.example").await;
    let named = async |acme: &Acme, name| {
        let token = acme.sign_in().await.issued().token;
        envoy.bearer(&token, &[]).await.unwrap().set(name).unwrap().to_owned()
    };
    let name = named(&acme, "x-gatehouse-display-name").await;
    assert_eq!(name, "Ana M%C3%BCller, 100 %25");
    assert_eq!(named(&bea, "x-gatehouse-email").await, "b%C3%ABa@xn--bcher-kva.example");
}
