//! docs/importing.md, for each system: its export is made into rows as the guide types it, and its
//! customers sign in as they did there. tests/vectors/exports/ has the exports, and how they came
//! about.

use std::fs;

use gatehouse::clock::Clock;
use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;
use totp_rs::{Algorithm, Builder, Secret};

use super::super::Desk;
use crate::support::{Acme, Ended, PASSWORD, blocks, commands, section};

const GUIDE: &str = include_str!("../../../../../../docs/importing.md");
const EXPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/exports");

/// An authenticator that a customer has set up there.
struct Phone {
    secret: &'static str,
    algorithm: Algorithm,
    digits: u8,
    period: u64,
}

impl Phone {
    const fn usual(secret: &'static str) -> Self {
        Self { secret, algorithm: Algorithm::SHA1, digits: 6, period: 30 }
    }

    fn code(&self) -> String {
        let totp = Builder::new()
            .with_secret(Secret::try_from_base32(self.secret).unwrap())
            .with_algorithm(self.algorithm)
            .with_digits(self.digits)
            .with_step_duration(self.period);
        let now = Clock::system().now().as_seconds();
        totp.build_noncompliant().generate(now.try_into().unwrap()).to_string()
    }
}

/// Does what the guide says under `heading`, with an export as the file that it reads.
fn import(heading: &str, export: Option<(&str, &str)>) -> Desk {
    let desk = super::desk();
    if let Some((from, to)) = export {
        let to = desk.path(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(format!("{EXPORTS}/{from}"), to).unwrap();
    }
    let ended = types(&desk, &commands(GUIDE, Some(heading)).concat());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    desk
}

/// Types `script` at the desk, with the administrator's key.
fn types(desk: &Desk, script: &str) -> Ended {
    let server = format!("http://{}", desk.server.address);
    let environment = format!(
        "export GATEHOUSE_ADMIN_SERVER={server} GATEHOUSE_ADMIN_KEY_FILE='{}'\n",
        desk.key_file.display()
    );
    desk.shell(&(environment + script))
}

async fn signs_in(desk: &Desk, acme: &Acme, email: &str, phone: Option<&Phone>) {
    let web = acme.web(&desk.server);
    let client = v1::ClientContext {
        ip_address: "203.0.113.7".to_owned(),
        user_agent: "Firefox".to_owned(),
    };
    let request = v1::StartSignInRequest { email: email.to_owned(), client: Some(client) };
    let started = web.client().start_sign_in(request).await.unwrap().into_inner().sign_in.unwrap();
    let proven = web.password(&started.token, PASSWORD).await.unwrap();
    let ended = match phone {
        Some(phone) => {
            assert!(matches!(proven.next, Some(Next::SecondFactor(_))), "{email}");
            web.totp(&proven.token, &phone.code()).await.unwrap()
        }
        None => proven,
    };
    assert!(matches!(ended.next, Some(Next::Session(_))), "{email}");
}

/// Ana and Bo sign in as ever, each with their phone if they have one; nobody else came but
/// Cy, who has no password, where `cy` says so.
async fn they_sign_in(desk: &Desk, ana: Option<&Phone>, bo: Option<&Phone>, cy: bool) {
    let mut expected = vec!["ana@example.com", "bo@example.com"];
    expected.extend(cy.then_some("cy@example.com"));
    assert_eq!(desk.emails(), expected);
    let acme = desk.acme();
    signs_in(desk, &acme, "ana@example.com", ana).await;
    signs_in(desk, &acme, "bo@example.com", bo).await;
}

const SECRET: &str = "MRYWYSDTGNYVKZ2UO5GUEUD2GN4WQ2TL";

#[tokio::test(flavor = "multi_thread")]
async fn keycloak() {
    let desk = import("Keycloak", Some(("keycloak.json", "export/acme-realm.json")));
    let bo = Phone { algorithm: Algorithm::SHA256, digits: 8, ..Phone::usual(SECRET) };
    they_sign_in(&desk, Some(&Phone::usual(SECRET)), Some(&bo), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn django() {
    let desk = import("Django", Some(("django.json", "django.json")));
    let secret = "T4OAXYWUPKEFNI6Q4GZMH5FFS2DXQ2K2";
    let ana = Phone { digits: 8, period: 60, ..Phone::usual(secret) };
    they_sign_in(&desk, Some(&ana), None, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth() {
    let desk = import("better-auth", Some(("better-auth.jsonl", "better-auth.jsonl")));
    // As better-auth gave it to the phone.
    let ana = Phone::usual("IZLGUU3ZPJZUOQKLIZKESOLJNRHTETBNMVMXEODZMNTXAQZWMZDQ");
    they_sign_in(&desk, Some(&ana), None, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auth0() {
    let desk = import("Auth0", Some(("auth0.ndjson", "auth0.ndjson")));
    they_sign_in(&desk, None, None, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zitadel() {
    let desk = import("ZITADEL", Some(("zitadel.json", "zitadel.json")));
    they_sign_in(&desk, Some(&Phone::usual(SECRET)), None, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ory_kratos() {
    let desk = import("Ory Kratos", Some(("kratos.json", "kratos.json")));
    they_sign_in(&desk, Some(&Phone::usual(SECRET)), None, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other() {
    let desk = import("Any other", None);
    let acme = desk.acme();
    signs_in(&desk, &acme, "ana@example.com", None).await;
    assert_eq!(desk.emails(), ["ana@example.com"]);
}

#[test]
fn what_is_printed_is_what_the_guide_shows() {
    let desk = super::desk();
    let row = |n| format!("{{\"email\": \"c{n}@example.com\"}}\n");
    let good: String = (0..1_999).map(row).collect();
    desk.file("customers.jsonl", good.replacen('\n', "\n{\"email\": \"bo\"}\n", 1));
    let text = section(GUIDE, "A file");
    let (typed, shown) = (blocks(text, "sh"), blocks(text, "text"));
    assert_eq!((typed.len(), shown.len()), (2, 2));
    for (command, shown) in typed.into_iter().zip(shown) {
        let ended = types(&desk, &format!("set +x; {{ {command} }} 2>&1"));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), shown), "{}", ended.stderr);
    }
    let refused = fs::read_to_string(desk.path("refused.jsonl")).unwrap();
    assert_eq!(refused, "{\"email\": \"bo\"}\n");
}
