use std::sync::{Arc, Mutex};

use gatehouse_domain::audit::Event;
use gatehouse_persistence::{Observed, Outcome, StatementKind, Store};

use crate::support::TestDatabase;
use crate::support::example::{NOW, audit_event};

on_both_databases! {
    events_are_told_once_they_are_committed_and_no_sooner,
    statements_are_told_with_what_came_of_them,
}

/// What an observer of `store` is told from now on to be in the trail.
pub fn committed_events(store: &Store) -> Arc<Mutex<Vec<Event>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    store.observe(move |observed| {
        if let Observed::Committed(event) = observed {
            hears.lock().unwrap().push(event.clone());
        }
    });
    told
}

async fn events_are_told_once_they_are_committed_and_no_sooner(database: TestDatabase) {
    let store = database.store().await;
    let told = committed_events(&store);
    let tx = store.begin().await.unwrap();
    tx.record(&audit_event(1, NOW)).await.unwrap();
    drop(tx);
    let tx = store.begin().await.unwrap();
    tx.record(&audit_event(2, NOW)).await.unwrap();
    assert_eq!(*told.lock().unwrap(), []);
    tx.commit().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [audit_event(2, NOW)]);
}

async fn statements_are_told_with_what_came_of_them(database: TestDatabase) {
    let store = database.store().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    store.observe(move |observed| {
        if let Observed::Statement { kind, outcome, .. } = observed {
            hears.lock().unwrap().push((kind, outcome));
        }
    });
    store.read().last_event_at(None).await.unwrap();
    for _ in 0..2 {
        let tx = store.begin().await.unwrap();
        if tx.record(&audit_event(1, NOW)).await.is_ok() {
            tx.commit().await.unwrap();
        }
    }
    let done = [
        StatementKind::Read,
        StatementKind::Begin,
        StatementKind::Write,
        StatementKind::Commit,
        StatementKind::Begin,
    ];
    let told = told.lock().unwrap();
    let (last, before) = told.split_last().unwrap();
    assert_eq!(before, done.map(|kind| (kind, Outcome::Done)));
    // Its id is taken.
    assert_eq!(*last, (StatementKind::Write, Outcome::Refused));
    for (_, state) in store.pools() {
        assert!(state.idle <= state.open && state.open <= state.max, "{state:?}");
    }
}
