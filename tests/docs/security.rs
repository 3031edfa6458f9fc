//! SECURITY.md says which test holds which promise: each of them exists, and no test of the attack
//! suite is missing there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TEXT: &str = include_str!("../../SECURITY.md");

/// What a test's path begins with, and where its modules are.
const SUITES: [(&str, &str); 6] = [
    ("attack", "tests/attack"),
    ("docs", "tests/docs"),
    ("domain", "crates/domain/src"),
    ("e2e", "tests/e2e"),
    ("process", "services/gatehouse/tests/process"),
    ("service", "services/gatehouse/src"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every test in the table.
fn named() -> BTreeSet<&'static str> {
    let rows = TEXT.lines().filter(|line| line.starts_with('|'));
    let spans = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    spans.filter(|span| span.contains("::")).collect()
}

/// The tests in the file of a module: functions with the attribute, and those that a macro makes
/// tests of, which stand in a list of their own.
fn tests_of(source: &str) -> BTreeSet<String> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let listed = |name: &str| lines.iter().any(|line| is_listed(line, name));
    let mut tests = BTreeSet::new();
    let mut is_attributed = false;
    for line in &lines {
        if line.starts_with("#[") {
            is_attributed |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        } else if let Some(name) = function(line) {
            if is_attributed || listed(name) {
                tests.insert(name.to_owned());
            }
            is_attributed = false;
        }
    }
    tests
}

/// `name,` alone, perhaps with a module before it, as in the lists of `on_each_database!`.
fn is_listed(line: &str, name: &str) -> bool {
    let entry = line.strip_suffix(',').unwrap_or_default();
    entry == name || entry.rsplit("::").next() == Some(name) && !entry.contains(' ')
}

fn function(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let is_definition = before.split_whitespace().all(|word| ["pub", "async"].contains(&word));
    is_definition.then(|| rest.split(['(', '<']).next()).flatten()
}

/// What the file of a module says, such as `attack::tenants`; nothing where there is none.
fn source(module: &str) -> String {
    let (suite, module) = module.split_once("::").unwrap_or((module, ""));
    let folder = SUITES.into_iter().find(|(name, _)| *name == suite);
    let path = |folder| repository().join(folder).join(module.replace("::", "/"));
    let path = folder.map(|(_, folder)| path(folder).with_extension("rs"));
    path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
}

/// What the file of a test says.
pub fn source_of_test(path: &str) -> String {
    path.rsplit_once("::").map(|(module, _)| source(module)).unwrap_or_default()
}

/// Whether `path` is a test: in the file of its module, or made one by the file above that.
pub fn exists(path: &str) -> bool {
    let (suite, path) = path.split_once("::").unwrap();
    let Some((module, name)) = path.rsplit_once("::") else { return false };
    let file = |module: &str| source(&format!("{suite}::{module}"));
    // Tests beside the code stand in a file of theirs, or in the module's own.
    let beside = module.strip_suffix("::tests").map(&file).unwrap_or_default();
    if tests_of(&file(module)).contains(name) || tests_of(&beside).contains(name) {
        return true;
    }
    let (above, last) = module.rsplit_once("::").unwrap_or((module, ""));
    let entry = format!("{last}::{name}");
    let is_defined = file(module).lines().filter_map(function).any(|defined| defined == name);
    let is_made_one = file(above).lines().any(|line| is_listed(line.trim(), &entry));
    is_defined && is_made_one
}

/// Every test of the attack suite, by its path.
fn suite() -> BTreeSet<String> {
    let root = repository().join("tests/attack");
    let (mut folders, mut tests) = (vec![root.clone()], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = path.strip_prefix(&root).unwrap().with_extension("");
                let module = module.to_str().unwrap().replace('/', "::");
                let found = tests_of(&fs::read_to_string(path).unwrap());
                tests.extend(found.into_iter().map(|name| format!("attack::{module}::{name}")));
            }
        }
    }
    tests
}

#[test]
fn every_test_that_is_named_exists() {
    let named = named();
    assert!(named.len() > 100, "{} are named", named.len());
    let missing: Vec<_> = named.into_iter().filter(|path| !exists(path)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_test_of_the_attack_suite_is_named() {
    let named = named();
    let suite = suite();
    assert!(suite.len() > 100, "{} are there", suite.len());
    let unnamed: Vec<_> = suite.iter().filter(|path| !named.contains(path.as_str())).collect();
    assert_eq!(unnamed, [""; 0]);
}

#[test]
fn a_function_without_the_attribute_is_no_test() {
    let source = "/// a_helper,\nasync fn a_helper() {}\n#[test]\nfn a_rule() {}\nfn another() {}";
    assert_eq!(tests_of(source), BTreeSet::from(["a_rule".to_owned()]));
    let listed = "on_each_database! {\n    a_rule,\n}\nasync fn a_rule(server: TestServer) {}";
    assert_eq!(tests_of(listed), BTreeSet::from(["a_rule".to_owned()]));
    assert!(!exists("attack::otp::no_such_rule"));
    assert!(!exists("nowhere::otp::no_such_rule"));
}
