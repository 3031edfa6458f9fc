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

/// A setting of each kind, by its flag.
const ADDRESS: &str = "--listen";
const STORAGE: &str = "--data-dir";
const SERVING: &str = "--hash-passes";
const LOG: &str = "--log-format";

/// Commands, and which settings they go by.
const USED: [(&[&str], &[&str]); 12] = [
    (&[], &[ADDRESS, STORAGE, SERVING, LOG]),
    (&["serve"], &[ADDRESS, STORAGE, SERVING, LOG]),
    (&["doctor"], &[ADDRESS, STORAGE, SERVING, LOG]),
    (&["create-owner-key"], &[STORAGE, LOG]),
    (&["migrate"], &[STORAGE, LOG]),
    (&["keys", "list"], &[STORAGE, LOG]),
    (&["backup", "copy.db"], &[STORAGE, LOG]),
    (&["restore-epoch"], &[STORAGE, LOG]),
    (&["audit", "head"], &[STORAGE, LOG]),
    (&["healthcheck"], &[ADDRESS, LOG]),
    (&["admin", "customers", "list", "acme"], &[ADDRESS, LOG]),
    (&["completions", "bash"], &[]),
];

/// With a value that a setting of its kind may have.
fn set(flag: &str) -> [&str; 2] {
    let value = match flag {
        ADDRESS => "127.0.0.1:1",
        STORAGE => "elsewhere",
        SERVING => "3",
        _ => "json",
    };
    [flag, value]
}

#[test]
fn help_of_a_command_has_the_settings_that_it_goes_by_and_no_others() {
    for (command, used) in USED {
        let help = ran(&[command, &["--help"]].concat());
        assert_eq!(help.code, Some(0), "{command:?}: {}", help.stderr);
        for flag in [ADDRESS, STORAGE, SERVING, LOG] {
            let shown = help.stdout.contains(&format!("{flag} <"));
            assert_eq!(shown, used.contains(&flag), "{command:?} {flag}:\n{}", help.stdout);
        }
        assert!(help.stdout.contains("--config <PATH>"), "{command:?}");
    }
}

#[test]
fn a_setting_that_a_command_does_not_go_by_is_refused_before_and_after_the_command() {
    let folder = tempfile::tempdir().unwrap();
    for (command, used) in USED {
        for flag in [ADDRESS, STORAGE, SERVING, LOG].iter().filter(|flag| !used.contains(flag)) {
            for arguments in [[&set(flag), command].concat(), [command, &set(flag)].concat()] {
                let mut typed = gatehouse();
                typed.args(&arguments).current_dir(&folder);
                let ended = run(typed);
                assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
                let name = command[0];
                let line = format!(
                    "gatehouse: {flag}: `gatehouse {name}` does not go by it; `gatehouse {name} \
                     --help` has what it goes by\n"
                );
                assert_eq!(ended.stderr, line, "{arguments:?}");
            }
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "nothing was made");
}

#[test]
fn settings_of_the_environment_and_of_the_file_are_the_servers_and_refused_by_no_command() {
    let site = Site::sqlite();
    site.serve(&[]);
    let file = site.folder().join("gatehouse.toml");
    fs::write(&file, "hash_passes = 3\nlisten = '127.0.0.1:1'\n").unwrap();
    let mut command = site.command(&["create-owner-key", "--config", file.to_str().unwrap()]);
    command.env("GATEHOUSE_MAX_IN_FLIGHT", "7");
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_variable_of_a_flag_that_cannot_be_used_is_refused_by_its_name() {
    for (variable, value) in [
        ("GATEHOUSE_ADMIN_CA_FILE", ""),
        ("GATEHOUSE_ADMIN_KEY_FILE", ""),
        ("GATEHOUSE_ADMIN_SERVER", "gatehouse.example.com"),
        ("GATEHOUSE_ADMIN_SERVER_NAME", ""),
        ("GATEHOUSE_ADMIN_KEY_IN_CLEAR", "perhaps"),
        ("GATEHOUSE_CONFIG", ""),
    ] {
        let flag = variable.replace("GATEHOUSE_ADMIN_", "--").replace("GATEHOUSE_", "--");
        let flag = flag.replace('_', "-").to_lowercase();
        let mut command = gatehouse();
        command.args(["admin", "portals", "list"]).env(variable, value);
        let ended = run(command);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{variable}");
        assert!(ended.stderr.contains(&format!("'{variable}'")), "{}", ended.stderr);
        assert!(!ended.stderr.contains(&flag), "{}", ended.stderr);
    }
    // What was typed is named as it was typed.
    let mut command = gatehouse();
    command.args(["admin", "--ca-file=", "portals", "list"]).env("GATEHOUSE_ADMIN_CA_FILE", "x");
    let ended = run(command);
    assert!(ended.stderr.contains("'--ca-file <PATH>'"), "{}", ended.stderr);
}

#[test]
fn completions_have_the_settings_that_a_command_goes_by_and_no_others() {
    // More than a pipe holds that nobody reads yet.
    let ended = gatehouse().args(["completions", "fish"]).output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty());
    let script = String::from_utf8(ended.stdout).unwrap();
    // fish's have a line for each flag of each command, which names the command.
    let lines = |command: &str, flag: &str| {
        let is_of = |line: &&str| {
            line.contains(&format!("__fish_gatehouse_using_subcommand {command}"))
                && line.contains(&format!(" -l {} ", flag.trim_start_matches('-')))
        };
        script.lines().filter(is_of).count()
    };
    for (command, used) in USED {
        let Some(name) = command.first() else { continue };
        for flag in [ADDRESS, STORAGE, SERVING, LOG] {
            let shown = lines(name, flag) > 0;
            assert_eq!(shown, used.contains(&flag), "{command:?} {flag}");
        }
    }
    let needs_command = |flag: &str| format!("\"__fish_gatehouse_needs_command\" -l {flag} ");
    assert!(script.contains(&needs_command("data-dir")), "before the command, too");
}
