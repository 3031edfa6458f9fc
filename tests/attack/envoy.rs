//! Envoy's question: nobody passes for somebody else, and nobody passes whom gatehouse has not
//! found good enough.

use std::collections::BTreeSet;

use gatehouse_api::envoy::service::auth::v3::CheckRequest;
use gatehouse_api::v1;
use gatehouse_tests::frames::{Heard, RequestHead, framed, head_of};
use gatehouse_tests::{Acme, Database, Envoy, PORTAL, Refusal, TestServer, Told};

use crate::ground::Ground;

gatehouse_tests::on_each_database! {
    a_session_passes_in_its_own_portal_alone,
    a_check_without_a_live_key_of_a_portal_says_nothing_of_the_token,
}

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const IDENTITY: [&str; 8] = [
    "x-gatehouse-assurance",
    "x-gatehouse-authentication-time",
    "x-gatehouse-customer",
    "x-gatehouse-display-name",
    "x-gatehouse-email",
    "x-gatehouse-portal",
    "x-gatehouse-second-factor-time",
    "x-gatehouse-session",
];

/// A portal, and Envoy in front of it.
async fn acme() -> (Acme, Envoy) {
    let server = TestServer::start(Database::Sqlite).await;
    of(server).await
}

async fn of(server: TestServer) -> (Acme, Envoy) {
    let acme = Acme::new(server.with_envoy().await).await;
    let envoy = acme.server.envoy_with(&acme.key);
    (acme, envoy)
}

/// CWE-290: a header that gatehouse has nothing to say for is not the client's to say either.
#[tokio::test(flavor = "multi_thread")]
async fn every_header_of_identity_is_set_or_removed_whatever_a_client_sends() {
    let (acme, envoy) = acme().await;
    let weak = acme.password_session().await.token;
    acme.enforce(true).await;
    let strong = acme.enroll().await.session.token;
    for token in [weak, strong] {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(IDENTITY.map(|name| (name, "spoofed")));
        let told = envoy.check(&headers, &[]).await.unwrap();
        assert_eq!(told, envoy.check(&headers[..1], &[]).await.unwrap());
        let set = IDENTITY.into_iter().filter(|name| told.set(name).is_some());
        let removed = told.removed().iter().map(String::as_str);
        let all: BTreeSet<_> = set.chain(removed).collect();
        let token = ["authorization", "cookie"];
        assert_eq!(all, IDENTITY.into_iter().chain(token).collect());
    }
}

/// RFC 6750, section 2. CWE-384: a cookie that somebody planted beside the customer's own.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_tokens_neither_is_believed() {
    let (acme, envoy) = acme().await;
    let own = acme.password_session().await.token;
    let planted = acme.with_customer("eve@example.com").await.password_session().await.token;
    let bearer = format!("Bearer {own}");
    for headers in [
        [("authorization", bearer.as_str()), ("cookie", &format!("__Host-session={planted}"))],
        [("cookie", &format!("__Host-session={own}; __Host-session={planted}")), ("x", "")],
        [("cookie", &format!("__Host-session={planted};__Host-session={own}")), ("x", "")],
        [("authorization", &bearer), ("cookie", "__Host-session=")],
    ] {
        let told = envoy.check(&headers, &[]).await.unwrap();
        assert_eq!(told.denied(), (400, "REQUEST_INVALID"), "{headers:?}");
        let challenge = told.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_request\""), "{challenge}");
    }
}

/// The upstream gets no credential that it could use or leak, unless its route asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_stays_behind_with_every_copy_of_it() {
    let (acme, envoy) = acme().await;
    let token = acme.password_session().await.token;
    let cookie = format!("a=1;__Host-session={token}; __Host-session={token} ;b=\"2");
    let headers = [("cookie", cookie.as_str()), ("authorization", &format!("bearer {token}"))];
    let told = envoy.check(&headers, &[]).await.unwrap();
    assert_eq!(told.set("cookie"), Some("a=1; b=\"2"));
    assert!(told.removed().iter().any(|name| name == "authorization"));
    assert!(!format!("{told:?}").contains(&token));
    // What is not gatehouse's scheme could be somebody's credential too.
    let headers = [("cookie", cookie.as_str()), ("authorization", "Basic YTpi")];
    let told = envoy.check(&headers, &[]).await.unwrap();
    assert!(told.removed().iter().any(|name| name == "authorization"));
}

/// CWE-113, CWE-93: nothing that a header or a name holds begins another header.
#[tokio::test(flavor = "multi_thread")]
async fn what_envoy_is_told_to_send_is_printable_ascii() {
    let (acme, envoy) = acme().await;
    let token = acme.password_session().await.token;
    let customer = v1::Customer {
        name: acme.customer.clone(),
        display_name: "Ana Ü 漢字 \u{00a0}x %0d%0aX: y".to_owned(),
        ..Default::default()
    };
    acme.admin.update_customer(customer, &["display_name"]).await.unwrap();
    let told = envoy.bearer(&token, &[]).await.unwrap();
    let is_plain = |text: &str| text.bytes().all(|c| c == b' ' || c.is_ascii_graphic());
    for value in IDENTITY.iter().filter_map(|name| told.set(name)) {
        assert!(is_plain(value), "{value:?}");
    }
    let name = told.set("x-gatehouse-display-name").unwrap();
    assert!(name.contains("%250d%250aX: y"), "{name}");
    for cookie in
        ["__Host-session=a\r\nx-evil: 1", "__Host-session=\u{0}", "\u{7f}\u{85}=;\u{2028}"]
    {
        let told = envoy.check(&[("cookie", cookie)], &[("realm", "Acme")]).await.unwrap();
        assert_eq!(told.denied(), (401, "SESSION_INVALID"), "{cookie:?}");
        assert!(is_plain(told.header("www-authenticate").unwrap()));
    }
}

/// CWE-636: an operator's mistake shows, and opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_cannot_be_understood_lets_nobody_pass() {
    let (acme, envoy) = acme().await;
    let token = acme.password_session().await.token;
    for route in [
        ("min_assurance", "MULTI_FACTOR"),
        ("min_assurance", "ASSURANCE_UNSPECIFIED"),
        ("min_assurance", ""),
        ("minAssurance", "ASSURANCE_MULTI_FACTOR"),
        ("max_authentication_age", "300"),
        ("max_age", "300s"),
        ("cookie", "a; b"),
        ("realm", "a\", error=\"x"),
    ] {
        let told = envoy.bearer(&token, &[route]).await.unwrap();
        assert_eq!(told.denied(), (500, "REQUEST_INVALID"), "{route:?}");
    }
    let told = envoy.ask(CheckRequest::default()).await.unwrap();
    assert_eq!(told.denied(), (500, "REQUEST_INVALID"));
}

async fn a_session_passes_in_its_own_portal_alone(server: TestServer) {
    let (acme, envoy) = of(server).await;
    let token = acme.password_session().await.token;
    let other = Acme::called(acme.server.clone(), "other").await;
    let elsewhere = acme.server.envoy_with(&other.key);
    let told = elsewhere.bearer(&token, &[]).await.unwrap();
    assert_eq!(told, elsewhere.bearer(&format!("ghs_{}", "A".repeat(43)), &[]).await.unwrap());
    assert_eq!(told.denied(), (401, "SESSION_INVALID"));
    assert_eq!(envoy.bearer(&token, &[]).await.unwrap().set("x-gatehouse-portal"), Some(PORTAL));
}

async fn a_check_without_a_live_key_of_a_portal_says_nothing_of_the_token(server: TestServer) {
    let (acme, _) = of(server).await;
    let token = acme.password_session().await.token;
    let key = v1::PortalGrant { portal: PORTAL.to_owned(), access: v1::PortalAccess::Full.into() };
    let key = v1::ApiKey {
        display_name: "to be revoked".to_owned(),
        grant: Some(v1::api_key::Grant::Portal(key)),
        ..Default::default()
    };
    let (name, revoked) = acme.admin.create_key(key).await.unwrap();
    acme.admin.revoke_key(&name).await.unwrap();
    let unknown = format!("ghp_{}", "A".repeat(43));
    for key in [revoked.as_str(), &unknown, "x", &token] {
        let envoy = acme.server.envoy_with(key);
        for (token, route) in [(token.as_str(), &[][..]), ("x", &[]), ("x", &[("x", "")])] {
            let told = envoy.bearer(token, route).await.unwrap();
            assert_eq!(told.denied(), (503, "API_KEY_INVALID"), "{key}");
            assert_eq!(told.header("www-authenticate"), None);
        }
    }
    let owner = acme.server.envoy_with(acme.server.owner_key());
    for token in [token.as_str(), "x"] {
        assert_eq!(owner.bearer(token, &[]).await.unwrap().denied(), (503, "API_KEY_SCOPE"));
    }
}

/// CWE-636: after an error of the call Envoy goes by its own settings, which may let a request
/// pass.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_lets_nobody_pass() {
    let ground = Ground::with(&["--envoy-authorization", "true"]).await;
    let call = || RequestHead::of(CHECK).key(&ground.key);
    let garbage = framed(&[0x7f; 3]);
    let mut attacker = ground.attacker().await;
    for (head, body, expected) in [
        (call(), &garbage[..], (500, "REQUEST_INVALID")),
        (call(), &[], (500, "REQUEST_INVALID")),
        (call().with("grpc-encoding", "gzip"), &[1, 0, 0, 0, 0], (500, "REQUEST_INVALID")),
        (call().with("grpc-timeout", "soon"), &framed(&[]), (500, "REQUEST_INVALID")),
        (RequestHead::of(CHECK), &garbage, (503, "API_KEY_INVALID")),
    ] {
        assert_denied(&attacker.ask(&head, body).await, expected);
    }
    // One that waits for its message, so that it cannot be answered first.
    let id = attacker.stream();
    let head = call().with("grpc-timeout", "0n").block();
    attacker.write(&head_of(id, &head, 0)).await;
    assert_denied(&attacker.answer(id).await, (503, "OVERLOADED"));
    let other = RequestHead::of("/envoy.service.auth.v3.Authorization/Uncheck").key(&ground.key);
    assert_eq!(attacker.ask(&other, &framed(&[])).await.refusal(), Refusal::unimplemented());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_too_large_lets_nobody_pass() {
    let (acme, envoy) = acme().await;
    // As much as Envoy takes from a client, and more.
    let token = acme.password_session().await.token;
    let padded = async |bytes| {
        let bearer = format!("Bearer {token}");
        let padding = "a".repeat(bytes);
        let headers = [("authorization", bearer.as_str()), ("cookie", &padding)];
        envoy.check(&headers, &[]).await.unwrap()
    };
    padded(120 * 1024).await.set("x-gatehouse-customer").unwrap();
    assert_eq!(padded(128 * 1024).await.denied(), (431, "REQUEST_INVALID"));
}

/// That nobody is asked for anything, or keeps the answer.
fn assert_denied(heard: &Heard, expected: (i32, &str)) {
    assert!(heard.is_ok(), "{heard:?}");
    assert!(heard.header("x-request-id").is_some_and(|id| !id.is_empty()));
    // What frames it: "gRPC over HTTP2", `Length-Prefixed-Message`.
    let told = Told::decode(&heard.body[5..]);
    assert_eq!(told.denied(), expected);
    assert_eq!(told.header("www-authenticate"), None);
    assert_eq!(told.header("cache-control"), Some("no-store"));
}
