//! ListAuditEvents: which events, in which order, and for whom.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole::Viewer;
use gatehouse_api::v1::ErrorReason::ApiKeyScope;

use gatehouse_tests::{
    Acme, Admin, Answer, EMAIL, PORTAL, Refusal, TestServer, refused, timestamp,
};

gatehouse_tests::on_each_database! {
    pages_hold_every_event_once_the_newest_first,
    a_page_token_belongs_to_the_request_that_made_it,
    a_resource_has_the_events_of_all_below_it,
    a_type_is_asked_for_whole_or_by_its_first_words,
    a_key_has_what_it_did,
    times_are_from_the_start_to_before_the_end,
    what_is_malformed_is_named,
    portals_do_not_see_each_others_events,
    a_scope_is_checked_before_any_field,
}

type Events = v1::ListAuditEventsRequest;

async fn list(admin: &Admin, request: Events) -> Answer<v1::ListAuditEventsResponse> {
    Ok(admin.client().list_audit_events(request).await?.into_inner())
}

fn filtered(filter: v1::AuditEventFilter) -> Events {
    Events { filter: Some(filter), page_size: 1_000, ..Default::default() }
}

fn of_types(types: &[&str]) -> Events {
    let types = types.iter().map(|&words| words.to_owned()).collect();
    filtered(v1::AuditEventFilter { types, ..Default::default() })
}

fn about(resource: &str) -> Events {
    filtered(v1::AuditEventFilter { resource: resource.to_owned(), ..Default::default() })
}

/// The types of the events, in the order of the answer.
async fn types(admin: &Admin, request: Events) -> Vec<String> {
    let events = list(admin, request).await.unwrap().audit_events;
    events.into_iter().map(|event| event.r#type).collect()
}

/// `acme` with one sign-in each second, and a portal `beta` beside it.
async fn busy(server: TestServer) -> Acme {
    let acme = Acme::new(server).await;
    for _ in 0..3 {
        acme.server.pass(Duration::from_secs(1));
        acme.password_session().await;
    }
    acme.server.pass(Duration::from_secs(1));
    acme.admin.create_portal("beta", v1::Portal::default()).await.unwrap();
    acme
}

async fn pages_hold_every_event_once_the_newest_first(server: TestServer) {
    let acme = busy(server).await;
    let whole = list(&acme.admin, about("")).await.unwrap();
    let whole: Vec<_> = whole.audit_events.into_iter().map(|event| event.name).collect();
    assert!(whole.len() == 8 && whole.is_sorted_by(|a, b| a > b), "{whole:?}");
    for page_size in [1, 3, 8, 9] {
        let mut request = Events { page_size, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let answer = list(&acme.admin, request.clone()).await.unwrap();
            assert!(answer.audit_events.len() <= page_size.try_into().unwrap());
            seen.extend(answer.audit_events.into_iter().map(|event| event.name));
            if answer.next_page_token.is_empty() {
                break;
            }
            // What comes in the meantime is newer than every later page.
            if page_size == 3 {
                acme.password_session().await;
            }
            request.page_token = answer.next_page_token;
        }
        let seen = &seen[seen.len().saturating_sub(8)..];
        if page_size <= 3 {
            assert_eq!(seen, whole, "pages of {page_size}");
        }
    }
}

async fn a_page_token_belongs_to_the_request_that_made_it(server: TestServer) {
    let acme = busy(server).await;
    let first = Events { page_size: 1, ..about(PORTAL) };
    let page_token = list(&acme.admin, first.clone()).await.unwrap().next_page_token;
    let next = Events { page_token: page_token.clone(), ..first };
    list(&acme.admin, Events { page_size: 9, ..next.clone() }).await.unwrap();
    for changed in [
        Events { filter: None, ..next.clone() },
        Events { filter: about(&acme.customer).filter, ..next.clone() },
        Events { filter: of_types(&["sign_in"]).filter, ..next.clone() },
        Events { start_time: Some(timestamp(acme.server.now())), ..next.clone() },
        Events { page_token: format!("{page_token}A"), ..next.clone() },
    ] {
        let refusal = refused(list(&acme.admin, changed).await);
        assert_eq!(refusal, Refusal::invalid(&["page_token"]));
    }
    // Nor to another key, for which the same request is another list.
    let key = acme.admin.admin_key(Viewer, &["portals/beta", PORTAL]).await.unwrap();
    let all = Events { page_size: 1, ..Default::default() };
    let page_token = list(&acme.admin, all.clone()).await.unwrap().next_page_token;
    let stolen = list(&acme.server.admin_with(&key), Events { page_token, ..all }).await;
    assert_eq!(refused(stolen), Refusal::invalid(&["page_token"]));
}

async fn a_resource_has_the_events_of_all_below_it(server: TestServer) {
    let acme = Acme::new(server).await;
    acme.admin.create_customer(PORTAL, "ben@example.com", "").await.unwrap();
    acme.server.pass(Duration::from_secs(1));
    let session = acme.password_session().await.session.unwrap().name;
    let of = async |resource: &str| types(&acme.admin, about(resource)).await;
    assert_eq!(of(&session).await, ["sign_in.succeeded"]);
    assert_eq!(of(&acme.customer).await, ["sign_in.succeeded", "customer.created"]);
    let of_portal = [
        "sign_in.succeeded",
        "customer.created",
        "api_key.created",
        "customer.created",
        "portal.created",
    ];
    let mut found = of(PORTAL).await;
    // Those of one moment come in any order.
    found.sort();
    let mut of_portal = of_portal.map(str::to_owned);
    of_portal.sort();
    assert_eq!(found, of_portal);
    assert!(of("portals/nowhere").await.is_empty());
}

async fn a_type_is_asked_for_whole_or_by_its_first_words(server: TestServer) {
    let acme = busy(server).await;
    let of = async |asked: &[&str]| types(&acme.admin, of_types(asked)).await;
    assert_eq!(of(&["sign_in"]).await, ["sign_in.succeeded"; 3]);
    assert_eq!(of(&["sign_in.succeeded"]).await, ["sign_in.succeeded"; 3]);
    assert_eq!(of(&["sign_in.failed", "portal"]).await, ["portal.created"; 2]);
    for nothing in ["sign", "sign_in.succeed", "sign_in.succeeded.twice", "signxin", "nothing"] {
        assert!(of(&[nothing]).await.is_empty(), "{nothing}");
    }
}

async fn a_key_has_what_it_did(server: TestServer) {
    let acme = busy(server).await;
    let all = list(&acme.admin, about("")).await.unwrap().audit_events;
    let web = all.iter().find(|event| event.r#type == "sign_in.succeeded").unwrap();
    let api_key = web.api_key.clone();
    let by_web = filtered(v1::AuditEventFilter { api_key, ..Default::default() });
    assert_eq!(types(&acme.admin, by_web).await, ["sign_in.succeeded"; 3]);
}

async fn times_are_from_the_start_to_before_the_end(server: TestServer) {
    let acme = busy(server).await;
    // Sign-ins were one, two and three seconds ago.
    let ago = |seconds| Some(timestamp(acme.server.now() - Duration::from_secs(seconds)));
    let count = async |start_time, end_time| {
        let request = Events { start_time, end_time, ..of_types(&["sign_in"]) };
        list(&acme.admin, request).await.unwrap().audit_events.len()
    };
    assert_eq!(count(ago(2), None).await, 2);
    assert_eq!(count(None, ago(2)).await, 1);
    assert_eq!(count(ago(3), ago(1)).await, 2);
    assert_eq!(count(ago(0), None).await, 0);
}

async fn what_is_malformed_is_named(server: TestServer) {
    let acme = Acme::new(server).await;
    let invalid = async |request, fields: &[&str]| {
        assert_eq!(refused(list(&acme.admin, request).await), Refusal::invalid(fields));
    };
    for resource in ["acme", "portals/-", "portals/acme/customers/-", "apiKeys/x", "portals/acme/"]
    {
        invalid(about(resource), &["filter.resource"]).await;
    }
    for words in ["", "*", "mfa.", ".mfa", "mfa..enabled", "MFA", "mfa%", "a b"] {
        invalid(of_types(&[words]), &["filter.types[0]"]).await;
    }
    invalid(of_types(&["mfa", "X"]), &["filter.types[1]"]).await;
    invalid(of_types(&["mfa"; 51]), &["filter.types"]).await;
    let now = Some(timestamp(acme.server.now()));
    let backwards = Events { start_time: now, end_time: now, ..Default::default() };
    invalid(backwards, &["end_time"]).await;
    let bad = prost_types::Timestamp { seconds: -1, nanos: 0 };
    let all_bad = Events {
        filter: Some(v1::AuditEventFilter {
            resource: String::new(),
            types: vec!["?".to_owned()],
            api_key: "x".to_owned(),
        }),
        start_time: Some(bad),
        end_time: Some(bad),
        page_size: -1,
        page_token: "x".to_owned(),
    };
    let fields =
        ["filter.types[0]", "filter.api_key", "start_time", "end_time", "page_size", "page_token"];
    invalid(all_bad, &fields).await;
}

async fn portals_do_not_see_each_others_events(server: TestServer) {
    let acme = busy(server).await;
    acme.admin.create_customer("portals/beta", EMAIL, "").await.unwrap();
    let key_for = async |portals: &[&str]| {
        let key = acme.admin.admin_key(Viewer, portals).await.unwrap();
        acme.server.admin_with(&key)
    };
    let beta = key_for(&["portals/beta"]).await;
    let both = key_for(&["portals/beta", PORTAL]).await;
    let seen = list(&beta, about("")).await.unwrap().audit_events;
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|event| event.resource.starts_with("portals/beta")));
    assert!(types(&beta, of_types(&["sign_in"])).await.is_empty());

    let of_all = list(&acme.admin, about("")).await.unwrap().audit_events;
    let of_portals = of_all.iter().filter(|event| !event.resource.is_empty());
    let of_portals: Vec<_> = of_portals.cloned().collect();
    assert!(of_portals.len() < of_all.len(), "keys of administrators are of no portal");
    assert!(list(&both, about("")).await.unwrap().audit_events == of_portals);
}

async fn a_scope_is_checked_before_any_field(server: TestServer) {
    let acme = busy(server).await;
    let key = acme.admin.admin_key(Viewer, &["portals/beta"]).await.unwrap();
    let beta = acme.server.admin_with(&key);
    for resource in [PORTAL, acme.customer.as_str(), "portals/nowhere"] {
        let bad = Events { page_size: -1, ..about(resource) };
        assert_eq!(refused(list(&beta, bad).await), Refusal::of(ApiKeyScope));
    }
    list(&beta, about("portals/beta")).await.unwrap();
}
