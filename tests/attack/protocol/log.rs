//! The log, whatever is said: one event a line, and no text that is not what it looks like.

use gatehouse_api::v1;
use gatehouse_tests::frames::RequestHead;
use gatehouse_tests::{EMAIL, PORTAL};

use crate::ground::{Ground, START_SIGN_IN, start_sign_in};

/// CR, LF, an ANSI sequence and its one-byte form, a right-to-left override, an isolate, a line
/// separator, and DEL: to split a line, to paint it, or to turn it around.
const HOSTILE: &str =
    "a\r\n2026-01-01T00:00:00Z INFO FAKE\u{1b}[31m\u{9b}31m\u{202e}b\u{2066}c\u{2028}d\u{7f}";
/// What HTTP/2 lets through of it.
const IN_HEADERS: &str = "a FAKE\u{9b}31m\u{202e}b\u{2066}c\u{2028}d";

/// Whether a log must not hold it raw.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                     | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Says it wherever text goes. What it is answered does not matter here.
async fn say_everywhere(ground: &Ground) {
    let hostile = || HOSTILE.to_owned();
    let context = || Some(v1::ClientContext { ip_address: hostile(), user_agent: hostile() });
    let agent = || {
        let ip_address = "203.0.113.9".to_owned();
        Some(v1::ClientContext { ip_address, user_agent: hostile() })
    };
    let mut admin = ground.admin.client();
    let portal = v1::Portal {
        name: hostile(),
        display_name: hostile(),
        saml: Some(v1::SamlConfig {
            idp_entity_id: hostile(),
            sso_url: hostile(),
            idp_certificate: hostile(),
        }),
        ..Default::default()
    };
    let created = v1::CreatePortalRequest { portal_id: hostile(), portal: Some(portal.clone()) };
    let _ = admin.create_portal(created).await;
    let named = v1::CreatePortalRequest { portal_id: "named".to_owned(), portal: Some(portal) };
    let _ = admin.create_portal(named).await;
    let customer = v1::Customer {
        email: format!("{HOSTILE}@example.com"),
        display_name: hostile(),
        ..Default::default()
    };
    let created = v1::CreateCustomerRequest {
        parent: PORTAL.to_owned(),
        customer: Some(customer),
        password: hostile(),
        ..Default::default()
    };
    let _ = admin.create_customer(created).await;
    let _ = ground.admin.portal(HOSTILE).await;
    let _ = ground.admin.customer(&format!("{PORTAL}/customers/{HOSTILE}")).await;
    let _ = ground.admin.delete_portal(PORTAL, HOSTILE, false).await;
    let _ = ground.admin.revoke_key(HOSTILE).await;
    let reset = v1::ResetCustomerMfaRequest {
        name: format!("{PORTAL}/customers/{HOSTILE}"),
        reason: hostile(),
        end_password: false,
    };
    let _ = admin.reset_customer_mfa(reset).await;
    let key = v1::ApiKey { display_name: hostile(), ..Default::default() };
    let _ = ground.admin.create_key(key).await;
    let listed = v1::ListAuditEventsRequest {
        filter: Some(v1::AuditEventFilter { types: vec![hostile()], ..Default::default() }),
        page_token: hostile(),
        ..Default::default()
    };
    let _ = admin.list_audit_events(listed).await;

    let mut web = ground.web.client();
    for client in [context(), agent()] {
        for email in [HOSTILE, EMAIL] {
            let email = email.to_owned();
            let started = v1::StartSignInRequest { email: email.clone(), client: client.clone() };
            let _ = web.start_sign_in(started).await;
            let asked = v1::RequestInvitationRequest { email, client: client.clone() };
            let _ = web.request_invitation(asked).await;
        }
    }
    let started = ground.web.start(EMAIL).await.unwrap();
    let _ = ground.web.password(&started.token, HOSTILE).await;
    let _ = ground.web.password(HOSTILE, HOSTILE).await;
    let _ = ground.web.totp(HOSTILE, HOSTILE).await;
    let _ = ground.web.backup_code(HOSTILE, HOSTILE).await;
    let _ = ground.web.validate(HOSTILE).await;

    let mut attacker = ground.attacker().await;
    for head in [
        RequestHead::of(START_SIGN_IN).key(IN_HEADERS),
        ground.call().with("x-request-id", IN_HEADERS),
        ground.call().with("x-gatehouse-actor", IN_HEADERS),
        RequestHead::of("/gatehouse.v1.AdminService/ListPortals")
            .key(ground.program.owner_key())
            .with("x-gatehouse-actor", IN_HEADERS),
        ground.call().with("grpc-timeout", IN_HEADERS),
        ground.call().with("grpc-encoding", IN_HEADERS),
        ground.call().with("user-agent", IN_HEADERS),
        ground.call().but("content-type", IN_HEADERS),
        ground.call().but(":path", format!("/{}", IN_HEADERS.replace(' ', ""))),
        ground.call().but(":path", format!("{START_SIGN_IN}?{}", IN_HEADERS.replace(' ', ""))),
        ground.call().but(":path", "/FAKE%0d%0aFAKE%1b%5b31m"),
        ground.call().but(":authority", IN_HEADERS),
        ground.call().but(":method", "FAKE"),
    ] {
        attacker.ask(&head, &start_sign_in()).await;
    }
    let mut attacker = ground.attacker().await;
    attacker.call(&ground.call().with("x-line", HOSTILE), &start_sign_in()).await;
    attacker.end().await;
}

/// CWE-117; "Trojan Source" (CVE-2021-42574) is the same of bidi characters.
#[tokio::test(flavor = "multi_thread")]
async fn lines_survive_hostile_text_in_every_field_and_header() {
    for (format, first, last) in [("text", '2', None), ("json", '{', Some('}'))] {
        let everything = "trace,h2=trace,hyper=trace,sqlx=trace,sqlx::query=trace";
        let ground = Ground::with(&["--log", everything, "--log-format", format]).await;
        say_everywhere(&ground).await;
        ground.assert_others_are_answered().await;
        let log = String::from_utf8(ground.program.end()).expect("UTF-8");
        assert!(log.contains("FAKE"), "nothing that was said is in the log");
        for line in log.split_terminator('\n') {
            assert!(line.starts_with(first), "{line:?}");
            assert!(last.is_none_or(|last| line.ends_with(last)), "{line:?}");
            assert!(!line.starts_with("2026-01-01"), "{line:?}");
            assert!(!line.contains(is_deceptive), "{line:?}");
        }
    }
}
