use std::time::Duration;

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_persistence::{ImportedCustomer, StoreError};

use crate::observer::committed_events;
use crate::support::TestDatabase;
use crate::support::example::{NOW, audit_event, commit, customer, factor, insert, key};

on_both_databases! {
    imported_customers_come_all_or_none,
    an_observer_is_told_of_every_import,
    who_is_there_is_found_by_address_and_by_id,
    a_portals_dearest_foreign_hash_is_known_until_it_is_replaced,
}

const BRIEF: Duration = Duration::from_micros(960);
const LONG: Duration = Duration::from_millis(250);

/// With the address of their id.
fn imported(id: &str, number: u16, hash: Option<Duration>) -> ImportedCustomer {
    let key = key("acme", id);
    let email = Email::parse(&format!("{id}@example.com")).unwrap();
    let attributes = vec![("password_hash", "bcrypt".to_owned()), ("factor", "totp".to_owned())];
    let kind = EventType::CustomerImported;
    ImportedCustomer {
        customer: Customer { email, has_password: hash.is_some(), ..customer(&key) },
        password: hash.map(|time| (id.as_bytes().to_vec(), time)),
        factor: Some((factor(&key), b"secret".to_vec())),
        event: Event { kind, attributes, ..audit_event(number, NOW) },
    }
}

async fn imported_customers_come_all_or_none(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[key("acme", "ana")]).await;
    let rows = [imported("b", 1, Some(LONG)), imported("c", 2, None), imported("ana", 3, None)];
    let refused = commit(&store, async |tx| tx.insert_imported(&rows).await).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)));
    assert_eq!(store.read().customer(&key("acme", "b")).await.unwrap(), None);

    commit(&store, async |tx| tx.insert_imported(&[]).await).await.unwrap();
    commit(&store, async |tx| tx.insert_imported(&rows[..2]).await).await.unwrap();
    for row in &rows[..2] {
        let key = &row.customer.key;
        let found = store.read().customer_with_password(key).await.unwrap().unwrap();
        let hash = row.password.clone().map(|(hash, _)| hash);
        assert_eq!(found, (row.customer.clone(), hash));
        assert_eq!(store.read().factor_with_secret(key).await.unwrap(), row.factor);
    }
    assert_eq!(database.count("audit_event WHERE kind = 'customer.imported'").await, 2);
}

async fn an_observer_is_told_of_every_import(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[key("acme", "ana")]).await;
    let told = committed_events(&store);
    let rows = [imported("b", 1, Some(LONG)), imported("c", 2, None)];
    commit(&store, async |tx| tx.insert_imported(&rows).await).await.unwrap();
    assert_eq!(*told.lock().unwrap(), rows.map(|row| row.event));
}

async fn who_is_there_is_found_by_address_and_by_id(database: TestDatabase) {
    let store = database.store().await;
    let (ana, elsewhere) = (key("acme", "ana"), key("beta", "ben"));
    insert(&store, &[ana.clone(), elsewhere.clone()]).await;
    let email = customer(&ana).email;
    let nobody = Email::parse("nobody@example.com").unwrap();
    let find = async |emails: &[Email], ids: &[_]| {
        store.read().customers_like(&ana.portal, emails, ids).await.unwrap()
    };
    let found = (ana.customer.clone(), email.clone());
    assert_eq!(find(&[nobody.clone(), email.clone()], &[]).await, vec![found.clone()]);
    let ids = [ana.customer.clone(), elsewhere.customer.clone()];
    assert_eq!(find(std::slice::from_ref(&nobody), &ids).await, vec![found]);
    assert_eq!(find(&[nobody], &ids[1..]).await, vec![]);
    assert_eq!(find(&[], &[]).await, vec![]);
}

async fn a_portals_dearest_foreign_hash_is_known_until_it_is_replaced(database: TestDatabase) {
    let store = database.store().await;
    insert(&store, &[key("acme", "ana"), key("beta", "ana")]).await;
    let portal = &key("acme", "ana").portal;
    let dearest = async || store.read().dearest_foreign_hash(portal).await.unwrap();
    assert_eq!(dearest().await, None);
    let rows = [
        imported("b", 1, Some(BRIEF)),
        imported("c", 2, Some(LONG)),
        imported("d", 3, Some(BRIEF)),
        imported("e", 4, None),
    ];
    commit(&store, async |tx| tx.insert_imported(&rows).await).await.unwrap();
    assert_eq!(dearest().await, Some(LONG));
    let beta = store.read().dearest_foreign_hash(&key("beta", "ana").portal).await.unwrap();
    assert_eq!(beta, None, "of another portal");

    let ours = b"ours".to_vec();
    commit(&store, async |tx| tx.rehash_password(&key("acme", "c"), ours.clone()).await)
        .await
        .unwrap();
    assert_eq!(dearest().await, Some(BRIEF));
    commit(&store, async |tx| tx.set_password(&key("acme", "b"), None).await).await.unwrap();
    assert_eq!(dearest().await, Some(BRIEF));
    commit(&store, async |tx| tx.delete_customer(&key("acme", "d")).await).await.unwrap();
    assert_eq!(dearest().await, None);
}
