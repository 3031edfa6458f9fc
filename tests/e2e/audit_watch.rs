//! WatchAuditEvents: what is told to whom, in which order, and how it goes on.

mod ends;
mod many;
mod races;

use std::time::Duration;

use gatehouse::trail::Pace;
use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole::Viewer;
use gatehouse_api::v1::ErrorReason::{ApiKeyScope, ResumeTokenExpired};

use gatehouse_tests::{Acme, PORTAL, Refusal, TestServer, Watcher, refused};

gatehouse_tests::on_each_database! {
    what_happens_from_now_on_is_told_in_the_order_of_the_numbers,
    what_a_token_comes_after_is_told_wherever_it_goes_on,
    a_long_way_behind_is_gone_in_pages,
    a_watcher_is_told_of_what_passes_its_filter,
    portals_are_not_told_of_each_other,
    a_token_is_of_its_filter_and_scope_alone,
    what_is_malformed_is_named_and_a_scope_comes_before_it,
    events_that_are_not_kept_any_more_are_missed,
    a_trail_that_was_restored_is_another_one,
    silence_is_broken_by_signs_of_life_that_go_on,
}

/// Soon.
const SHORT: Duration = Duration::from_millis(20);

fn all() -> v1::AuditEventFilter {
    v1::AuditEventFilter::default()
}

fn about(resource: &str) -> v1::AuditEventFilter {
    v1::AuditEventFilter { resource: resource.to_owned(), ..Default::default() }
}

fn of_types(types: &[&str]) -> v1::AuditEventFilter {
    let types = types.iter().map(|&words| words.to_owned()).collect();
    v1::AuditEventFilter { types, ..Default::default() }
}

fn names(events: &[v1::AuditEvent]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

fn types(events: &[v1::AuditEvent]) -> Vec<&str> {
    events.iter().map(|event| event.r#type.as_str()).collect()
}

/// A portal of which all that has happened has a number.
async fn calm(server: TestServer) -> Acme {
    let acme = Acme::new(server).await;
    acme.server.number_events().await;
    acme
}

/// So many events of the customer.
async fn unlock(acme: &Acme, times: usize) {
    for _ in 0..times {
        acme.admin.unlock(&acme.customer).await.unwrap();
    }
}

async fn what_happens_from_now_on_is_told_in_the_order_of_the_numbers(server: TestServer) {
    let acme = calm(server).await;
    let before = acme.server.numbered_events().await.len();
    let mut watcher = acme.admin.watch_from_now(all()).await;
    unlock(&acme, 3).await;
    acme.password_session().await;
    let told = watcher.events(4).await;
    assert_eq!(names(&told), acme.server.numbered_events().await[before..]);
    // Each as the list has it.
    let listed = acme.admin.audit_events(all()).await.unwrap();
    assert!(told.iter().all(|event| listed.contains(event)));
}

async fn what_a_token_comes_after_is_told_wherever_it_goes_on(server: TestServer) {
    let acme = calm(server).await;
    let other = acme.server.replica().await;
    let mut watcher = acme.admin.watch_from_now(all()).await;
    let at_first = watcher.token.clone();
    unlock(&acme, 2).await;
    let told = watcher.events(2).await;
    let token = watcher.token.clone();
    drop(watcher);
    unlock(&acme, 2).await;
    acme.server.number_events().await;
    let mut resumed = other.admin().watch(all(), &token).await.unwrap();
    let later = resumed.events(2).await;
    let expected = acme.server.numbered_events().await;
    assert_eq!([names(&told), names(&later)].concat(), expected[expected.len() - 4..]);
    // A token is not used up, and one at the end is told so at once.
    let mut again = acme.admin.watch(all(), &at_first).await.unwrap();
    assert_eq!(names(&again.events(4).await), expected[expected.len() - 4..]);
    let mut at_end = acme.admin.watch(all(), &again.token).await.unwrap();
    at_end.sign_of_life().await;
    unlock(&acme, 1).await;
    assert_eq!(types(&at_end.events(1).await), ["customer.unlocked"]);
    assert_eq!(types(&resumed.events(1).await), ["customer.unlocked"]);
}

async fn a_long_way_behind_is_gone_in_pages(server: TestServer) {
    let acme = calm(server).await;
    let from = acme.admin.watch_from_now(all()).await.token;
    let row =
        |n: usize| v1::CustomerImport { email: format!("c{n}@example.com"), ..Default::default() };
    let rows = (0..250).map(row).collect();
    acme.admin.import(gatehouse_tests::imports(PORTAL, rows)).await.unwrap();
    acme.server.number_events().await;
    let mut watcher = acme.admin.watch(all(), &from).await.unwrap();
    let mut pages = Vec::new();
    while pages.iter().sum::<usize>() < 250 {
        pages.push(watcher.next().await.unwrap().len());
    }
    assert_eq!(pages, [100, 100, 50]);
    let mut rare = acme.admin.watch(of_types(&["customer.unlocked"]), "").await.unwrap();
    rare.sign_of_life().await;
    unlock(&acme, 1).await;
    assert!(rare.events(1).await == watcher.events(1).await);
}

async fn a_watcher_is_told_of_what_passes_its_filter(server: TestServer) {
    let acme = calm(server).await;
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    acme.server.number_events().await;
    let web = acme.admin.audit_events(of_types(&["api_key.created"])).await.unwrap();
    let web = web.iter().find(|event| event.resource == PORTAL).unwrap();
    let api_key = web.attributes["key"].clone();
    let by_web = v1::AuditEventFilter { api_key, ..Default::default() };
    let mut watchers = Vec::new();
    for filter in [all(), about(PORTAL), about(&acme.customer), of_types(&["sign_in"]), by_web] {
        watchers.push(acme.admin.watch_from_now(filter).await);
    }
    acme.admin.create_customer("portals/beta", "ben@example.com", "").await.unwrap();
    let ben = acme.admin.create_customer(PORTAL, "ben@example.com", "").await.unwrap();
    unlock(&acme, 1).await;
    acme.password_session().await;
    for (watcher, count) in watchers.iter_mut().zip([4, 3, 2, 1, 1]) {
        let told = watcher.events(count).await;
        assert!(types(&told).contains(&"sign_in.succeeded"), "{count}");
        assert_eq!(told.iter().any(|event| event.resource == ben.name), count >= 3);
    }
}

async fn portals_are_not_told_of_each_other(server: TestServer) {
    let acme = calm(server).await;
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    let key = acme.admin.admin_key(Viewer, &["portals/beta"]).await.unwrap();
    acme.server.number_events().await;
    let beta = acme.server.admin_with(&key);
    let mut watcher = beta.watch_from_now(all()).await;
    // Of another portal, and of none.
    unlock(&acme, 2).await;
    acme.admin.admin_key(Viewer, &["portals/-"]).await.unwrap();
    acme.admin.create_customer("portals/beta", "ben@example.com", "").await.unwrap();
    let told = watcher.events(1).await;
    assert!(told[0].resource.starts_with("portals/beta/customers/"));
    // Nor from an old token on.
    let mut resumed = beta.watch(all(), &watcher.token).await.unwrap();
    resumed.sign_of_life().await;
}

async fn a_token_is_of_its_filter_and_scope_alone(server: TestServer) {
    let acme = calm(server).await;
    let mine = || v1::AuditEventFilter {
        resource: PORTAL.to_owned(),
        types: vec!["mfa".to_owned(), "sign_in".to_owned()],
        ..Default::default()
    };
    let token = acme.admin.watch_from_now(mine()).await.token;
    acme.admin.watch(mine(), &token).await.unwrap();
    let turned = v1::AuditEventFilter { types: mine().types.into_iter().rev().collect(), ..mine() };
    acme.admin.watch(turned, &token).await.unwrap();
    let foreign = Refusal::invalid(&["resume_token"]);
    for other in [
        all(),
        about(PORTAL),
        about(&acme.customer),
        v1::AuditEventFilter { types: mine().types, ..Default::default() },
        v1::AuditEventFilter { types: vec!["mfa".to_owned()], ..mine() },
    ] {
        assert_eq!(refused(acme.admin.watch(other, &token).await), foreign);
    }
    // Of the whole server, and of what another key sees of it.
    let of_all = acme.admin.watch_from_now(all()).await.token;
    let key = acme.admin.admin_key(Viewer, &[PORTAL]).await.unwrap();
    let scoped = acme.server.admin_with(&key);
    assert_eq!(refused(scoped.watch(all(), &of_all).await), foreign);
    let of_scope = scoped.watch_from_now(all()).await.token;
    assert_eq!(refused(acme.admin.watch(all(), &of_scope).await), foreign);
    // Made up, cut off, tampered with, and of a page.
    let first = v1::ListAuditEventsRequest { page_size: 1, ..Default::default() };
    let page = acme.admin.client().list_audit_events(first).await.unwrap().into_inner();
    let mut turned = of_all.clone().into_bytes();
    turned[40] = if turned[40] == b'A' { b'B' } else { b'A' };
    for bad in [
        "x".to_owned(),
        of_all[1..].to_owned(),
        format!("{of_all}A"),
        String::from_utf8(turned).unwrap(),
        page.next_page_token,
    ] {
        assert_eq!(refused(acme.admin.watch(all(), &bad).await), foreign, "{bad}");
    }
}

async fn what_is_malformed_is_named_and_a_scope_comes_before_it(server: TestServer) {
    let acme = calm(server).await;
    let bad = v1::AuditEventFilter {
        types: vec!["?".to_owned()],
        api_key: "x".to_owned(),
        ..Default::default()
    };
    let fields = ["filter.types[0]", "filter.api_key", "resume_token"];
    assert_eq!(refused(acme.admin.watch(bad, "x").await), Refusal::invalid(&fields));
    let nowhere = acme.admin.watch(about("acme"), "").await;
    assert_eq!(refused(nowhere), Refusal::invalid(&["filter.resource"]));

    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    let key = acme.admin.admin_key(Viewer, &["portals/beta"]).await.unwrap();
    for resource in [PORTAL, acme.customer.as_str(), "portals/nowhere"] {
        let bad = v1::AuditEventFilter { types: vec!["?".to_owned()], ..about(resource) };
        let refusal = refused(acme.server.admin_with(&key).watch(bad, "x").await);
        assert_eq!(refusal, Refusal::of(ApiKeyScope), "{resource}");
    }
}

async fn events_that_are_not_kept_any_more_are_missed(server: TestServer) {
    let acme = calm(server).await;
    let before = acme.server.numbered_events().await.len();
    let token = acme.admin.watch_from_now(all()).await.token;
    unlock(&acme, 3).await;
    acme.server.number_events().await;
    let keep_from = async |number: usize| {
        let sql = format!("DELETE FROM audit_event WHERE number < {number}");
        acme.server.app().store.execute(&sql).await.unwrap();
    };
    // The next one is the oldest that is kept: nothing is missing.
    keep_from(before + 1).await;
    assert_eq!(acme.admin.watch(all(), &token).await.unwrap().events(3).await.len(), 3);
    keep_from(before + 2).await;
    let expired = Refusal::of(ResumeTokenExpired);
    assert_eq!(refused(acme.admin.watch(all(), &token).await), expired);
    // From the beginning nothing is there any more either.
    let start = acme.server.resume_token(0);
    assert_eq!(refused(acme.admin.watch(all(), &start).await), expired);
    acme.admin.watch_from_now(all()).await;
}

/// A backup was put in the place of a database that had gone on: its numbers come again, for
/// other events.
async fn a_trail_that_was_restored_is_another_one(server: TestServer) {
    let acme = calm(server).await;
    unlock(&acme, 1).await;
    acme.server.number_events().await;
    let token = acme.admin.watch_from_now(all()).await.token;
    let end = acme.server.numbered_events().await.len();
    let sql = format!("DELETE FROM audit_event WHERE number = {end}");
    acme.server.app().store.execute(&sql).await.unwrap();
    let expired = Refusal::of(ResumeTokenExpired);
    assert_eq!(refused(acme.admin.watch(all(), &token).await), expired);
    unlock(&acme, 2).await;
    acme.server.number_events().await;
    assert_eq!(acme.server.numbered_events().await.len(), end + 1);
    assert_eq!(refused(acme.admin.watch(all(), &token).await), expired);
}

async fn silence_is_broken_by_signs_of_life_that_go_on(server: TestServer) {
    let acme = calm(server).await;
    let pace = Pace { heartbeat: SHORT, ..Pace::default() };
    let server = acme.server.replica_watched(pace).await;
    let filter = || of_types(&["portal"]);
    let mut watcher: Watcher = server.admin().watch_from_now(filter()).await;
    let first = watcher.token.clone();
    watcher.sign_of_life().await;
    // What it is not told of it has been past all the same.
    unlock(&acme, 2).await;
    acme.server.number_events().await;
    let end = acme.server.numbered_events().await.len();
    let sql = format!("DELETE FROM audit_event WHERE number < {end}");
    let is_past = async |token: &str| acme.admin.watch(filter(), token).await.is_ok();
    assert!(is_past(&first).await);
    acme.server.app().store.execute(&sql).await.unwrap();
    while !is_past(&watcher.token).await {
        watcher.sign_of_life().await;
    }
    assert!(!is_past(&first).await);
}
