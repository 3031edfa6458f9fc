//! What every call sends to the database, counted: [`table`] says how much in each
//! situation, and is wrong where it is more, and where it is less.
//!
//! With `UPDATE=1` the table is written anew. With `STATEMENTS=Verify` and `--nocapture`
//! what the methods whose names begin so send is shown, in its order.

pub mod record;
mod situations;
mod table;

use std::env;
use std::time::Duration;

use gatehouse_persistence::Counts;

use self::record::Recorded;
use super::faults::situation::signed_in;
use gatehouse_tests::{Acme, Database, TestServer};

/// Commits of any call by a key that was used lately. Each waits for the disk.
const MOST_COMMITS: usize = 2;

#[tokio::test]
async fn every_call_sends_what_the_table_says_on_each_database() {
    let (sqlite, postgres) =
        tokio::join!(record::all(Database::Sqlite), record::all(Database::Postgres));
    if let Ok(first) = env::var("STATEMENTS") {
        for recorded in sqlite.iter().chain(&postgres) {
            show(recorded, &first);
        }
    }
    let mut wrong: Vec<_> = sqlite.iter().filter_map(over_budget).collect();
    for (on_sqlite, on_postgres) in sqlite.iter().zip(&postgres) {
        let (line, other) = (table::line(on_sqlite), table::line(on_postgres));
        if line != other {
            wrong.push(format!("on SQLite   {line}\non PostgreSQL {other}"));
        }
    }
    let lines: Vec<_> = sqlite.iter().map(table::line).collect();
    if env::var_os("UPDATE").is_some() {
        table::write(&lines);
    }
    wrong.extend(table::differences(&lines));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What is shown of calls says nothing of how often they are made.
#[tokio::test]
async fn uses_are_noted_once_a_minute_on_sqlite() {
    uses_are_noted_once_a_minute(Database::Sqlite).await;
}

#[tokio::test]
async fn uses_are_noted_once_a_minute_on_postgres() {
    uses_are_noted_once_a_minute(Database::Postgres).await;
}

async fn uses_are_noted_once_a_minute(database: Database) {
    const MINUTES: usize = 3;
    let acme = Acme::new(TestServer::without_background(database).await).await;
    let token = signed_in(&acme).await.token;
    let faults = acme.server.faults();
    faults.record();
    for _ in 0..MINUTES * 10 {
        acme.server.pass(Duration::from_secs(6));
        acme.web.validate(&token).await.unwrap();
    }
    let Counts { commits, transactions, .. } = Counts::of(&faults.take_record());
    // Of the session, and of the key.
    assert_eq!((commits, transactions), (2 * MINUTES, 0));
}

/// What is more than any version of gatehouse is to send, whatever the table says.
fn over_budget(recorded: &Recorded) -> Option<String> {
    let Recorded { case, sent } = recorded;
    let Counts { commits, transactions, .. } = Counts::of(sent);
    // The use of the key, once a minute.
    let own = commits - usize::from(case.notes_key);
    let is_within = match case.method {
        "StartSignIn" => own == 0 && transactions == 0,
        "ValidateSession" | "Check" => own == usize::from(case.only_notes) && transactions == 0,
        method if is_read(method) => own == 0 && transactions == 0,
        _ => own <= MOST_COMMITS,
    };
    (!is_within).then(|| format!("{} is over its budget: {own} commits", case.title()))
}

fn is_read(method: &str) -> bool {
    ["Get", "List", "Watch"].iter().any(|verb| method.starts_with(verb))
}

fn show(recorded: &Recorded, first: &str) {
    if recorded.case.method.starts_with(first) {
        println!("\n{}", recorded.case.title());
        for sent in &recorded.sent {
            println!("{sent}");
        }
    }
}
