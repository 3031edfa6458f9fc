//! What a server exports, by what it was asked to do.

mod listener;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gatehouse::metrics::{catalog, posture as shown, render};
use gatehouse::usecase::{audit, posture};
use gatehouse_api::v1;
use gatehouse_tests::{
    Acme, Database, EMAIL, EMPTY, PASSWORD, TestServer, on_each_database, refused, timestamp,
};

on_each_database! {
    calls_and_sign_ins_are_counted_by_what_became_of_them,
    portals_are_counted_by_how_their_customers_are_protected,
    a_portal_that_passes_one_address_for_all_its_customers_is_shown,
    no_secret_and_no_address_is_in_what_is_exported,
    the_head_of_the_trail_is_shown_and_what_waits_for_a_number,
}

/// What a server exports: values by series, as they are written.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn of(server: &TestServer) -> Self {
        Self::read(&render(&server.app()).unwrap())
    }

    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .map(|line| {
                    let (series, value) = line.rsplit_once(' ').unwrap();
                    (series.to_owned(), value.parse().unwrap())
                })
                .collect(),
        )
    }

    /// Of one series that counts something; 0 if it is not there.
    #[expect(clippy::cast_possible_truncation, reason = "it is a small whole number")]
    fn value(&self, series: &str) -> i64 {
        self.0.get(series).copied().unwrap_or_default() as i64
    }

    fn calls(&self, method: &str, code: &str, reason: &str) -> i64 {
        self.value(&format!(
            "gatehouse_calls_total{{code=\"{code}\",method=\"{method}\",reason=\"{reason}\",\
             service=\"gatehouse.v1.PortalAuthService\"}}"
        ))
    }

    fn sign_ins(&self, outcome: &str, factor: &str, reason: &str) -> i64 {
        let labels = format!("factor=\"{factor}\",outcome=\"{outcome}\",reason=\"{reason}\"");
        self.value(&format!("gatehouse_sign_ins_total{{{labels}}}"))
    }

    /// The names of families, buckets and sums of histograms apart.
    fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(|series| series.split('{').next().unwrap()).collect()
    }
}

/// Makes every metric show itself.
async fn traffic(acme: &Acme) {
    let server = &acme.server;
    acme.enforce(true).await;
    let ana = acme.enroll().await;
    acme.enforce(false).await;
    server.pass(Duration::from_mins(1));
    let token = acme.sign_in().await.token;
    refused(acme.web.totp(&token, &ana.phone.wrong_code(server.now())).await);
    refused(acme.web.backup_code(&token, "0000-0000-0000-0000").await);
    acme.web.totp(&token, &ana.phone.code(server.now())).await.unwrap();
    acme.web.validate(&ana.session.token).await.unwrap();
    let other = acme.with_customer("bea@example.com").await;
    other.password_session().await;
    for _ in 0..5 {
        refused(acme.web.sign_in(&other.email, "a wrong password").await);
    }
    let throttled = refused(acme.web.sign_in(&other.email, PASSWORD).await);
    assert!(throttled.is(v1::ErrorReason::Throttled), "{throttled:?}");
    let account = acme.web.account(&ana.session.token);
    server.pass(Duration::from_mins(1));
    account.prove_totp(&ana.phone.code(server.now())).await.unwrap();
    let app = server.app();
    app.metrics.note_served();
    posture::count(&app, &mut None, server.now()).await.unwrap();
}

async fn calls_and_sign_ins_are_counted_by_what_became_of_them(server: TestServer) {
    let acme = Acme::new(server).await;
    traffic(&acme).await;
    let seen = Scrape::of(&acme.server);
    assert_eq!(seen.sign_ins("succeeded", "totp", ""), 1 + enrolled_factor(&seen));
    assert_eq!(seen.sign_ins("refused", "totp", "CREDENTIALS_REJECTED"), 1);
    assert_eq!(seen.sign_ins("refused", "backup_code", "CREDENTIALS_REJECTED"), 1);
    assert_eq!(seen.sign_ins("refused", "password", "CREDENTIALS_REJECTED"), 5);
    assert_eq!(seen.sign_ins("refused", "password", "THROTTLED"), 1);
    assert_eq!(seen.calls("VerifyPassword", "UNAUTHENTICATED", "CREDENTIALS_REJECTED"), 5);
    assert_eq!(seen.calls("VerifyPassword", "RESOURCE_EXHAUSTED", "THROTTLED"), 1);
    assert_eq!(seen.calls("VerifySecondFactor", "OK", ""), 1);
    assert_eq!(seen.calls("VerifySecondFactor", "UNAUTHENTICATED", "CREDENTIALS_REJECTED"), 2);
    assert_eq!(seen.calls("ValidateSession", "OK", ""), 1);
    let proven =
        "gatehouse_reauthentications_total{outcome=\"accepted\",proof=\"totp\",reason=\"\"}";
    assert_eq!(seen.value(proven), 1);
    assert!(seen.value("gatehouse_hasher_hash_seconds_count") >= 6);
    // The one that was throttled had its turn, and was not hashed.
    assert_eq!(
        seen.value("gatehouse_hasher_wait_seconds_count"),
        seen.value("gatehouse_hasher_hash_seconds_count") + 1,
    );
    for kind in ["read", "write", "begin", "commit"] {
        let of = format!("gatehouse_database_statement_seconds_count{{kind=\"{kind}\"}}");
        assert!(seen.value(&of) > 0, "{kind}");
    }
    assert_eq!(seen.value("gatehouse_calls_in_flight"), 0);
    assert!((1..900).contains(&seen.value("gatehouse_client_connections")));
    assert_eq!(seen.value("gatehouse_client_connections_max"), 900);

    // A replica counts for itself.
    let overloaded = acme.server.overloaded().await;
    let web = overloaded.web_with(&acme.key);
    let refusal = refused(web.sign_in(EMAIL, PASSWORD).await);
    assert!(refusal.is(v1::ErrorReason::Overloaded), "{refusal:?}");
    let seen = Scrape::of(&overloaded);
    assert_eq!(seen.calls("VerifyPassword", "RESOURCE_EXHAUSTED", "OVERLOADED"), 1);
    assert_eq!(seen.sign_ins("succeeded", "totp", ""), 0);
}

/// Sign-ins that set up a factor on the way and so ended with it.
fn enrolled_factor(seen: &Scrape) -> i64 {
    seen.calls("FinishSignIn", "OK", "")
}

async fn portals_are_counted_by_how_their_customers_are_protected(server: TestServer) {
    let acme = Acme::new(server).await;
    let server = &acme.server;
    acme.enforce(true).await;
    let ana = acme.enroll().await;
    acme.enforce(false).await;
    let bea = acme.with_customer("bea@example.com").await;
    let session = bea.password_session().await;
    acme.web.account(&session.token).start_enrollment().await.unwrap();
    for code in &ana.backup_codes[..4] {
        server.pass(Duration::from_mins(1));
        let token = acme.sign_in().await.token;
        acme.web.backup_code(&token, code).await.unwrap();
    }
    let soon = server.now() + Duration::from_mins(5);
    let mfa = v1::MfaPolicy {
        enforced: true,
        enforced_from_time: Some(timestamp(soon)),
        ..Default::default()
    };
    let portal = v1::Portal { mfa: Some(mfa), ..Default::default() };
    acme.update(portal, &["mfa.enforced", "mfa.enforced_from_time"]).await;
    let app = server.app();
    let mut next = None;
    let count = async |next: &mut _| posture::count(&app, next, server.now()).await.unwrap();
    assert_eq!(count(&mut next).await, 0, "nobody sees it");
    app.metrics.note_served();
    assert_eq!(count(&mut next).await, 1);
    assert_eq!(count(&mut next).await, 0, "it is not time again");
    let of = |name: &str| {
        Scrape::of(server).value(&format!("gatehouse_portal_{name}{{portal=\"acme\"}}"))
    };
    let sessions = |assurance: &str| {
        let labels = format!("assurance=\"{assurance}\",portal=\"acme\"");
        Scrape::of(server).value(&format!("gatehouse_portal_sessions{{{labels}}}"))
    };
    assert_eq!(of("customers"), 2);
    assert_eq!(of("customers_without_factor"), 1);
    assert_eq!(of("customers_enrolling"), 1);
    assert_eq!(of("customers_few_backup_codes"), 1);
    assert_eq!(of("customers_overdue"), 0);
    assert_eq!(of("customers_locked"), 0);
    assert_eq!((sessions("password"), sessions("multi_factor")), (1, 5));

    server.pass(Duration::from_mins(6));
    // Another one does not, while this one is to come back.
    let replica = server.replica().await.app();
    replica.metrics.note_served();
    assert_eq!(posture::count(&replica, &mut None, server.now()).await.unwrap(), 0);
    assert_eq!(count(&mut next).await, 1);
    assert_eq!(of("customers_overdue"), 1);
    server.pass(posture::LEASE);
    assert_eq!(posture::count(&replica, &mut None, server.now()).await.unwrap(), 1);
    assert_eq!(count(&mut next).await, 0);
    assert_eq!(of("customers"), 0, "it is the other's to tell");
    assert_eq!(Scrape::of(server).value("gatehouse_portal_counts_timestamp_seconds"), 0);
}

async fn a_portal_that_passes_one_address_for_all_its_customers_is_shown(server: TestServer) {
    let acme = Acme::new(server).await;
    let app = acme.server.app();
    app.metrics.note_served();
    let shown = async || {
        posture::count(&app, &mut None, acme.server.now()).await.unwrap();
        Scrape::of(&acme.server).value("gatehouse_portal_behind_one_address{portal=\"acme\"}")
    };
    // Each comes from the address that the tests' browser has.
    for customer in 1..20 {
        acme.with_customer(&format!("c{customer}@example.com")).await.sign_in().await;
    }
    assert_eq!(shown().await, 0, "19 are no proof");
    acme.sign_in().await;
    assert_eq!(shown().await, 1);
}

async fn the_head_of_the_trail_is_shown_and_what_waits_for_a_number(server: TestServer) {
    let acme = Acme::new(server).await;
    let request = v1::ListAuditEventsRequest { page_size: 1_000, ..Default::default() };
    let events = acme.admin.client().list_audit_events(request).await.unwrap().into_inner();
    // Whoever numbers them, every server shows it.
    let app = acme.server.idle_app().await;
    loop {
        audit::number_batch(&app, app.clock.now()).await.unwrap();
        let seen = Scrape::read(&render(&app).unwrap());
        if seen.value("gatehouse_audit_unnumbered_events") == 0 {
            let head = seen.value("gatehouse_audit_head_number");
            assert_eq!(head, i64::try_from(events.audit_events.len()).unwrap());
            assert_eq!(seen.value("gatehouse_audit_unnumbered_seconds"), 0);
            return;
        }
    }
}

async fn no_secret_and_no_address_is_in_what_is_exported(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    traffic(&acme.with_customer("eve@example.com").await).await;
    let text = render(&acme.server.app()).unwrap();
    let secrets = ana.backup_codes.iter().map(String::as_str);
    let sent =
        [EMAIL, "eve@example.com", "@", PASSWORD, &ana.session.token, &acme.key, "203.0.113"];
    for secret in sent.into_iter().chain(secrets).chain([acme.server.owner_key()]) {
        assert!(!text.contains(secret), "{secret}");
    }
    let customer = acme.customer.rsplit('/').next().unwrap();
    assert!(!text.contains(customer), "{customer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_callers_name_makes_no_series() {
    let acme = Acme::new(TestServer::start(Database::Sqlite).await).await;
    let call = |path: String| {
        let raw = acme.server.raw().key(&acme.key).header("gatehouse-reason", "ana@example.com");
        async move { refused(raw.call(&path, EMPTY).await) }
    };
    call("/gatehouse.v1.PortalAuthService/Made0".to_owned()).await;
    call("/made.Up0/Method".to_owned()).await;
    let before = Scrape::of(&acme.server).0.len();
    for n in 1..500 {
        call(format!("/gatehouse.v1.PortalAuthService/Made{n}")).await;
        call(format!("/made.Up{n}/Method")).await;
    }
    let seen = Scrape::of(&acme.server);
    // Events of types that were not there before may have come.
    assert!(seen.0.len() <= before + 2, "{before} and then {}", seen.0.len());
    let other = "gatehouse_calls_total{code=\"UNIMPLEMENTED\",method=\"other\",\
                 reason=\"REQUEST_INVALID\",service=\"other\"}";
    assert_eq!(seen.value(other), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_portals_make_few_series() {
    let server = TestServer::start(Database::Sqlite).await;
    let admin = server.admin();
    for n in 0..shown::MAX_PORTALS + 20 {
        admin
            .create_portal(
                &format!("p{n}"),
                v1::Portal { display_name: "Many".to_owned(), ..Default::default() },
            )
            .await
            .unwrap();
    }
    let app = server.app();
    app.metrics.note_served();
    posture::count(&app, &mut None, server.now()).await.unwrap();
    let seen = Scrape::of(&server);
    let customers =
        seen.0.keys().filter(|series| series.starts_with("gatehouse_portal_customers{"));
    assert_eq!(customers.count(), shown::MAX_PORTALS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_defined_is_exported_with_its_description() {
    let acme = Acme::new(TestServer::start(Database::Postgres).await).await;
    traffic(&acme).await;
    let text = render(&acme.server.app()).unwrap();
    let described: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '))
        .filter(|(_, help)| !help.is_empty())
        .map(|(name, _)| name)
        .collect();
    for metric in catalog::ALL {
        // Jobs of the background have not run yet when a server starts.
        let may_wait = metric.name.starts_with("gatehouse_background_");
        assert!(described.contains(metric.name) || may_wait, "{} is not exported", metric.name);
    }
    for name in Scrape::read(&text).names() {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_described =
            described.contains(name) || family.is_some_and(|it| described.contains(it));
        assert!(is_described, "{name} has no description");
        let own = name.starts_with("gatehouse_") || name.starts_with("process_");
        assert!(own, "{name}");
    }
}
