//! Commands, what they print, and what they exit with.

use std::fs;

use crate::support::{Ended, Site, gatehouse, run};

fn ran(arguments: &[&str]) -> Ended {
    let mut command = gatehouse();
    command.args(arguments);
    run(command)
}

#[test]
fn version_is_one_line_on_standard_output() {
    let ended = ran(&["--version"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, concat!("gatehouse ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(ended.stderr, "");
}

#[test]
fn help_names_every_command_and_every_setting_with_its_variable() {
    let ended = ran(&["--help"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for command in [
        "serve",
        "create-owner-key",
        "migrate",
        "keys",
        "backup",
        "restore-epoch",
        "audit",
        "doctor",
        "healthcheck",
        "completions",
        "admin",
    ] {
        // A name as long as the column stands on a line of its own.
        let named = [' ', '\n'].map(|after| format!("\n  {command}{after}"));
        assert!(named.iter().any(|line| ended.stdout.contains(line)), "{command}");
    }
    for flag in [
        "--config",
        "--listen",
        "--tls-certificate",
        "--tls-key",
        "--tls-client-ca",
        "--allow-plaintext",
        "--data-dir",
        "--database-url",
        "--database-url-file",
        "--database-connections",
        "--key-ring",
        "--log",
        "--log-format",
        "--reflection",
        "--hash-threads",
        "--hash-memory-kib",
        "--hash-passes",
        "--max-in-flight",
        "--audit-retention-days",
        "--audit-unkeyed-until",
    ] {
        let variable = flag.replace("--", "GATEHOUSE_").replace('-', "_").to_uppercase();
        assert!(ended.stdout.contains(&format!("{flag} <")), "{flag}");
        assert!(ended.stdout.contains(&format!("[env: {variable}]")), "{variable}");
    }
}

#[test]
fn what_is_not_understood_exits_with_2_and_changes_nothing() {
    let site = Site::sqlite();
    for (arguments, named) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["no-such-command"], "no-such-command"),
        (&["serve", "--display-name", "Ana"], "--display-name"),
        (&["migrate", "--log-format", "yaml"], "--log-format"),
    ] {
        let ended = run(site.command(arguments));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
        assert!(!site.data_dir().exists(), "{arguments:?}");
    }
}

#[test]
fn what_fails_exits_with_1_and_one_line_on_standard_error() {
    let site = Site::sqlite();
    let server = site.serve(&[]);
    let address = server.address.to_string();
    let ended = run(site.command(&["serve", "--listen", &address, "--log", "error"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let line =
        format!("gatehouse: cannot listen on {address}: Address already in use (os error 98)\n");
    assert_eq!(ended.stderr, line);
}

#[test]
fn migrate_makes_the_database_and_leaves_the_key_ring_to_the_first_server() {
    let site = Site::sqlite();
    for _ in 0..2 {
        let ended = run(site.command(&["migrate"]));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    }
    assert!(fs::exists(site.data_dir().join("gatehouse.db")).unwrap());
    assert!(!fs::exists(site.data_dir().join("keyring")).unwrap());
    site.serve(&[]);
    assert!(fs::exists(site.data_dir().join("keyring")).unwrap());
}
