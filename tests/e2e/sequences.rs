//! Random sequences of calls against the real server, on both databases. A model
//! foretells the answer of every call, and after every transition the invariants
//! C1, C2, C6, C7 and C14 of SECURITY.md have to hold.
//!
//! `PROPTEST_CASES` asks for more cases. A sequence that fails is made as short as
//! it goes, and told call by call.

mod call;
mod check;
mod history;
mod invariants;
mod model;
mod system;
mod transition;

use std::env;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use tokio::runtime::Runtime;

use self::model::Model;
use self::system::{Progress, System};
use self::transition::Transition;
use gatehouse_tests::{Database, TestServer};

const CASES: u32 = 48;
const STEPS: std::ops::RangeInclusive<usize> = 10..=40;

#[test]
fn sqlite_answers_every_sequence_as_the_contract_says() {
    run(Database::Sqlite);
}

#[test]
fn postgres_answers_every_sequence_as_the_contract_says() {
    run(Database::Postgres);
}

/// A server, another replica of it, and the cases that have run in it.
struct Bench {
    server: TestServer,
    replica: TestServer,
    cases: AtomicU32,
    /// Cases that two equal codes have cut short.
    cut_short: AtomicU32,
}

fn run(database: Database) {
    let runtime = Runtime::new().unwrap();
    let bench = runtime.block_on(async {
        let server = TestServer::start(database).await;
        let replica = server.replica().await;
        Bench { server, replica, cases: AtomicU32::new(1), cut_short: AtomicU32::new(0) }
    });
    let mut runner = TestRunner::new(config());
    let sequences = Model::sequential_strategy(STEPS);
    let result = runner.run(&sequences, |(model, transitions, seen)| {
        runtime
            .block_on(bench.case(model, &transitions, seen.as_deref()))
            .map_err(TestCaseError::fail)
    });
    match result {
        // Of a million codes two are the same; if it is more often, nothing is tested.
        Ok(()) => assert!(bench.cut_short.into_inner() * 50 < bench.cases.into_inner()),
        Err(TestError::Fail(why, (model, transitions, _))) => {
            panic!("after\n{}{why}", tell(model, &transitions))
        }
        Err(error) => panic!("{error}"),
    }
}

/// Nothing is kept of a failure: what it shows becomes a test of its own.
fn config() -> Config {
    let given = Config::default();
    Config {
        cases: if env::var_os("PROPTEST_CASES").is_some() { given.cases } else { CASES },
        failure_persistence: None,
        max_local_rejects: u32::MAX,
        max_shrink_iters: 2_000,
        ..given
    }
}

impl Bench {
    /// Runs one sequence, in a portal of its own.
    async fn case(
        &self,
        mut model: Model,
        transitions: &[Transition],
        seen: Option<&AtomicUsize>,
    ) -> Result<(), String> {
        let number = self.cases.fetch_add(1, Ordering::Relaxed);
        let mut system = System::new(&self.server, &self.replica, number, &model).await;
        for transition in transitions {
            if let Some(seen) = seen {
                // What was not reached is the first to go when it is made shorter.
                seen.fetch_add(1, Ordering::SeqCst);
            }
            model = Model::apply(model, transition);
            for &(call, outcome) in &model.script {
                match system.make(call, outcome).await {
                    Ok(Progress::GoOn) => {}
                    Ok(Progress::Over) => {
                        self.cut_short.fetch_add(1, Ordering::Relaxed);
                        return Ok(());
                    }
                    Err(why) => {
                        // Not the model's any more, but what may never be shows all the same.
                        let _ = check::look(&mut system, &model).await;
                        return Err(why + &broken(&system));
                    }
                }
            }
            let same = check::look(&mut system, &model).await;
            same.map_err(|why| why + &broken(&system))?;
            invariants::check(&system.history)?;
        }
        Ok(())
    }
}

/// The invariant that is broken, if one is.
fn broken(system: &System<'_>) -> String {
    invariants::check(&system.history).map_or_else(|why| format!("\n{why}"), |()| String::new())
}

/// The calls of a sequence, and what the model says they come to.
fn tell(mut model: Model, transitions: &[Transition]) -> String {
    let mut told = format!("  {:?}\n", model.policy);
    for transition in transitions {
        model = Model::apply(model, transition);
        for (call, outcome) in &model.script {
            writeln!(told, "  {call:?}: {outcome:?}").unwrap();
        }
    }
    told
}
