//! Refused tries that come too fast for an event each.

use std::collections::BTreeMap;
use std::time::Duration;

use gatehouse::metrics::render;
use gatehouse::usecase::tries;
use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::ApiKeyScope;
use gatehouse_domain::audit::tally::{OF_CUSTOMER, OF_KEY, OF_NOBODY};
use gatehouse_tests::{Acme, EMAIL, PASSWORD, PORTAL, SignInExt, TestServer, Web, refused};
use prost_types::Timestamp;
use tokio::task::JoinSet;

gatehouse_tests::on_each_database! {
    a_flood_of_failed_sign_ins_leaves_few_events_that_tell_of_all,
    replicas_count_each_its_own_and_none_twice,
    what_changes_something_has_its_event_in_the_worst_flood,
    a_minute_later_tries_have_their_events_again,
    a_flood_of_calls_beyond_a_key_leaves_few_events_that_tell_of_all,
}

/// At once.
const CALLERS: u32 = 16;

/// An event, as far as it tells of refused tries.
struct Told {
    kind: String,
    proof: String,
    of: String,
    /// How many it tells of: its own, or those that were counted.
    tries: u64,
    is_counted: bool,
}

/// All events of refused tries there are.
async fn told(acme: &Acme) -> Vec<Told> {
    let types = ["sign_in.failed", "sign_in.refused", "invitation.failed"].map(str::to_owned);
    let filter = v1::AuditEventFilter { types: types.into(), ..Default::default() };
    let events = acme.admin.audit_events(filter).await.unwrap();
    let told = |event: v1::AuditEvent| {
        let attribute = |key: &str| event.attributes.get(key).cloned().unwrap_or_default();
        let is_counted = event.r#type == "sign_in.refused";
        Told {
            kind: if is_counted { attribute("type") } else { event.r#type.clone() },
            proof: attribute("proof"),
            of: event.resource.clone(),
            tries: if is_counted { attribute("count").parse().unwrap() } else { 1 },
            is_counted,
        }
    };
    events.into_iter().map(told).collect()
}

fn sum<'a>(told: impl IntoIterator<Item = &'a Told>) -> u64 {
    told.into_iter().map(|told| told.tries).sum()
}

/// What one caller does over and over.
async fn flood<F>(tries: u32, of: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    for _ in 0..tries {
        if under_way.len() == CALLERS as usize {
            under_way.join_next().await.unwrap().unwrap();
        }
        under_way.spawn(of());
    }
    under_way.join_all().await;
}

/// Tries a wrong password at `email` so often, at once: all but the first five are refused
/// before anything is hashed.
async fn guess(web: &Web, email: &str, tries: u32) {
    let token = web.start(email).await.unwrap().token;
    flood(tries, || {
        let (web, token) = (web.clone(), token.clone());
        async move { drop(refused(web.password(&token, "wrong horse battery").await)) }
    })
    .await;
}

async fn write(server: &TestServer) {
    while tries::write_batch(&server.app(), server.now()).await.unwrap() > 0 {}
}

async fn a_flood_of_failed_sign_ins_leaves_few_events_that_tell_of_all(server: TestServer) {
    let acme = Acme::new(server).await;
    let bea = acme.with_customer("bea@example.com").await;
    guess(&acme.web, EMAIL, 400).await;
    bea.password_session().await;
    guess(&acme.web, "nobody@example.com", 400).await;
    let unknown = format!("ghv_{}", "A".repeat(43));
    flood(400, || {
        let (web, unknown) = (acme.web.clone(), unknown.clone());
        async move { drop(refused(web.accept_invitation(&unknown, PASSWORD).await)) }
    })
    .await;
    write(&acme.server).await;

    let all = told(&acme).await;
    assert_eq!(sum(&all), 1_200);
    let (counted, alone): (Vec<_>, Vec<_>) = all.iter().partition(|told| told.is_counted);
    let of_ana = |told: &&&Told| told.of == acme.customer;
    assert_eq!(alone.iter().filter(of_ana).count(), OF_CUSTOMER as usize);
    assert_eq!(alone.len(), (OF_CUSTOMER + OF_NOBODY) as usize);
    // Of Ana, of nobody's passwords and of nobody's invitations, by reason.
    assert!((3..=5).contains(&counted.len()), "{}", counted.len());
    assert_eq!(sum(counted.iter().filter(of_ana).copied()), 390, "their own trail tells of it");
    let mut kinds = BTreeMap::new();
    for told in &all {
        *kinds.entry((told.kind.as_str(), told.proof.as_str())).or_insert(0) += told.tries;
    }
    let expected = [(("invitation.failed", ""), 400), (("sign_in.failed", "password"), 800)];
    assert_eq!(kinds, expected.into());
    let filter =
        |kind: &str| v1::AuditEventFilter { types: vec![kind.to_owned()], ..Default::default() };
    let succeeded = acme.admin.audit_events(filter("sign_in.succeeded")).await.unwrap();
    assert_eq!(succeeded.len(), 1, "what succeeds in a flood has its event");

    // Metrics count every try.
    let metrics = render(&acme.server.app()).unwrap();
    let refused = metrics.lines().filter(|line| {
        line.starts_with("gatehouse_sign_ins_total{factor=\"password\",outcome=\"refused\"")
    });
    let refused: u64 =
        refused.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(refused, 800);
}

async fn replicas_count_each_its_own_and_none_twice(server: TestServer) {
    let acme = Acme::new(server).await;
    let other = acme.server.replica().await;
    let web = other.web_with(&acme.key);
    tokio::join!(guess(&acme.web, EMAIL, 100), guess(&web, EMAIL, 100));
    tokio::join!(write(&acme.server), write(&other));
    let all = told(&acme).await;
    assert_eq!(sum(&all), 200);
    let alone = all.iter().filter(|told| !told.is_counted).count();
    assert_eq!(alone, 2 * OF_CUSTOMER as usize);
    assert!((2..=4).contains(&(all.len() - alone)), "by server, and by reason");
}

async fn what_changes_something_has_its_event_in_the_worst_flood(server: TestServer) {
    let acme = Acme::enforcing(server).await;
    let ana = acme.enroll().await;
    acme.server.pass(Duration::from_mins(1));
    let token = acme.sign_in().await.token;
    guess(&acme.web, EMAIL, 30).await;
    let now = acme.server.now();
    for _ in 0..10 {
        refused(acme.web.totp(&token, &ana.phone.wrong_code(now)).await);
    }
    let codes: Vec<_> = told(&acme).await.into_iter().filter(|told| told.proof == "totp").collect();
    assert_eq!(codes.len(), 10, "whoever presents them has the password");
    // What is refused while the lock lasts changes nothing, and is counted.
    refused(acme.web.totp(&token, &ana.phone.code(now)).await);
    write(&acme.server).await;
    let all = told(&acme).await;
    let (counted, alone): (Vec<_>, Vec<_>) =
        all.iter().filter(|told| told.proof == "totp").partition(|told| told.is_counted);
    assert_eq!((sum(counted), alone.len()), (1, 10));
    acme.admin.unlock(&acme.customer).await.unwrap();
    acme.web.totp(&token, &ana.phone.code(now)).await.unwrap().issued();
    acme.assert_recorded("customer.unlocked", &[]).await;
    acme.assert_recorded("sign_in.succeeded", &[("factor", "totp")]).await;
}

async fn a_minute_later_tries_have_their_events_again(server: TestServer) {
    let acme = Acme::new(server).await;
    for minute in 1..=3 {
        guess(&acme.web, EMAIL, 20).await;
        let alone = told(&acme).await.iter().filter(|told| !told.is_counted).count();
        assert_eq!(alone, minute * OF_CUSTOMER as usize);
        acme.server.pass(Duration::from_mins(1));
    }
    write(&acme.server).await;
    assert_eq!(sum(&told(&acme).await), 60);
}

/// As of an Envoy that was given an administrator's key, and of a backend with one that only
/// validates.
async fn a_flood_of_calls_beyond_a_key_leaves_few_events_that_tell_of_all(server: TestServer) {
    let acme = Acme::new(server.with_envoy().await).await;
    let envoy = acme.server.envoy_with(acme.server.owner_key());
    let weak = acme.admin.portal_key(PORTAL, v1::PortalAccess::Validate).await.unwrap();
    let web = acme.server.web_with(&weak);
    flood(1_200, || {
        let envoy = envoy.clone();
        async move {
            let told = envoy.bearer("nobody's", &[]).await.unwrap();
            assert_eq!(told.denied(), (503, "API_KEY_SCOPE"));
        }
    })
    .await;
    flood(1_200, || {
        let web = web.clone();
        async move { assert!(refused(web.start(EMAIL).await).is(ApiKeyScope)) }
    })
    .await;
    write(&acme.server).await;

    let filter =
        Some(v1::AuditEventFilter { types: vec!["call".to_owned()], ..Default::default() });
    let request = v1::ListAuditEventsRequest { filter, page_size: 1_000, ..Default::default() };
    let events = acme.admin.client().list_audit_events(request).await.unwrap().into_inner();
    let events = events.audit_events;
    for (method, resource) in [("Check", ""), ("StartSignIn", PORTAL)] {
        let of = events.iter().filter(|event| event.attributes["method"] == method);
        let (counted, alone): (Vec<_>, Vec<_>) =
            of.partition(|event| event.r#type == "call.refused_more");
        assert_eq!(alone.len(), OF_KEY as usize, "{method}");
        // One, or two where the server wrote meanwhile.
        assert!((1..=2).contains(&counted.len()), "{method}: {}", counted.len());
        let tries = counted.iter().map(|event| event.attributes["count"].parse::<u64>().unwrap());
        assert_eq!(tries.sum::<u64>() + u64::from(OF_KEY), 1_200, "{method}");
        for event in counted {
            assert!(event.reason() == ApiKeyScope);
            assert_eq!(event.resource, resource);
            assert_eq!(event.api_key, alone[0].api_key);
            assert_eq!(event.api_key_display_name, alone[0].api_key_display_name);
            let time = |key: &str| event.attributes[key].parse::<Timestamp>().unwrap();
            assert!(time("first_time").seconds <= time("last_time").seconds);
        }
    }
}
