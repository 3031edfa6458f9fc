//! Watching the audit trail, by clients that mean no good.

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole::Viewer;
use gatehouse_tests::frames::{Frames, INITIAL_WINDOW_SIZE, RequestHead, call_of, message};
use gatehouse_tests::{ENDLESS, PORTAL, imports};

use crate::ground::Ground;

const WATCHERS: usize = 100;
const IMPORTS: usize = 5;
const ROWS: usize = 1_000;

/// CWE-770: streams without an end that nobody reads, while the trail grows by thousands. What
/// is kept for all of them are the 6,400 events of the ring; for each one message. The import
/// takes some of the memory, too.
#[tokio::test(flavor = "multi_thread")]
async fn watchers_that_never_read_hold_bounded_memory_and_keep_nobody_waiting() {
    let ground = Ground::new().await;
    let key = ground.admin.admin_key(Viewer, &["portals/-"]).await.unwrap();
    let mut attacker = Frames::with(ground.program.address, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let watch = RequestHead::of(ENDLESS).key(&key);
    let all = message(&v1::WatchAuditEventsRequest::default());
    let ids: Vec<u32> = (1..).step_by(2).take(WATCHERS).collect();
    for id in &ids {
        attacker.write(&call_of(*id, &watch, &all)).await;
    }
    assert!(attacker.settle().await);

    let types = vec!["customer.imported".to_owned()];
    let imported = v1::AuditEventFilter { types, ..Default::default() };
    let mut witness = ground.admin.watch_from_now(imported).await;
    for import in 0..IMPORTS {
        let row = |n: usize| v1::CustomerImport {
            email: format!("c{import}-{n}@example.com"),
            ..Default::default()
        };
        let rows = (0..ROWS).map(row).collect();
        ground.admin.import(imports(PORTAL, rows)).await.unwrap();
    }
    // Who reads is told of all of it.
    witness.events(IMPORTS * ROWS).await;
    ground.assert_others_are_answered().await;
    ground.assert_memory_within(48);
    assert!(ids.iter().all(|id| attacker.heard(*id).body.is_empty()));
}
