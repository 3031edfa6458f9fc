mod dedicated;

use std::path::Path;
use std::process::Command;

use super::TestPostgres;

/// Set in the copy of this test process that only starts a server.
const CHILD: &str = "GATEHOUSE_TEST_POSTGRES_CHILD";

fn query(url: &str, sql: &str) -> String {
    let output = Command::new("psql").args(["-XAt", url, "-c", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[tokio::test]
async fn every_caller_gets_an_empty_database_of_its_own() {
    let (one, other) =
        tokio::join!(TestPostgres::create_database(), TestPostgres::create_database());
    assert_ne!(one, other);
    assert_eq!(
        query(&one, "CREATE TABLE portal (); SELECT count(*) FROM portal"),
        "CREATE TABLE\n0"
    );
    assert_eq!(query(&other, "SELECT to_regclass('portal') IS NULL"), "t");
    assert_eq!(query(&one, "SHOW synchronous_commit"), "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_and_its_folder_end_with_a_process_that_aborts() {
    let name = "tests::the_server_and_its_folder_end_with_a_process_that_aborts";
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        ended_with(name, || runtime.block_on(TestPostgres::create_database()));
    });
}

/// Runs the test `name`, which this is called from, in a process of its own that
/// aborts there once it has made a server, and sees the server end with it.
fn ended_with(name: &str, url: impl FnOnce() -> String) {
    if std::env::var_os(CHILD).is_some() {
        println!("{}", url());
        std::process::abort();
    }
    // Ends with the last writer of its outputs, which is the shell that cleans up.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", name])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let folder = printed.split_once("?host=").unwrap().1.split_once('&').unwrap().0;
    assert!(folder.starts_with('/'));
    assert!(!Path::new(folder).exists(), "{folder} is still there");
}

#[tokio::test]
async fn transactions_are_isolated_as_the_environment_says() {
    let url = TestPostgres::create_database().await;
    let expected = std::env::var(crate::ISOLATION);
    let expected = expected.unwrap_or_else(|_| "read committed".to_owned());
    assert_eq!(query(&url, "SHOW transaction_isolation"), expected);
    let own = super::DedicatedPostgres::new().unwrap();
    assert_eq!(query(&own.url(), "SHOW transaction_isolation"), expected);
}
