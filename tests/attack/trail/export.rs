//! What is exported of a trail, and what of it is found without the database.

use std::time::Duration;

use gatehouse::usecase::audit::export::{Selection, export};
use gatehouse::usecase::audit::{self, VerifyError};
use gatehouse_domain::audit::{Expected, Finding, Summary};
use gatehouse_tests::TestServer;

use super::victim::Trail;

on_each_database! {
    what_is_exported_is_verified_without_the_database,
    an_export_is_whole_while_retention_removes_what_it_reads,
}

async fn exported(trail: &Trail, selection: &Selection) -> String {
    let mut out = Vec::new();
    export(&trail.app.store, selection, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// What a file comes to, how many events are not in it, and what is wrong with it.
fn verify(
    trail: &Trail,
    text: &str,
    expected: Expected,
) -> Result<(Summary, u64, Vec<Finding>), VerifyError> {
    let (mut findings, vault) = (Vec::new(), trail.app.vault());
    let found = |finding| findings.push(finding);
    let (summary, missing) = audit::verify_file(text.as_bytes(), &vault, expected, found)?;
    Ok((summary, missing, findings))
}

async fn what_is_exported_is_verified_without_the_database(server: TestServer) {
    let trail = Trail::new(server).await;
    let exported = async |selection: Selection| exported(&trail, &selection).await;
    let verify = |text: &str, expected: Expected| verify(&trail, text, expected);
    let head = trail.head().await;
    let whole = exported(Selection::default()).await;
    let expected = Expected { head: Some(head), unkeyed_until: 0 };
    let (summary, missing, findings) = verify(&whole, expected).unwrap();
    assert_eq!((findings, missing, summary.end), (vec![], 0, head));
    assert_eq!(whole.lines().count(), usize::try_from(head.number).unwrap());

    let some = exported(Selection { from: 3, to: Some(5), portal: None }).await;
    let (summary, missing, findings) = verify(&some, Expected::default()).unwrap();
    assert_eq!((findings, missing, summary.first, summary.events), (vec![], 0, Some(3), 3));
    let portal = Some("acme".parse().unwrap());
    let of_portal = exported(Selection { portal, ..Selection::default() }).await;
    assert_eq!(verify(&of_portal, Expected::default()).unwrap().2, []);
    assert!(of_portal.lines().count() < whole.lines().count());

    let lines: Vec<_> = whole.lines().collect();
    let edited = lines[2].replace("\"claimed_actor\":\"", "\"claimed_actor\":\"x");
    assert_ne!(edited, lines[2]);
    let edited = whole.replace(lines[2], &edited);
    let findings = verify(&edited, Expected::default()).unwrap().2;
    assert!(matches!(findings[..], [Finding::Changed { number: 3, .. }]), "{findings:?}");
    let without = whole.replace(&format!("{}\n", lines[2]), "");
    let (_, missing, findings) = verify(&without, Expected::default()).unwrap();
    assert_eq!((missing, findings), (1, vec![]), "a file may be of some events");
    let swapped = format!("{}\n{}\n", lines[1], lines[0]);
    assert_eq!(verify(&swapped, Expected::default()).unwrap().2.len(), 1);
    for broken in ["{}", "x", &lines[0].replace("\"number\":1", "\"number\":\"1\"")] {
        let broken = format!("{}\n{broken}\n", lines[0]);
        let error = verify(&broken, Expected::default()).unwrap_err();
        assert!(matches!(error, VerifyError::Line { line: 2, .. }), "{error}");
    }
}

/// Between its look at where the trail begins and the first page, and again before it looks once
/// more.
async fn an_export_is_whole_while_retention_removes_what_it_reads(server: TestServer) {
    const HOUR: Duration = Duration::from_hours(1);
    let trail = Trail::new(server).await;
    for times in [1, 2] {
        for _ in 0..3 {
            trail.acme.server.pass(HOUR);
            trail.add(2).await;
        }
        let faults = trail.acme.server.faults();
        let mut held = faults.hold_statement(2);
        let selection = Selection::default();
        let exporting = exported(&trail, &selection);
        let removing = async {
            assert!(held.is_there().await);
            assert!(trail.retain(22 * HOUR).await > 0);
            if times == 1 {
                return drop(held);
            }
            // Its page is read, and where the trail begins is not.
            let mut again = faults.hold_statement(1);
            drop(held);
            assert!(again.is_there().await);
            assert!(trail.retain(HOUR).await > 0);
        };
        let (text, ()) = tokio::join!(exporting, removing);
        let (summary, missing, findings) = verify(&trail, &text, Expected::default()).unwrap();
        assert_eq!((findings, missing, summary.end), (vec![], 0, trail.head().await));
        let start = trail.app.store.read().trail_start().await.unwrap().unwrap();
        assert_eq!(summary.first, Some(start.removed.number + 1), "{times}");
    }
}
