//! A database that fails: every statement of every call fails once, and once takes
//! effect while its answer is lost.

#[macro_use]
pub mod case;
pub mod ground;
pub mod scene;
pub mod state;
mod sweep;

mod administration;
mod background;
mod enrollment;
mod invitation;
mod my_account;
mod reads;
mod second_factor;
mod sign_in;
pub mod situation;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use self::case::Case;
use self::ground::Ground;
use self::sweep::Tally;
use crate::reasons::contract;
use gatehouse_tests::{Database, TestServer};

/// The cases, in parts that run side by side, each on a server of its own.
pub fn parts() -> [Vec<Case>; 4] {
    [
        [sign_in::cases(), invitation::cases()].into_iter().flatten().collect(),
        second_factor::cases(),
        [enrollment::cases(), my_account::cases()].into_iter().flatten().collect(),
        [administration::cases(), reads::cases()].into_iter().flatten().collect(),
    ]
}

#[test]
fn every_method_has_a_case() {
    let methods: BTreeSet<_> = contract::methods().into_keys().collect();
    let parts = parts();
    let cases = parts.iter().flatten();
    assert_eq!(cases.map(|case| case.method.to_owned()).collect::<BTreeSet<_>>(), methods);
}

#[tokio::test]
async fn every_statement_of_every_call_fails_on_sqlite() {
    fail_every_statement(Database::Sqlite).await;
}

#[tokio::test]
async fn every_statement_of_every_call_fails_on_postgres() {
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
