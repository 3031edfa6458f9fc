//! A row that is longer than any is: it is refused, and not kept.

use std::fs;

use super::desk;

#[test]
fn a_row_that_is_too_long_is_refused_and_the_others_are_imported() {
    let desk = desk();
    let long = "x".repeat(1_000_000);
    let rows = format!(
        "{{\"email\": \"a@example.com\"}}\n{{\"displayName\": \"{long}\"}}\n\
         {{\"email\": \"no\"}}\n{{\"email\": \"b@example.com\"}}\n"
    );
    let file = desk.file("rows.jsonl", rows);
    let refused = desk.path("refused.jsonl");
    let flag = ["--refused", refused.to_str().unwrap()];
    let ended = desk.types(&[&["import", "acme", &file][..], &flag].concat());
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), "2 imported, 0 there already, 2 refused\n")
    );
    let told = format!("{file}:2: a row of more than 64 KiB, which is not kept: ");
    assert!(ended.stderr.starts_with(&told), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&refused).unwrap(), "{\"email\": \"no\"}\n");
    assert_eq!(desk.emails(), ["a@example.com", "b@example.com"]);

    // Where none is kept there is no file to be corrected.
    let file = desk.file("long.csv", format!("email\n{long}\n"));
    let none = desk.path("none.csv");
    let ended = desk.types(&["import", "acme", &file, "--refused", none.to_str().unwrap()]);
    assert!(ended.stderr.ends_with("\ngatehouse: 1 row is refused\n"), "{}", ended.stderr);
    assert!(!none.exists());
}
