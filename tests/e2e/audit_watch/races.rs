//! Watchers that are cut again and again, while several servers write and number.

use gatehouse_api::v1;
use tokio::task::JoinSet;

use super::{calm, of_types};
use gatehouse_tests::{PORTAL, TestServer};

gatehouse_tests::on_each_database! {
    watchers_that_are_cut_while_replicas_write_are_told_of_every_event_once,
}

/// Of each writer.
const EVENTS: usize = 40;
const WRITERS: usize = 2;

async fn watchers_that_are_cut_while_replicas_write_are_told_of_every_event_once(
    server: TestServer,
) {
    let acme = calm(server).await;
    let servers = [acme.server.clone(), acme.server.replica().await];
    let filter = || of_types(&["customer.created"]);
    let mut watchers = JoinSet::new();
    for first in 0..servers.len() {
        let servers = servers.clone();
        let token = servers[first].admin().watch_from_now(filter()).await.token;
        watchers.spawn(async move { cut_and_resume(&servers, first, token).await });
    }
    let mut writers = JoinSet::new();
    for (n, server) in (0..WRITERS).zip(servers.iter().cycle()) {
        let admin = server.admin();
        writers.spawn(async move {
            for event in 0..EVENTS {
                let email = format!("w{n}-{event}@example.com");
                admin.create_customer(PORTAL, &email, "").await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let told = watchers.join_all().await;
    let request = v1::ListAuditEventsRequest {
        filter: Some(filter()),
        page_size: 1_000,
        ..Default::default()
    };
    let mut created =
        acme.admin.client().list_audit_events(request).await.unwrap().into_inner().audit_events;
    created.retain(|event| event.resource != acme.customer);
    let mut expected = acme.server.numbered_events().await;
    expected.retain(|name| created.iter().any(|event| event.name == *name));
    assert_eq!(expected.len(), EVENTS * WRITERS);
    for told in told {
        assert_eq!(told, expected);
    }
}

/// Reads a message or two, goes away, and comes back on the other server.
async fn cut_and_resume(servers: &[TestServer], first: usize, mut token: String) -> Vec<String> {
    let mut told = Vec::new();
    for turn in first.. {
        let admin = servers[turn % servers.len()].admin();
        let filter = of_types(&["customer.created"]);
        let mut watcher = admin.watch(filter, &token).await.unwrap();
        for _ in 0..=turn % 2 {
            if told.len() >= EVENTS * WRITERS {
                return told;
            }
            told.extend(watcher.next().await.unwrap().into_iter().map(|event| event.name));
        }
        token = watcher.token;
    }
    told
}
