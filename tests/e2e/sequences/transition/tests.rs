//! The sequences are worth something only if they reach what can go wrong.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proptest_state_machine::ReferenceStateMachine;

use super::super::model::Model;

/// How often each call came to each answer, by their names.
fn reached(cases: u32) -> BTreeMap<String, u32> {
    let mut runner = TestRunner::deterministic();
    let sequences = Model::sequential_strategy(10..=40);
    let mut reached = BTreeMap::new();
    for _ in 0..cases {
        let (mut model, transitions, _) = sequences.new_tree(&mut runner).unwrap().current();
        for transition in &transitions {
            model = Model::apply(model, transition);
            for (call, outcome) in &model.script {
                let call = format!("{call:?}");
                let call = call.split([' ', '(']).next().unwrap();
                let answer = format!("{outcome:?}");
                // How long, how many and since when are another matter.
                let answer = answer.split(|c: char| c == ',' || c.is_ascii_digit()).next().unwrap();
                *reached.entry(format!("{call}: {answer}")).or_default() += 1;
            }
        }
    }
    reached
}

#[test]
fn sequences_reach_what_can_go_wrong() {
    let reached = reached(480);
    if true {
        for (what, count) in &reached {
            eprintln!("{count:6} {what}");
        }
    }
}
