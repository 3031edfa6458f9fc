//! What no server writes: SQLite takes any value in any column.

use std::time::Duration;

use gatehouse::error::AppError;
use gatehouse::usecase::audit::export::{ExportError, Selection, export};
use gatehouse::usecase::audit::retention;
use gatehouse_domain::audit::{ChainEnd, Expected, Finding};
use gatehouse_tests::{Database, TestServer};

use super::victim::Trail;
use super::{DAY, KEEP, missing};

async fn trail() -> Trail {
    Trail::new(TestServer::without_background(Database::Sqlite).await).await
}

impl Trail {
    async fn is_refused_by_retention(&self) -> bool {
        let now = self.acme.server.now();
        matches!(retention::remove_batch(&self.app, KEEP, now).await, Err(AppError::Internal(_)))
    }
}

#[tokio::test]
async fn an_event_with_a_column_of_another_type_is_named() {
    let trail = trail().await;
    trail.sql("CREATE TABLE good AS SELECT * FROM audit_event").await;
    trail.acme.server.pass(2 * DAY);
    for change in [
        "id = 'x'",
        "event_at = x'00'",
        "event_at = event_at + 0.5",
        "kind = CAST(kind AS BLOB)",
        "kind = CAST(x'ff' AS TEXT)",
        "portal_id = x'00'",
        "customer_id = x'00'",
        "session_id = 'x'",
        "api_key_id = x'00'",
        "api_key_display_name = x'00'",
        "claimed_actor = x'00'",
        "caller_address = x'00'",
        "request_id = x'00'",
        "client_ip = x'00'",
        "client_user_agent = x'00'",
        "reason = x'00'",
        "attributes = CAST(attributes AS BLOB)",
        "chain_digest = 0.5",
        "chain_key_id = x'00'",
    ] {
        trail.sql(&format!("UPDATE audit_event SET {change} WHERE number = 3")).await;
        let findings = trail.findings().await;
        assert_eq!(findings[0], Finding::Unreadable { number: 3 }, "{change}: {findings:?}");
        // By the one after it, where it is the digest or its key.
        let is_of_chain = change.starts_with("chain_");
        assert_eq!(findings.len(), if is_of_chain { 2 } else { 1 }, "{change}: {findings:?}");
        assert!(trail.is_refused_by_retention().await, "{change}");
        let exported = export(&trail.app.store, &Selection::default(), &mut Vec::new()).await;
        assert!(matches!(exported, Err(ExportError::Unreadable(3))), "{change}: {exported:?}");
        trail.sql("DELETE FROM audit_event").await;
        trail.sql("INSERT INTO audit_event SELECT * FROM good").await;
    }
    assert_eq!(trail.findings().await, []);
}

#[tokio::test]
async fn an_event_whose_number_is_none_is_missed() {
    let trail = trail().await;
    trail.sql("CREATE TABLE good AS SELECT * FROM audit_event").await;
    for number in ["3.5", "'x'", "x'03'", "9e99"] {
        trail.sql(&format!("UPDATE audit_event SET number = {number} WHERE number = 3")).await;
        let expected = [missing(3, 3), Finding::Unnumbered { count: 1 }];
        assert_eq!(trail.findings().await, expected, "{number}");
        trail.sql("DELETE FROM audit_event").await;
        trail.sql("INSERT INTO audit_event SELECT * FROM good").await;
    }
    // Nor does one without a number keep the others from being checked.
    trail.sql("UPDATE audit_event SET number = NULL, event_at = x'00' WHERE number = 3").await;
    let expected = [missing(3, 3), Finding::Unnumbered { count: 1 }];
    assert_eq!(trail.findings().await, expected);
}

#[tokio::test]
async fn a_start_that_no_server_writes_is_a_finding_whatever_is_expected() {
    let trail = trail().await;
    let first = trail.end_at(1).await;
    trail.retain(Duration::from_hours(48)).await;
    trail.add(2).await;
    let removed = trail.app.store.read().trail_start().await.unwrap().unwrap().removed.number;
    trail.sql("CREATE TABLE good AS SELECT * FROM trail_start").await;
    for (change, number) in [
        ("number = 'x'", 0),
        ("number = number + 0.5", 0),
        ("number = 1000000", 1_000_000),
        ("chain_digest = 'x'", removed),
        ("chain_digest = x'00'", removed),
        ("key_id = -1", removed),
        ("key_id = x'00'", removed),
        ("proof = 'x'", removed),
        ("proof = x'00'", removed),
    ] {
        trail.sql(&format!("UPDATE trail_start SET {change}")).await;
        let forged = Finding::ForgedStart { number };
        assert_eq!(trail.findings().await[0], forged, "{change}");
        // It does not say that a head was removed either.
        let head = ChainEnd { digest: first.digest, number: 1 };
        let expected = Expected { head: Some(head), unkeyed_until: 0 };
        let (_, findings) = trail.verify(expected).await.unwrap();
        assert_eq!(findings[0], forged, "{change}");
        assert!(trail.is_refused_by_retention().await, "{change}");
        trail.sql("DELETE FROM trail_start").await;
        trail.sql("INSERT INTO trail_start SELECT * FROM good").await;
    }
    assert_eq!(trail.findings().await, []);
}
