use gatehouse_domain::audit::{Caller, Event, EventType, Resource};
use gatehouse_domain::id::{ApiKeyId, AuditEventId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::support::TestDatabase;
use crate::support::example::{NOW, ana, audit_event, client, commit, session_id, uuid};

on_both_databases! {
    an_event_is_kept_with_all_that_it_tells,
    an_event_goes_with_its_transaction,
}

/// The whole row but its place in the chain.
#[derive(Debug, PartialEq, FromQueryResult)]
struct Row {
    id: Uuid,
    event_at: i64,
    kind: String,
    portal_id: Option<String>,
    customer_id: Option<String>,
    session_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    api_key_display_name: String,
    claimed_actor: String,
    caller_address: String,
    request_id: String,
    client_ip: String,
    client_user_agent: String,
    reason: Option<String>,
    attributes: String,
}

fn bare() -> Event {
    Event { id: AuditEventId::from_uuid(uuid(1)), ..audit_event(1, NOW) }
}

fn full() -> Event {
    Event {
        id: AuditEventId::from_uuid(uuid(2)),
        kind: EventType::SignInFailed,
        resource: Resource {
            portal: Some(ana().portal),
            customer: Some(ana().customer),
            session: Some(session_id(3)),
        },
        caller: Caller {
            api_key: Some((ApiKeyId::from_uuid(uuid(4)), "The portal's".to_owned())),
            claimed_actor: "otto".to_owned(),
            address: Some("[2001:db8::1]:443".parse().unwrap()),
            request_id: "r-1".to_owned(),
        },
        client: client(),
        reason: Some("ERROR_REASON_CREDENTIALS_REJECTED"),
        attributes: vec![("step", "second\"factor".to_owned()), ("proof", "totp".to_owned())],
        ..bare()
    }
}

async fn an_event_is_kept_with_all_that_it_tells(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, async |tx| {
        tx.record(&bare()).await?;
        tx.record(&full()).await
    })
    .await
    .unwrap();
    let empty = Row {
        id: uuid(1),
        event_at: NOW.as_micros(),
        kind: "customer.created".to_owned(),
        portal_id: None,
        customer_id: None,
        session_id: None,
        api_key_id: None,
        api_key_display_name: String::new(),
        claimed_actor: String::new(),
        caller_address: String::new(),
        request_id: String::new(),
        client_ip: String::new(),
        client_user_agent: String::new(),
        reason: None,
        attributes: "{}".to_owned(),
    };
    let whole = Row {
        id: uuid(2),
        event_at: NOW.as_micros(),
        kind: "sign_in.failed".to_owned(),
        portal_id: Some("acme".to_owned()),
        customer_id: Some("ana".to_owned()),
        session_id: Some(session_id(3).as_uuid()),
        api_key_id: Some(uuid(4)),
        api_key_display_name: "The portal's".to_owned(),
        claimed_actor: "otto".to_owned(),
        caller_address: "[2001:db8::1]:443".to_owned(),
        request_id: "r-1".to_owned(),
        client_ip: "2001:db8::7".to_owned(),
        client_user_agent: "Agent/1.0".to_owned(),
        reason: Some("ERROR_REASON_CREDENTIALS_REJECTED".to_owned()),
        attributes: r#"{"proof":"totp","step":"second\"factor"}"#.to_owned(),
    };
    let rows = database.select::<Row>("SELECT * FROM audit_event ORDER BY id").await;
    assert_eq!(rows, [empty, whole]);
}

async fn an_event_goes_with_its_transaction(database: TestDatabase) {
    let store = database.store().await;
    let tx = store.begin().await.unwrap();
    tx.record(&bare()).await.unwrap();
    drop(tx);
    assert_eq!(database.count("audit_event").await, 0);
}
