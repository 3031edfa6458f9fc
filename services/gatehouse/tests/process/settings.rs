//! Where settings come from, and what is said of bad ones.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use gatehouse_test_tls::Authority;
use tempfile::TempDir;

use crate::support::{Site, gatehouse, run};

/// `gatehouse migrate` in `folder`, with the settings file `text`.
fn migrate(folder: &TempDir, text: &str) -> Command {
    let mut command = gatehouse();
    command.current_dir(folder).arg("migrate").arg("--config").arg(file(folder, text));
    command
}

fn file(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("gatehouse.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The line on standard error of a command that does not take its settings.
fn refusal(command: Command) -> String {
    let ended = run(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    ended.stderr
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "data_dir = 'file'";
    for (flag, variable, winner) in [
        (Some("flag"), Some("variable"), "flag"),
        (Some("flag"), None, "flag"),
        (None, Some("variable"), "variable"),
        (None, None, "file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = migrate(&folder, file);
        command.args(flag.map(|path| format!("--data-dir={path}")));
        command.envs(variable.map(|path| ("GATEHOUSE_DATA_DIR", path)));
        assert_eq!(run(command).code, Some(0));
        for source in ["flag", "variable", "file"] {
            let made = folder.path().join(source).is_dir();
            assert_eq!(made, source == winner, "{source} of {flag:?}, {variable:?}");
        }
    }
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = gatehouse();
    command.current_dir(&folder).arg("migrate");
    command.env("GATEHOUSE_CONFIG", file(&folder, "data_dir = 'file'"));
    assert_eq!(run(command).code, Some(0));
    assert!(folder.path().join("file").is_dir());
}

#[test]
fn a_bad_value_is_named_by_its_setting_and_its_source_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "mysql://ana:hunter2@db/gatehouse";

    let mut by_flag = migrate(&folder, "");
    by_flag.args(["--database-url", bad]);
    let mut by_variable = migrate(&folder, "");
    by_variable.env("GATEHOUSE_DATABASE_URL", bad);
    let by_file = migrate(&folder, "");
    file(&folder, &format!("database_url = '{bad}'"));

    let path = folder.path().join("gatehouse.toml").display().to_string();
    for (command, source) in [
        (by_file, path.as_str()),
        (by_variable, "GATEHOUSE_DATABASE_URL"),
        (by_flag, "--database-url"),
    ] {
        let line = refusal(command);
        let start = format!("gatehouse: database_url (from {source}): ");
        assert!(line.starts_with(&start), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[test]
fn the_url_of_the_database_may_be_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "sqlite:from-a-file.db\n").unwrap();
    let mut command = migrate(&folder, "");
    command.env("GATEHOUSE_DATABASE_URL_FILE", &secret);
    assert_eq!(run(command).code, Some(0));
    assert!(folder.path().join("from-a-file.db").is_file());

    let mut twice = migrate(&folder, "");
    twice.env("GATEHOUSE_DATABASE_URL_FILE", &secret);
    twice.env("GATEHOUSE_DATABASE_URL", "postgres://ana:hunter2@db/gatehouse");
    let line = refusal(twice);
    assert!(line.contains("(from GATEHOUSE_DATABASE_URL_FILE): database_url "), "{line}");
    assert!(line.contains("(from GATEHOUSE_DATABASE_URL) "), "{line}");
    assert!(!line.contains("hunter2"), "{line}");

    let absent = folder.path().join("absent");
    let mut unreadable = migrate(&folder, "");
    unreadable.env("GATEHOUSE_DATABASE_URL_FILE", &absent);
    let line = refusal(unreadable);
    let start = format!(
        "gatehouse: database_url_file (from GATEHOUSE_DATABASE_URL_FILE): {}: No such file",
        absent.display()
    );
    assert!(line.starts_with(&start), "{line}");
}

#[test]
fn a_key_of_the_file_that_is_no_setting_is_refused_by_its_name_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(migrate(&folder, "data_dir = 'file'\nlisten_on = 'everything'\n"));
    assert!(line.contains("gatehouse.toml, line 2: "), "{line}");
    assert!(line.contains("`listen_on`"), "{line}");
    assert!(!folder.path().join("file").exists());
}

#[test]
fn a_file_that_is_not_there_is_refused_by_its_path() {
    let mut command = gatehouse();
    command.args(["migrate", "--config", "/no/such/gatehouse.toml"]);
    assert!(refusal(command).contains("/no/such/gatehouse.toml"));
}

#[test]
fn a_variable_that_is_no_setting_is_refused_by_its_name() {
    for name in ["GATEHOUSE_DATABSE_URL", "GATEHOUSE_PORTS", "GATEHOUSE_SERVICE_PORTS"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = migrate(&folder, "");
        command.env(name, "postgres://ana:hunter2@db/gatehouse");
        let line = refusal(command);
        assert!(line.contains(name) && !line.contains("hunter2"), "{line}");
        assert!(!folder.path().join("gatehouse-data").exists());
    }
}

#[test]
fn the_variables_that_kubernetes_adds_for_a_service_are_no_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = migrate(&folder, "");
    command.envs([
        ("GATEHOUSE_SERVICE_HOST", "10.0.0.1"),
        ("GATEHOUSE_SERVICE_PORT", "50051"),
        ("GATEHOUSE_SERVICE_PORT_GRPC", "50051"),
        ("GATEHOUSE_PORT", "tcp://10.0.0.1:50051"),
        ("GATEHOUSE_PORT_50051_TCP", "tcp://10.0.0.1:50051"),
        ("GATEHOUSE_PORT_50051_TCP_ADDR", "10.0.0.1"),
    ]);
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_database_that_cannot_be_reached_says_why_and_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = |rest: &str| format!("database_url = 'postgres://gatehouse:hun%23ter2@{rest}'");
    let line = refusal(migrate(&folder, &url("127.0.0.1:port/db")));
    assert!(line.contains("database_url") && !line.contains("ter2"), "{line}");

    // A port that is free a moment after it was taken.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = run(migrate(&folder, &url(&format!("127.0.0.1:{port}/db"))));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(ended.stderr.matches("Connection refused").count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("ter2"), "{}", ended.stderr);
}

#[test]
fn a_standard_variable_of_traces_that_cannot_be_used_is_refused_by_its_name() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
    for (variable, value, setting) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "traces_endpoint"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://ana:hunter2@collector", "traces_endpoint"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "traces_endpoint"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "traces_endpoint"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "traces_endpoint"),
        ("OTEL_TRACES_SAMPLER", "hunter2", "traces_sampler"),
        ("OTEL_TRACES_SAMPLER_ARG", "hunter2", "traces_sampler_arg"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = migrate(&folder, "");
        command.envs([endpoint]).env(variable, value);
        let line = refusal(command);
        let start = format!("gatehouse: {setting} (from {variable}): must be ");
        assert!(line.starts_with(&start) && !line.contains("hunter2"), "{line}");
    }
}

#[test]
fn standard_variables_that_name_no_collector_or_are_overruled_are_no_obstacle() {
    for variables in [
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_TRACES_SAMPLER", "")][..],
        &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")],
        &[("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_TRACES_SAMPLER_ARG", "x")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "no"), ("OTEL_SDK_DISABLED", "true")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "no"), ("OTEL_TRACES_EXPORTER", "none")],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "no"),
            ("GATEHOUSE_TRACES_ENDPOINT", "http://localhost:4317"),
        ],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = migrate(&folder, "data_dir = 'file'");
        command.envs(variables.iter().copied());
        let ended = run(command);
        assert_eq!(ended.code, Some(0), "{variables:?}: {}", ended.stderr);
    }
}

#[test]
fn what_traces_cannot_be_sent_by_is_told_at_the_start() {
    let site = Site::sqlite();
    let ca = site.folder().join("ca.pem");
    let refused = |why: &str| {
        let mut command = site.command(&["serve", "--traces-endpoint", "https://localhost:4317"]);
        command.arg("--traces-ca").arg(&ca);
        let ended = run(command);
        let last = ended.stderr.lines().last().unwrap();
        assert_eq!(ended.code, Some(1), "{last}");
        assert!(last.starts_with("gatehouse: ") && last.contains(why), "{last}");
    };
    let path = ca.display();
    refused(&format!("traces_ca: {path}: "));
    fs::write(&ca, "no certificate").unwrap();
    refused(&format!("traces_ca: {path} holds no certificate in PEM form"));
    // A second one that is none is the exporter's to refuse.
    let good = Authority::new("CA").pem();
    fs::write(&ca, format!("{good}-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"))
        .unwrap();
    refused("traces: ");
}
