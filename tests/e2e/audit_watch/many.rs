//! What many watchers cost the database.

use super::{calm, names, unlock};
use gatehouse_tests::{Database, TestServer};

const WATCHERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_watchers_cost_one_read_on_sqlite() {
    many_watchers_cost_one_read(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_watchers_cost_one_read_on_postgres() {
    many_watchers_cost_one_read(Database::Postgres).await;
}

/// On a server that looks at the trail when it is woken alone.
async fn many_watchers_cost_one_read(database: Database) {
    let acme = calm(TestServer::without_background(database).await).await;
    let before = acme.server.numbered_events().await.len();
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        watchers.push(acme.server.watch_directly().await);
    }
    unlock(&acme, 10).await;
    let faults = acme.server.faults();
    faults.record();
    acme.server.number_events().await;
    let mut told = Vec::new();
    for watcher in &mut watchers {
        told.push(watcher.events(10).await);
    }
    let sent = faults.take_record();
    let reads = sent.iter().filter_map(|sent| sent.sql());
    let reads = reads.filter(|sql| sql.contains("\"number\" >")).count();
    assert_eq!(reads, 1, "{sent:?}");
    // And what numbering takes.
    assert!(sent.len() < 15, "{sent:?}");
    let expected = acme.server.numbered_events().await;
    assert!(told.iter().all(|told| names(told) == expected[before..]));
}
