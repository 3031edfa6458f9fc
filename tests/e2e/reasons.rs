//! Every outcome that the contract names, of every method: the table of cases is
//! held against the descriptor, and each case against the server.

#[macro_use]
mod case;
pub mod administration;
pub mod contract;
pub mod enrollment;
pub mod my_account;
pub mod sign_in;

use std::collections::{BTreeMap, BTreeSet};

use gatehouse_api::v1::ErrorReason::{
    ApiKeyInvalid, ApiKeyScope, Internal, Overloaded, RequestInvalid, StoreUnavailable,
};
use tokio::task::JoinSet;

use case::{Case, Outcome};
use contract::Method;
use gatehouse_tests::{Acme, Answer, Raw, Refusal, TestServer, frame};

gatehouse_tests::on_each_database! { every_method_comes_to_all_that_the_contract_names_and_to_nothing_else }

/// What every method is tried for by calling its success in another way; the trouble
/// with the database on PostgreSQL.
const GENERAL: [Outcome; 6] = [
    Outcome::Refused(ApiKeyInvalid),
    Outcome::Refused(ApiKeyScope),
    Outcome::Refused(RequestInvalid),
    Outcome::Refused(StoreUnavailable),
    Outcome::Refused(Internal),
    Outcome::Refused(Overloaded),
];

async fn every_method_comes_to_all_that_the_contract_names_and_to_nothing_else(server: TestServer) {
    let methods = contract::methods();
    let cases =
        [administration::cases(), enrollment::cases(), my_account::cases(), sign_in::cases()]
            .concat();
    let mut table = Table { methods, overloaded: server.overloaded().await, wrong: Vec::new() };
    table.compare_with_contract(&cases);
    for (n, case) in cases.iter().enumerate() {
        table.run(case, &Acme::called(server.clone(), &format!("p{n}")).await).await;
    }
    // A database in this process cannot be taken away from the server.
    if server.is_on_postgres() {
        table.run_in_trouble(&cases, &server).await;
    }
    assert!(table.wrong.is_empty(), "{}", table.wrong.join("\n"));
}

/// What goes wrong is collected, and told all at once.
struct Table {
    methods: BTreeMap<String, Method>,
    /// Over the same database, without a place for anything that changes it.
    overloaded: TestServer,
    wrong: Vec<String>,
}

impl Table {
    /// Holds the cases to be those that the contract names.
    fn compare_with_contract(&mut self, cases: &[Case]) {
        let line = |method: &str, outcome: Outcome| format!("{method}: {outcome}");
        let mut tried: BTreeSet<_> =
            cases.iter().map(|case| line(case.method, case.outcome)).collect();
        if tried.len() < cases.len() {
            self.wrong.push("a case is there twice".to_owned());
        }
        let mut named = BTreeSet::new();
        for method in self.methods.values() {
            let own = method.outcomes.iter().map(|&outcome| line(&method.name, outcome));
            named.extend(own);
            let general = GENERAL.into_iter().filter(|general| method.outcomes.contains(general));
            tried.extend(general.map(|outcome| line(&method.name, outcome)));
        }
        for missing in named.difference(&tried) {
            self.wrong.push(format!("{missing} has no case"));
        }
        for extra in tried.difference(&named) {
            self.wrong.push(format!("{extra} is not in the contract"));
        }
    }

    /// Runs a case, and by a success what every method may be refused with.
    async fn run(&mut self, case: &Case, acme: &Acme) {
        // That one is not in the contract has been noted.
        let Some(method) = self.methods.get(case.method).cloned() else { return };
        let message = (case.prepare)(acme).await;
        let raw = acme.server.raw();
        if case.outcome == Outcome::Success {
            let keys = method.keys(acme);
            let refused = Outcome::Refused;
            let answer = raw.clone().send(&method.path, &message).await;
            self.judge(&method, "without a key", refused(ApiKeyInvalid), answer);
            let answer = raw.clone().key(keys.other).send(&method.path, &message).await;
            self.judge(&method, "by a key of the other kind", refused(ApiKeyScope), answer);
            let broken = frame("\x07");
            let answer = raw.clone().key(keys.own).call(&method.path, &broken).await;
            self.judge(&method, "with a broken message", refused(RequestInvalid), answer);
            let overloaded = refused(Overloaded);
            let says_so = method.outcomes.contains(&overloaded);
            let expected = if says_so { overloaded } else { Outcome::Success };
            let raw_of_full = self.overloaded.raw().key(keys.own);
            let answer = raw_of_full.send(&method.path, &message).await;
            self.judge(&method, "by a server that is full", expected, answer);
        }
        let answer = method.send(raw, acme, &message).await;
        self.judge(&method, "prepared for it", case.outcome, answer);
    }

    /// Every success again, in front of a database that is not as it should be, and
    /// of one that is gone.
    async fn run_in_trouble(&mut self, cases: &[Case], server: &TestServer) {
        let mut prepared = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            let method = self.methods.get(case.method);
            if let (Outcome::Success, Some(method)) = (case.outcome, method) {
                let acme = Acme::called(server.clone(), &format!("t{n}")).await;
                let message = (case.prepare)(&acme).await;
                prepared.push(Replay { method: method.clone(), acme, message });
            }
        }
        server.hide_tables();
        // All that this one reads is where its caller's key is looked up.
        let (keys, rest): (Vec<_>, Vec<_>) =
            prepared.into_iter().partition(|replay| replay.method.name == "ListApiKeys");
        let rest = self.replay(rest, "without its tables", Outcome::Refused(Internal)).await;
        server.hide_api_keys();
        let keys = self.replay(keys, "without its tables", Outcome::Refused(Internal)).await;
        server.lose_database();
        let all = rest.into_iter().chain(keys).collect();
        self.replay(all, "without a database", Outcome::Refused(StoreUnavailable)).await;
    }

    /// All at once: some of them wait for a connection.
    async fn replay(&mut self, replays: Vec<Replay>, how: &str, expected: Outcome) -> Vec<Replay> {
        let mut calls = JoinSet::new();
        for replay in replays {
            calls.spawn(async move {
                let raw = replay.acme.server.raw();
                let answer = replay.method.send(raw, &replay.acme, &replay.message).await;
                (replay, answer)
            });
        }
        let mut done = Vec::new();
        for (replay, answer) in calls.join_all().await {
            self.judge(&replay.method, how, expected, answer);
            done.push(replay);
        }
        done
    }

    fn judge<T>(&mut self, method: &Method, how: &str, expected: Outcome, answer: Answer<T>) {
        let came_to = match (answer, expected) {
            (Ok(_), Outcome::Success) => return,
            (Ok(_), Outcome::Refused(_)) => "it succeeded".to_owned(),
            (Err(status), expected) => {
                let refusal = Refusal::read(&status);
                match expected {
                    Outcome::Refused(reason) if refusal.is(reason) => return,
                    _ => format!("it was {refusal:?}"),
                }
            }
        };
        self.wrong.push(format!("{}, {how}: {expected} expected, but {came_to}", method.name));
    }
}

/// A request that would succeed.
struct Replay {
    method: Method,
    acme: Acme,
    message: Vec<u8>,
}

/// The key that a method asks for, and one of the other kind.
struct Keys<'a> {
    own: &'a str,
    other: &'a str,
}

impl Method {
    fn keys<'a>(&self, acme: &'a Acme) -> Keys<'a> {
        let (owner, portal) = (acme.server.owner_key(), acme.key.as_str());
        if self.is_for_administrators {
            Keys { own: owner, other: portal }
        } else {
            Keys { own: portal, other: owner }
        }
    }

    async fn send(&self, raw: Raw, acme: &Acme, message: &[u8]) -> Answer<Vec<u8>> {
        raw.key(self.keys(acme).own).send(&self.path, message).await
    }
}
