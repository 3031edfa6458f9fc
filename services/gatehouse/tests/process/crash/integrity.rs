//! Whether what is stored fits together.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::fault::Under;

/// Each selects what must not be there.
const NEVER: [(&str, &str); 7] = [
    (
        "sessions without the event that they were made",
        "SELECT id FROM session WHERE id NOT IN (SELECT session_id FROM audit_event
          WHERE kind = 'sign_in.succeeded' AND session_id IS NOT NULL)",
    ),
    (
        "events of sessions that are not there",
        "SELECT session_id FROM audit_event WHERE kind = 'sign_in.succeeded'
            AND session_id NOT IN (SELECT id FROM session)",
    ),
    (
        "two events of one session",
        "SELECT session_id FROM audit_event WHERE kind = 'sign_in.succeeded'
          GROUP BY session_id HAVING count(*) > 1",
    ),
    (
        "customers with more live sessions than allowed",
        "SELECT customer_id FROM session WHERE ended_at IS NULL
          GROUP BY portal_id, customer_id HAVING count(*) > 20",
    ),
    (
        "customers with more live sign-ins than allowed",
        "SELECT customer_id FROM sign_in WHERE ended_at IS NULL
          GROUP BY portal_id, customer_id HAVING count(*) > 5",
    ),
    (
        "backup codes that are no set of five",
        "SELECT customer_id FROM backup_code GROUP BY portal_id, customer_id
          HAVING count(*) <> 5 OR count(DISTINCT set_id) <> 1",
    ),
    (
        "budgets with more failures than charges, or more than allowed",
        "SELECT id FROM customer WHERE code_failures > code_charges OR code_failures > 10",
    ),
];

/// Once nothing is under way.
pub fn check(under: &Under) {
    under.fleet.assert_trail_is_whole();
    match &under.postgres {
        Some(postgres) => {
            for (what, sql) in NEVER {
                assert_eq!(postgres.sql(sql).unwrap(), "", "{what}");
            }
        }
        None => check_sqlite(&under.fleet.ground.data_dir()),
    }
}

/// Checks a copy of the database in `folder`: it is left as it was found, so that the
/// server recovers it and nobody else.
pub fn check_sqlite(folder: &Path) {
    let copies = tempfile::tempdir().unwrap();
    for name in ["gatehouse.db", "gatehouse.db-wal"] {
        // The log is not there where the last one who had it open closed it.
        if fs::exists(folder.join(name)).unwrap() {
            fs::copy(folder.join(name), copies.path().join(name)).unwrap();
        }
    }
    let script = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for sql in sys.argv[2:]:
    print(db.execute(sql).fetchall())
";
    let mut checked = Command::new("python3");
    checked.args(["-c", script]).arg(copies.path().join("gatehouse.db"));
    checked.args(["PRAGMA integrity_check", "PRAGMA foreign_key_check"]);
    let checked = checked.args(NEVER.map(|(_, sql)| sql)).output().unwrap();
    let stdout = String::from_utf8(checked.stdout).unwrap();
    let mut found = stdout.lines();
    assert_eq!(found.next(), Some("[('ok',)]"), "{}", String::from_utf8_lossy(&checked.stderr));
    let names = ["keys of rows that are not there"].into_iter().chain(NEVER.map(|(what, _)| what));
    for what in names {
        assert_eq!(found.next(), Some("[]"), "{what}");
    }
}
