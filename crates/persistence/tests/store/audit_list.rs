use std::time::Duration;

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::audit::{Caller, Event, EventType, RecordedEvent, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{ApiKeyId, AuditEventId};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{AuditEventFilter, Store};

use crate::support::TestDatabase;
use crate::support::example::{
    MINUTE, NOW, ana, audit_event, client, commit, key, session_id, uuid,
};

on_both_databases! {
    an_event_is_read_as_it_was_recorded,
    an_event_of_a_later_version_is_read,
    the_newest_come_first_page_by_page,
    a_resource_has_the_events_of_all_below_it,
    a_scope_has_the_events_of_its_portals_alone,
    a_type_is_asked_for_whole_or_by_its_first_words,
    a_span_of_time_begins_with_its_start_and_ends_before_its_end,
    a_key_has_the_events_it_caused,
    events_with_numbers_are_read_in_the_order_of_these,
}

const MICROSECOND: Duration = Duration::from_micros(1);

async fn record(store: &Store, events: &[Event]) {
    commit(store, async |tx| {
        for event in events {
            tx.record(event).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// The numbers of the events that pass, as [`audit_event`] has them: those that the database
/// finds, and that an event by itself is held to.
async fn listed(store: &Store, filter: &AuditEventFilter) -> Vec<u128> {
    let found = store.read().audit_events(filter, None, 100).await.unwrap();
    let all = store.read().audit_events(&AuditEventFilter::ALL, None, 100).await.unwrap();
    let matching = all.into_iter().filter(|event| filter.matches(event)).collect::<Vec<_>>();
    assert_eq!(found, matching, "{filter:?}");
    found.iter().map(number).collect()
}

fn number(event: &RecordedEvent) -> u128 {
    event.id.as_uuid().as_u128() & 0xffff
}

fn about(resource: Resource, number: u16) -> Event {
    Event { resource, ..audit_event(number, NOW) }
}

async fn an_event_is_read_as_it_was_recorded(database: TestDatabase) {
    let store = database.store().await;
    let bare = audit_event(1, NOW);
    let caller = Caller {
        api_key: Some((ApiKeyId::from_uuid(uuid(4)), String::new())),
        claimed_actor: "otto".to_owned(),
        address: Some("[2001:db8::1]:443".parse().unwrap()),
        request_id: "r-1".to_owned(),
    };
    let resource = Resource {
        portal: Some(ana().portal),
        customer: Some(ana().customer),
        session: Some(session_id(3)),
    };
    let full = Event {
        kind: EventType::SignInFailed,
        resource: resource.clone(),
        caller: caller.clone(),
        client: client(),
        reason: Some("ERROR_REASON_CREDENTIALS_REJECTED"),
        attributes: vec![("step", "second\"factor".to_owned()), ("proof", "totp".to_owned())],
        ..audit_event(2, NOW)
    };
    record(&store, &[bare.clone(), full.clone()]).await;
    let found = store.read().audit_events(&AuditEventFilter::ALL, None, 10).await.unwrap();
    let read_full = RecordedEvent {
        id: full.id,
        at: NOW,
        kind: "sign_in.failed".to_owned(),
        resource,
        caller,
        client: client(),
        reason: Some("ERROR_REASON_CREDENTIALS_REJECTED".to_owned()),
        attributes: [("step", "second\"factor"), ("proof", "totp")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    };
    let read_bare = RecordedEvent {
        id: bare.id,
        at: NOW,
        kind: "customer.created".to_owned(),
        resource: Resource::default(),
        caller: Caller::default(),
        client: ClientContext::default(),
        reason: None,
        attributes: [].into(),
    };
    assert_eq!(found, [read_full, read_bare]);
}

async fn an_event_of_a_later_version_is_read(database: TestDatabase) {
    let store = database.store().await;
    record(&store, &[audit_event(1, NOW)]).await;
    let later =
        "UPDATE audit_event SET kind = 'passkey.enabled.now', attributes = '{\"new\":\"1\"}'";
    database.execute(later).await;
    let found = store.read().audit_events(&AuditEventFilter::ALL, None, 10).await.unwrap();
    assert_eq!(found[0].kind, "passkey.enabled.now");
    assert_eq!(found[0].attributes["new"], "1");
}

async fn the_newest_come_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    // The time decides, not the order in which they were recorded.
    let times = [(3, 30), (1, 10), (5, 50), (2, 20), (4, 40)];
    let events =
        times.map(|(number, second)| audit_event(number, NOW + Duration::from_secs(second)));
    record(&store, &events).await;
    assert_eq!(listed(&store, &AuditEventFilter::ALL).await, [5, 4, 3, 2, 1]);
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.read().audit_events(&AuditEventFilter::ALL, before, 2).await.unwrap();
        before = page.last().map(|event| event.id);
        seen.extend(page.iter().map(number));
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

async fn a_resource_has_the_events_of_all_below_it(database: TestDatabase) {
    let store = database.store().await;
    let portal = |id: &str| Resource { portal: Some(id.parse().unwrap()), ..Resource::default() };
    let customer =
        |of: &str, id: &str| Resource { customer: Some(id.parse().unwrap()), ..portal(of) };
    let session = |of: &str, id: &str, number| Resource {
        session: Some(session_id(number)),
        ..customer(of, id)
    };
    record(
        &store,
        &[
            about(Resource::default(), 1),
            about(portal("acme"), 2),
            about(customer("acme", "ana"), 3),
            about(session("acme", "ana", 1), 4),
            about(session("acme", "ana", 2), 5),
            about(customer("acme", "ben"), 6),
            about(customer("beta", "ana"), 7),
        ],
    )
    .await;
    let acme = AuditEventFilter {
        portals: PortalScope::Some(vec![ana().portal]),
        ..AuditEventFilter::ALL
    };
    let ana = AuditEventFilter { customer: Some(ana().customer), ..acme.clone() };
    let one = AuditEventFilter { session: Some(session_id(1)), ..ana.clone() };
    assert_eq!(listed(&store, &acme).await, [6, 5, 4, 3, 2]);
    assert_eq!(listed(&store, &ana).await, [5, 4, 3]);
    assert_eq!(listed(&store, &one).await, [4]);
}

async fn a_scope_has_the_events_of_its_portals_alone(database: TestDatabase) {
    let store = database.store().await;
    let of = |portal: &str, number| {
        let portal = Some(key(portal, "x").portal);
        about(Resource { portal, ..Resource::default() }, number)
    };
    record(&store, &[about(Resource::default(), 1), of("acme", 2), of("beta", 3), of("gamma", 4)])
        .await;
    let scope = |portals: &[&str]| {
        let portals = portals.iter().map(|portal| key(portal, "x").portal).collect();
        AuditEventFilter { portals: PortalScope::Some(portals), ..AuditEventFilter::ALL }
    };
    assert_eq!(listed(&store, &AuditEventFilter::ALL).await, [4, 3, 2, 1]);
    assert_eq!(listed(&store, &scope(&["acme", "gamma"])).await, [4, 2]);
    assert!(listed(&store, &scope(&["delta"])).await.is_empty());
}

async fn a_type_is_asked_for_whole_or_by_its_first_words(database: TestDatabase) {
    let store = database.store().await;
    let kinds = [
        "mfa.enabled",
        "mfax.enabled",
        "sign_in.failed",
        "signxin.failed",
        "sign_in.failed.twice",
        "mfa",
    ];
    for (number, kind) in (1..).zip(kinds) {
        record(&store, &[audit_event(number, NOW)]).await;
        let id = "WHERE kind = 'customer.created'";
        database.execute(&format!("UPDATE audit_event SET kind = '{kind}' {id}")).await;
    }
    let of = async |types: &[&str]| {
        let types = types.iter().map(|&words| words.to_owned()).collect();
        listed(&store, &AuditEventFilter { types, ..AuditEventFilter::ALL }).await
    };
    assert_eq!(of(&["mfa"]).await, [6, 1]);
    assert_eq!(of(&["mfa.enabled"]).await, [1]);
    assert_eq!(of(&["sign_in"]).await, [5, 3]);
    assert_eq!(of(&["sign_in.failed"]).await, [5, 3]);
    assert_eq!(of(&["sign_in.failed.twice", "mfax"]).await, [5, 2]);
    assert!(of(&["sign"]).await.is_empty());
    assert!(of(&["mfa.enable"]).await.is_empty());
}

async fn a_span_of_time_begins_with_its_start_and_ends_before_its_end(database: TestDatabase) {
    let store = database.store().await;
    let times = [NOW - MINUTE, NOW - MICROSECOND, NOW, NOW + MICROSECOND, NOW + MINUTE];
    let events = (1..).zip(times).map(|(number, at)| audit_event(number, at)).collect::<Vec<_>>();
    record(&store, &events).await;
    let within = async |start: Option<Timestamp>, end: Option<Timestamp>| {
        listed(&store, &AuditEventFilter { start, end, ..AuditEventFilter::ALL }).await
    };
    assert_eq!(within(Some(NOW), None).await, [5, 4, 3]);
    assert_eq!(within(None, Some(NOW)).await, [2, 1]);
    assert_eq!(within(Some(NOW), Some(NOW + MICROSECOND)).await, [3]);
    assert_eq!(within(Some(NOW - MINUTE), Some(NOW + MINUTE)).await, [4, 3, 2, 1]);
    assert_eq!(within(Some(Timestamp::EPOCH), None).await.len(), 5);
}

async fn a_key_has_the_events_it_caused(database: TestDatabase) {
    let store = database.store().await;
    let by = |number: u16| {
        let api_key = Some((ApiKeyId::from_uuid(uuid(number.into())), "key".to_owned()));
        Event { caller: Caller { api_key, ..Caller::default() }, ..audit_event(number, NOW) }
    };
    record(&store, &[audit_event(1, NOW), by(2), by(3)]).await;
    let api_key = Some(ApiKeyId::from_uuid(uuid(2)));
    assert_eq!(listed(&store, &AuditEventFilter { api_key, ..AuditEventFilter::ALL }).await, [2]);
    let before = Some(AuditEventId::lowest_at(NOW));
    assert!(
        store.read().audit_events(&AuditEventFilter::ALL, before, 10).await.unwrap().is_empty()
    );
}

async fn events_with_numbers_are_read_in_the_order_of_these(database: TestDatabase) {
    let store = database.store().await;
    let events = [1_u16, 2, 3, 4].map(|n| audit_event(n, NOW + MICROSECOND * u32::from(n)));
    record(&store, &events).await;
    assert!(store.read().last_numbered_event().await.unwrap().is_none());
    assert!(store.read().events_after(-1, 10).await.unwrap().is_empty());
    // The fourth has none yet.
    for (event, number) in events.iter().zip([2, 1, 3]) {
        let at = event.at.as_micros();
        let sql = format!("UPDATE audit_event SET number = {number} WHERE event_at = {at}");
        assert_eq!(database.execute(&sql).await, 1);
    }
    let after = async |number_before, limit| {
        let found = store.read().events_after(number_before, limit).await.unwrap();
        found.iter().map(|(at, event)| (*at, number(event))).collect::<Vec<_>>()
    };
    assert_eq!(after(0, 10).await, [(1, 2), (2, 1), (3, 3)]);
    assert_eq!(after(1, 1).await, [(2, 1)]);
    assert!(after(3, 10).await.is_empty());
    let last = store.read().last_numbered_event().await.unwrap();
    assert_eq!(last, Some((3, events[2].id)));
}
