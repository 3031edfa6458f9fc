//! A database that fails: every statement of every call that changes something fails
//! once, and once takes effect while its answer is lost.

#[macro_use]
mod case;
mod ground;
mod state;
mod sweep;

mod administration;
mod enrollment;
mod my_account;
mod second_factor;
mod sign_in;
mod situation;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use self::case::Case;
use self::ground::Ground;
use self::sweep::Tally;
use crate::authorization::UNBUILT;
use crate::reasons::contract;
use crate::support::{Database, TestServer};

/// What changes nothing. Of the other methods that only some callers change something by,
/// StartSignIn and ValidateSession, there are cases.
const READS: [&str; 11] = [
    "GetOwnPortal",
    "GetSignIn",
    "GetMfa",
    "ListOwnSessions",
    "GetPortal",
    "ListPortals",
    "GetCustomer",
    "ListCustomers",
    "ListSessions",
    "ListAuditEvents",
    "ListApiKeys",
];

/// The cases, in parts that run side by side, each on a server of its own.
fn parts() -> [Vec<Case>; 4] {
    [
        sign_in::cases(),
        second_factor::cases(),
        [enrollment::cases(), my_account::cases()].into_iter().flatten().collect(),
        administration::cases(),
    ]
}

#[test]
fn every_method_that_changes_something_has_a_case() {
    let methods: BTreeSet<_> = contract::methods().into_keys().collect();
    for read in READS {
        assert!(methods.contains(read), "{read} is no method");
    }
    // Those that are not built are not among the methods.
    assert_eq!(methods.len() + UNBUILT.len(), 41);
    let parts = parts();
    let cases = parts.iter().flatten();
    let tried: BTreeSet<_> = cases.map(|case| case.method.to_owned()).collect();
    let changing = methods.into_iter().filter(|method| !READS.contains(&method.as_str()));
    assert_eq!(changing.collect::<BTreeSet<_>>(), tried);
}

#[tokio::test]
async fn every_statement_of_every_change_fails_on_sqlite() {
    fail_every_statement(Database::Sqlite).await;
}

#[tokio::test]
async fn every_statement_of_every_change_fails_on_postgres() {
    fail_every_statement(Database::Postgres).await;
}

async fn fail_every_statement(database: Database) {
    let mut running = JoinSet::new();
    for cases in parts() {
        running.spawn(run(cases, database));
    }
    let mut all = Tally::default();
    for tally in running.join_all().await {
        all.add(tally);
    }
    let Tally { cases, faults, answers, wrong } = all;
    println!("{database:?}: {cases} cases, {faults} faults, answered {answers:?}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs cases one after the other: a fault meets with whatever runs.
async fn run(cases: Vec<Case>, database: Database) -> Tally {
    let ground = Ground::new(TestServer::without_background(database).await).await;
    let (ground, methods) = (Arc::new(ground), contract::methods());
    let mut all = Tally::default();
    for case in cases {
        let title = case.title();
        let (method, ground) = (methods[case.method].clone(), Arc::clone(&ground));
        // A task of its own: what ends one case is told with what is wrong in others.
        let swept = tokio::spawn(async move { Tally::of(&case, &method, &ground).await }).await;
        match swept {
            Ok(tally) => all.add(tally),
            Err(error) => all.wrong.push(format!("{title}: {error}")),
        }
    }
    all
}
