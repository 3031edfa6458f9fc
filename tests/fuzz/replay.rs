//! Goes through what fuzzing found, and a bounded number of changes of it: the same ones
//! every time.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

use std::path::Path;
use std::{fs, thread};

use gatehouse_fuzz::{Target, for_each_target};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Changed inputs for each target, and for the one that calls a server.
const CHANGED: usize = 2_000;
const CHANGED_CALLS: usize = 50;

macro_rules! replay {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(Target::find(stringify!($name)).unwrap());
        })*
    };
}

for_each_target!(replay);

fn replay(target: Target) {
    let found = corpus(target.name);
    assert!(!found.is_empty(), "{} has no corpus", target.name);
    for (name, input) in &found {
        check(target, name, input);
    }
    let random = &mut StdRng::seed_from_u64(1);
    let count = if target.name == "calls" { CHANGED_CALLS } else { CHANGED };
    for number in 0..count {
        let (_, input) = &found[number % found.len()];
        let (_, other) = &found[random.random_range(0..found.len())];
        check(target, &format!("changed {number}"), &changed(input, other, random));
    }
}

/// What lies in the folder of this target, by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(folder).unwrap();
    let mut found = entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect::<Vec<_>>();
    found.sort();
    found
}

/// Splices, cuts, overwrites: what libFuzzer does, without its guidance.
fn changed(input: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut changed = input.to_vec();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=changed.len());
        match random.random_range(0..4) {
            0 => changed.truncate(at),
            1 => changed.extend_from_slice(&other[at.min(other.len())..]),
            2 => changed.insert(at, random.random()),
            _ => {
                let length = random.random_range(1..=8).min(changed.len() - at);
                random.fill_bytes(&mut changed[at..at + length]);
            }
        }
    }
    changed.truncate(4_096);
    changed
}

/// Says which input it was, in a form that `printf` makes a file of.
fn check(target: Target, name: &str, input: &[u8]) {
    struct Tell<'a>(&'a str, &'a str, &'a [u8]);
    impl Drop for Tell<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                let Self(target, name, input) = self;
                eprintln!("{target}, {name}: {}", input.escape_ascii());
            }
        }
    }
    let _tell = Tell(target.name, name, input);
    (target.check)(input);
}
