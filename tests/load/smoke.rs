//! Everything that is measured, for a moment each: the answers are right, whatever the
//! times are.

#![expect(clippy::unwrap_used, reason = "a test ends where its expectation does")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// More than sign in within a minute: each code is accepted once.
const MEMBERS: u64 = 400;
const SECONDS: &str = "0.2";

/// Runs the program; gives what it prints.
fn load(arguments: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_gatehouse-load")).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&load(&[arguments, &["--json", "--built-in"]].concat())).unwrap()
}

fn seeded() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let members = MEMBERS.to_string();
    load(&["seed", &members, "--folder", &path, "--newcomers", "20", "--owners", "8"]);
    (folder, path)
}

/// Something was done, and all of it went well.
fn assert_right(figures: &Value, what: &str) {
    assert!(figures["done"].as_u64().unwrap() > 0, "{what}: {figures}");
    assert_eq!(figures["errors"].as_object().unwrap().len(), 0, "{what}: {figures}");
}

#[test]
fn every_scenario_is_answered_as_it_should_be() {
    let (_folder, path) = seeded();
    for (what, callers) in [
        ("sign-in", "3"),
        ("validate", "20"),
        ("check", "20"),
        ("enroll", "2"),
        ("account", "4"),
        ("mix", "6"),
    ] {
        let place = ["--folder", &path, "--seconds", SECONDS, "--callers", callers];
        let report = json(&[&["run", what], place.as_slice()].concat());
        assert_right(&report["figures"], what);
    }
    let rate = ["--folder", &path, "--seconds", SECONDS, "--callers", "20", "--rate", "50"];
    let report = json(&[&["run", "validate"], rate.as_slice()].concat());
    assert_right(&report["figures"], "an open loop");
}

#[test]
fn a_database_in_use_is_not_seeded() {
    let (_folder, path) = seeded();
    let again = Command::new(env!("CARGO_BIN_EXE_gatehouse-load"))
        .args(["seed", "1", "--folder", &path])
        .output()
        .unwrap();
    assert!(!again.status.success());
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("refused: the database is in use"), "{said}");
}

#[test]
fn limits_are_measured_beside_it() {
    let report = json(&[
        "bench",
        "--databases",
        "sqlite",
        "--only",
        "ValidateSession,Check,enrollment,set-up",
        "--rounds",
        "1",
        "--seconds",
        SECONDS,
        "--members",
        &MEMBERS.to_string(),
        "--newcomers",
        "40",
        "--owners",
        "16",
    ]);
    let comparisons = report["databases"][0]["comparisons"].as_array().unwrap();
    let all: Vec<_> =
        comparisons.iter().map(|compared| compared["what"].as_str().unwrap()).collect();
    let checks = [
        "ValidateSession",
        "ValidateSession",
        "Envoy's Check",
        "ValidateSession with traces",
        "ValidateSession beside 64 sign-ins",
    ];
    assert_eq!(all, [&["enrollment"], &checks[..], &["My Account set-up"]].concat());
    for (compared, what) in comparisons.iter().zip(all) {
        let mut subject = compared["subject"].clone();
        if what.ends_with("beside 64 sign-ins") {
            // An unoptimized server may have no room for so many who sign in at once.
            subject["errors"].as_object_mut().unwrap().remove("OVERLOADED");
        }
        assert_right(&subject, what);
        assert_right(&compared["limit"], what);
    }
}

#[test]
fn growth_is_measured_of_every_read() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("growth.svg");
    let svg = picture.to_str().unwrap();
    let report = json(&[
        "growth",
        "30,60",
        "--databases",
        "sqlite",
        "--rounds",
        "1",
        "--seconds",
        "0.1",
        "--svg",
        svg,
    ]);
    let curves = report["curves"].as_array().unwrap();
    assert_eq!(curves.len(), 12);
    for point in curves.iter().flat_map(|curve| curve["points"].as_array().unwrap()) {
        assert_right(point, "growth");
    }
    assert!(is_picture(&picture));
}

fn is_picture(path: &Path) -> bool {
    std::fs::read_to_string(path).unwrap().contains("<svg")
}
