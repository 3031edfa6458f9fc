//! The table in `statements.txt`, to be read in a diff.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use gatehouse_persistence::Counts;

use super::record::Recorded;

const HEAD: &str = "\
# What each call sends to the database, on SQLite and PostgreSQL alike, once the use of its
# key has been noted (tests/e2e/budget.rs). Written by `just budget`; held to be true by a test.
#
#   alone      statements outside of transactions: each takes a connection from the pool
#   tx         transactions begun
#   in tx      statements in them, without their beginnings and ends
#   back       transactions rolled back
#   commits    of something that has changed: each waits for the disk. A statement alone
#              that changes something is one
#
";

/// A situation's own.
pub fn line(recorded: &Recorded) -> String {
    let Recorded { case, sent } = recorded;
    let Counts { statements, alone, transactions, rollbacks, commits } = Counts::of(sent);
    let within = statements - alone;
    let counts = [alone, transactions, within, rollbacks, commits];
    columns(case.method, case.name, counts.map(|count| count.to_string()))
}

fn columns(
    method: &str,
    situation: &str,
    [alone, transactions, within, back, commits]: [impl Display; 5],
) -> String {
    format!("{method:22} {situation:50}{alone:>6}{transactions:>4}{within:>6}{back:>6}{commits:>9}")
}

/// Where what was found is not what the table says.
pub fn differences(lines: &[String]) -> Vec<String> {
    let table = fs::read_to_string(path()).unwrap_or_default();
    let told: Vec<_> = table.lines().filter(|line| !line.starts_with('#')).collect();
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (told.iter().copied().collect(), lines.iter().map(String::as_str).collect());
    assert_eq!(new.len(), lines.len(), "two situations have one name");
    let removed = old.difference(&new).map(|line| format!("-{line}"));
    let added = new.difference(&old).map(|line| format!("+{line}"));
    let mut all: Vec<_> = removed.chain(added).collect();
    // What belongs together side by side, the old before the new.
    all.sort_by(|a, b| a[1..75].cmp(&b[1..75]).then(b.cmp(a)));
    if !all.is_empty() {
        all.insert(0, format!("{} is to be (`just budget` writes it):", path().display()));
    } else if told != lines {
        all.push(format!("{} is in another order", path().display()));
    }
    all
}

pub fn write(lines: &[String]) {
    let titles = columns("# method", "situation", ["alone", "tx", "in tx", "back", "commits"]);
    fs::write(path(), format!("{HEAD}{titles}\n{}\n", lines.join("\n"))).unwrap();
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "e2e", "budget", "statements.txt"].iter().collect()
}
