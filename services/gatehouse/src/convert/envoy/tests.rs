use std::fs;
use std::path::Path;
use std::time::Duration;

use gatehouse_api::envoy::config::core::v3::HeaderMap;
use gatehouse_api::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use gatehouse_api::envoy::service::auth::v3::check_response::HttpResponse;
use gatehouse_api::envoy::service::auth::v3::{
    AttributeContext, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{CustomerKey, SessionId};
use gatehouse_domain::portal::{Portal, PortalSettings};
use gatehouse_domain::session::{Assurance, Limits, Session};
use gatehouse_domain::time::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tonic::Status;
use tonic::metadata::MetadataValue;

use super::*;
use crate::metrics::reason_word;
use crate::usecase::sessions::{SessionView, ValidSession};

fn token(fill: &str) -> String {
    format!("ghs_{}A", fill.repeat(42))
}

fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn question(headers: &[(&str, &str)], extensions: &[(&str, &str)]) -> CheckRequest {
    let http = Some(HttpRequest { headers: map(headers), header_map: None });
    let request = Some(attribute_context::Request { http });
    let context_extensions = map(extensions);
    CheckRequest { attributes: Some(AttributeContext { request, context_extensions }) }
}

fn check(headers: &[(&str, &str)], extensions: &[(&str, &str)]) -> Check {
    parse(question(headers, extensions)).ok().unwrap()
}

/// The token, or the word for why there is none.
fn presented(headers: &[(&str, &str)]) -> String {
    match Presented::of(&map(headers), "__Host-session") {
        Presented::Nothing => "nothing".to_owned(),
        Presented::One(token) => token.expose().to_owned(),
        Presented::Malformed => "malformed".to_owned(),
        Presented::Several => "several".to_owned(),
    }
}

fn portal() -> Portal {
    let (id, at) = ("acme".parse().unwrap(), Timestamp::from_seconds(1));
    let settings = PortalSettings::new("Acme".to_owned());
    Portal { id, settings, created_at: at, updated_at: at, revision: 1 }
}

fn valid(display_name: &str, second_factor_at: Option<Timestamp>) -> ValidSession {
    let now = Timestamp::from_seconds(1_800_000_000);
    let customer =
        CustomerKey { portal: "acme".parse().unwrap(), customer: "ana".parse().unwrap() };
    let session = Session {
        id: SessionId::generate(now, &mut StdRng::from_seed([7; 32])),
        customer,
        created_at: now,
        last_used_at: now,
        authenticated_at: now,
        second_factor_at,
        limits: Limits::from(&portal().settings.session),
        client: ClientContext::default(),
        ended: None,
    };
    let view = SessionView { session, expires_at: now };
    let email = "anä%@example.com".to_owned();
    ValidSession { view, email, display_name: display_name.to_owned() }
}

fn ok(response: CheckResponse) -> OkHttpResponse {
    assert_eq!(response.status.unwrap().code, 0);
    match response.http_response {
        Some(HttpResponse::OkResponse(ok)) => ok,
        _ => panic!("no such answer"),
    }
}

/// Headers that replace all others of their names.
fn replaced(headers: Vec<HeaderValueOption>) -> HashMap<String, String> {
    let pair = |option: HeaderValueOption| {
        assert!(option.append_action() == HeaderAppendAction::OverwriteIfExistsOrAdd);
        let header = option.header.unwrap();
        (header.key, header.value)
    };
    headers.into_iter().map(pair).collect()
}

fn denied(status: &Status) -> (i32, HashMap<String, String>, Value) {
    told(denial(status, false))
}

fn told(response: CheckResponse) -> (i32, HashMap<String, String>, Value) {
    assert_ne!(response.status.unwrap().code, 0);
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!() };
    let DeniedHttpResponse { status, headers, body } = denied;
    (status.unwrap().code, replaced(headers), body.parse().unwrap())
}

#[test]
fn a_token_is_taken_from_the_header_or_a_cookie() {
    let token = token("a");
    let cookie = format!("a=b; __Host-session={token}; c");
    for headers in [
        &[("authorization", format!("Bearer {token}").as_str())][..],
        &[("authorization", &format!("bEARER {token}"))],
        &[("cookie", &cookie)],
        &[("cookie", &format!("  __Host-session = {token}\t"))],
        &[("cookie", &cookie), ("authorization", &format!("Bearer {token}"))],
        &[("cookie", &cookie), ("authorization", "Basic YTpi")],
        &[("cookie", &format!("__Host-session={token};;__Host-session={token}"))],
    ] {
        assert_eq!(presented(headers), token, "{headers:?}");
    }
}

#[test]
fn where_nothing_is_sent_there_is_nothing() {
    for headers in [
        &[][..],
        &[("authorization", "")],
        &[("authorization", "Bearer")],
        &[("authorization", "Basic YTpi")],
        &[("cookie", "")],
        &[("cookie", ";=;;  ; = ")],
        &[("cookie", "__host-session=a; x__Host-session=b; __Host-session-2=c")],
        &[("x-authorization", &format!("Bearer {}", token("a")))],
    ] {
        assert_eq!(presented(headers), "nothing", "{headers:?}");
    }
}

#[test]
fn what_is_no_token_of_a_session_is_malformed() {
    let token = token("a");
    for headers in [
        ("authorization", format!("Bearer  {token}")),
        ("authorization", format!("Bearer {token} ")),
        ("authorization", format!("Bearer {token},Bearer {token}")),
        ("authorization", format!("Bearer ghp_{}A", "a".repeat(42))),
        ("authorization", "Bearer ".to_owned()),
        ("cookie", format!("__Host-session=\"{token}\"")),
        ("cookie", format!("__Host-session={token},a=b")),
        ("cookie", "__Host-session=".to_owned()),
        ("cookie", "__Host-session".to_owned()),
        ("cookie", format!("__Host-session=={token}")),
    ] {
        assert_eq!(presented(&[(headers.0, &headers.1)]), "malformed", "{headers:?}");
    }
}

#[test]
fn several_that_differ_are_none() {
    let (one, other) = (token("a"), token("b"));
    let bearer = format!("Bearer {one}");
    for headers in [
        &[("authorization", bearer.as_str()), ("cookie", &format!("__Host-session={other}"))][..],
        &[("authorization", &bearer), ("cookie", "__Host-session=")],
        &[("cookie", &format!("__Host-session={one}; __Host-session={other}"))],
    ] {
        assert_eq!(presented(headers), "several", "{headers:?}");
    }
}

#[test]
fn a_route_that_says_nothing_asks_for_a_live_session() {
    let Route { require, cookie, keeps_token, .. } = check(&[], &[]).route;
    assert_eq!(
        (require.assurance, require.max_authentication_age, require.passive),
        (None, None, false)
    );
    assert_eq!((cookie.as_str(), keeps_token), ("__Host-session", false));
}

#[test]
fn a_route_asks_for_what_its_configuration_says() {
    let route = check(
        &[],
        &[
            ("min_assurance", "ASSURANCE_MULTI_FACTOR"),
            ("max_authentication_age", "300s"),
            ("passive", "true"),
            ("cookie", "sid"),
            ("keep_token", "true"),
            ("realm", "Acme Billing"),
        ],
    );
    let route = route.route;
    assert_eq!(route.require.assurance, Some(Assurance::MultiFactor));
    assert_eq!(route.require.max_authentication_age, Some(Duration::from_mins(5)));
    assert!(route.require.passive && route.keeps_token);
    assert_eq!(route.cookie, "sid");
    let challenge = route.challenge(None, &portal());
    assert_eq!(challenge.as_deref(), Some("Bearer realm=\"Acme Billing\""));
}

#[test]
fn what_a_route_cannot_ask_for_is_refused_by_name() {
    for (key, value) in [
        ("min_assurance", ""),
        ("min_assurance", "MULTI_FACTOR"),
        ("min_assurance", "ASSURANCE_UNSPECIFIED"),
        ("max_authentication_age", ""),
        ("max_authentication_age", "300"),
        ("max_authentication_age", "-1s"),
        ("max_authentication_age", "99999999999999999999s"),
        ("passive", "1"),
        ("cookie", ""),
        ("cookie", "a b"),
        ("cookie", "a;b"),
        ("keep_token", "yes"),
        ("realm", ""),
        ("realm", "a\"b"),
        ("realm", "a\r\nb"),
        ("realm", "ä"),
        ("realm", &"a".repeat(101)),
        ("Min_assurance", "ASSURANCE_MULTI_FACTOR"),
        ("min_asurance", "ASSURANCE_MULTI_FACTOR"),
        ("", ""),
    ] {
        let right = [("cookie", "sid"), (key, value)];
        let Err(AppError::RequestInvalid(fields)) = parse(question(&[], &right)) else {
            panic!("{key}={value} was taken")
        };
        let fields: Vec<_> = fields.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, [format!("context_extensions.{key}")], "{value}");
    }
}

#[test]
fn a_question_without_headers_or_with_raw_ones_is_refused() {
    let mut raw = question(&[], &[]);
    let http = raw.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
    http.header_map = Some(HeaderMap::default());
    for (question, field) in [
        (CheckRequest::default(), "attributes.request.http"),
        (raw, "attributes.request.http.header_map"),
    ] {
        let Err(AppError::RequestInvalid(fields)) = parse(question) else { panic!("{field}") };
        assert_eq!(fields[0].field, field);
    }
}

#[test]
fn the_upstream_is_told_who_it_is_and_no_token() {
    let token = token("a");
    let cookie = format!("a=b; __Host-session={token};c; ;d=\"e;f=__Host-session=x");
    let headers = [("cookie", cookie.as_str()), ("x-gatehouse-customer", "spoofed")];
    let at = Timestamp::from_seconds(1_800_000_000);
    let told = ok(allowed(&check(&headers, &[]), &valid("Ana\r\nX: ü%", Some(at))));
    assert_eq!(told.headers_to_remove, ["authorization"]);
    let mut headers = replaced(told.headers);
    let session = headers.remove("x-gatehouse-session").unwrap();
    assert!(session.starts_with("portals/acme/customers/ana/sessions/"), "{session}");
    let expected = map(&[
        ("x-gatehouse-portal", "portals/acme"),
        ("x-gatehouse-customer", "portals/acme/customers/ana"),
        ("x-gatehouse-email", "an%C3%A4%25@example.com"),
        ("x-gatehouse-display-name", "Ana%0D%0AX: %C3%BC%25"),
        ("x-gatehouse-assurance", "ASSURANCE_MULTI_FACTOR"),
        ("x-gatehouse-authentication-time", "2027-01-15T08:00:00Z"),
        ("x-gatehouse-second-factor-time", "2027-01-15T08:00:00Z"),
        ("cookie", "a=b; c; d=\"e; f=__Host-session=x"),
    ]);
    assert_eq!(headers, expected);
}

#[test]
fn what_there_is_not_to_say_is_removed() {
    let token = token("a");
    let headers = [("cookie", format!("__Host-session={token}"))];
    let headers = [(headers[0].0, headers[0].1.as_str())];
    let told = ok(allowed(&check(&headers, &[]), &valid("", None)));
    let expected =
        ["x-gatehouse-display-name", "x-gatehouse-second-factor-time", "authorization", "cookie"];
    assert_eq!(told.headers_to_remove, expected);
    assert_eq!(replaced(told.headers)["x-gatehouse-assurance"], "ASSURANCE_PASSWORD");
}

#[test]
fn a_route_may_keep_the_token() {
    let headers = [("cookie", "__Host-session=x"), ("authorization", "Bearer x")];
    let told = ok(allowed(&check(&headers, &[("keep_token", "true")]), &valid("A", None)));
    assert_eq!(told.headers_to_remove, ["x-gatehouse-second-factor-time"]);
    assert!(!replaced(told.headers).contains_key("cookie"));
}

#[test]
fn a_challenge_says_what_would_do() {
    let portal = portal();
    let route = check(
        &[],
        &[("min_assurance", "ASSURANCE_MULTI_FACTOR"), ("max_authentication_age", "300.9s")],
    );
    let challenge = |error: &AppError| route.route.challenge(Some(error), &portal);
    let ended = AppError::SessionInvalid { end: Some("idle") };
    let invalid = "Bearer realm=\"acme\", error=\"invalid_token\"";
    assert_eq!(challenge(&ended).as_deref(), Some(invalid));
    let too_old = AppError::ReauthenticationRequired { accepted: &["totp_code"] };
    let step_up = "Bearer realm=\"acme\", error=\"insufficient_user_authentication\", \
                   acr_values=\"ASSURANCE_MULTI_FACTOR\", max_age=\"300\"";
    assert_eq!(challenge(&too_old).as_deref(), Some(step_up));
    for error in [AppError::MfaNotEnabled, AppError::StoreUnavailable("".into())] {
        assert_eq!(challenge(&error), None);
    }
}

#[test]
fn a_denial_is_told_in_http() {
    let mut status = Status::from(AppError::SessionInvalid { end: Some("revoked") });
    status.metadata_mut().insert("www-authenticate", MetadataValue::from_static("Bearer x"));
    let (code, headers, body) = denied(&status);
    assert_eq!(code, 401);
    let expected = map(&[
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("www-authenticate", "Bearer x"),
    ]);
    assert_eq!(headers, expected);
    assert_eq!(body, serde_json::json!({"reason": "SESSION_INVALID", "session_end": "revoked"}));

    let (code, headers, body) = denied(&AppError::StoreUnavailable("hunter2".into()).into());
    assert_eq!((code, headers["retry-after"].as_str()), (503, "5"));
    assert!(!headers.contains_key("www-authenticate"));
    assert_eq!(body, serde_json::json!({"reason": "STORE_UNAVAILABLE"}));

    let retry_after = Duration::from_millis(1_200);
    let (code, headers, _) = denied(&AppError::Overloaded { retry_after }.into());
    assert_eq!((code, headers["retry-after"].as_str()), (503, "2"));
    let (code, _, body) = denied(&Status::cancelled("tonic's own"));
    assert_eq!((code, body), (500, serde_json::json!({"reason": "INTERNAL"})));

    let (code, headers, body) = told(denial(&AppError::RequestInvalid(Vec::new()).into(), true));
    assert_eq!((code, headers.get("retry-after")), (431, None));
    assert_eq!(body, serde_json::json!({"reason": "REQUEST_INVALID"}));
}

/// The examples' pages and what Envoy answers speak of one thing by one number, but where HTTP
/// has a word for clients that are no browsers: RFC 6750 and RFC 9470.
#[test]
fn denials_are_those_of_the_examples() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/refusals.json");
    let table: Value = serde_json::from_str(&fs::read_to_string(table).unwrap()).unwrap();
    let wait = crate::error::Wait::until(Timestamp::from_seconds(2), Timestamp::from_seconds(1));
    for (error, elsewhere) in [
        (AppError::SessionInvalid { end: None }, None),
        (AppError::MfaNotEnabled, None),
        (AppError::Throttled(wait), None),
        (AppError::Overloaded { retry_after: Duration::from_secs(1) }, None),
        (AppError::StoreUnavailable("".into()), None),
        (AppError::ApiKeyInvalid, None),
        (AppError::ApiKeyScope, None),
        (AppError::ReauthenticationRequired { accepted: &[] }, Some((401, 403))),
        (AppError::Internal("".into()), Some((500, 503))),
        (AppError::RequestInvalid(Vec::new()), Some((500, 422))),
    ] {
        let reason = error.reason();
        let (code, _, body) = denied(&error.into());
        let word = reason_word(reason.as_str_name());
        assert_eq!(body["reason"], word);
        let there = table[word]["status"].as_i64().unwrap();
        assert_eq!((i64::from(code), there), elsewhere.unwrap_or((there, there)), "{word}");
    }
}
