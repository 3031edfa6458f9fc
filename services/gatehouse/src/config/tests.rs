mod example;

use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    given: Given,
}

/// Loads settings from flags and the text of a file: the first thing that is wrong, if any.
pub(super) fn load(flags: &[&str], file: &str) -> Result<Settings, ConfigError> {
    let (settings, wrong) = read(flags, file);
    wrong.into_iter().next().map_or(Ok(settings), Err)
}

fn read(flags: &[&str], file: &str) -> (Settings, Vec<ConfigError>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gatehouse.toml");
    fs::write(&path, file).unwrap();
    let matches = Cli::command()
        .mut_args(|arg| arg.env(None::<&str>))
        .get_matches_from([&["gatehouse"], flags].concat());
    let cli = Cli::from_arg_matches(&matches).unwrap();
    Settings::read(&cli.given, &matches, Some(&path))
}

pub(super) fn refusal(flags: &[&str], file: &str) -> String {
    load(flags, file).unwrap_err().to_string()
}

#[test]
fn the_defaults_need_no_source() {
    let settings = load(&[], "").unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(settings.database, DatabaseLocation::Sqlite("gatehouse-data/gatehouse.db".into()));
    assert_eq!(settings.key_ring, Path::new("gatehouse-data/keyring"));
    assert!(settings.reflection);
}

#[test]
fn a_flag_wins_over_the_file() {
    let file = "data_dir = 'file'\nmax_in_flight = 7\nreflection = false";
    let settings = load(&["--data-dir", "flag"], file).unwrap();
    assert_eq!(settings.data_dir, Path::new("flag"));
    assert_eq!(settings.key_ring, Path::new("flag/keyring"));
    assert_eq!((settings.max_in_flight, settings.reflection), (7, false));
}

#[test]
fn reflection_is_off_where_others_can_ask() {
    assert!(!load(&["--listen", "0.0.0.0:1"], "").unwrap().reflection);
    assert!(load(&["--listen", "[::1]:1"], "").unwrap().reflection);
    assert!(load(&["--listen", "0.0.0.0:1", "--reflection", "true"], "").unwrap().reflection);
}

#[test]
fn audit_events_are_kept_for_ever_or_for_whole_days() {
    assert_eq!(load(&[], "").unwrap().audit_retention, None);
    let days = |days: u64| Some(Duration::from_hours(24 * days));
    assert_eq!(load(&[], "audit_retention_days = 1").unwrap().audit_retention, days(1));
    let flag = "--audit-retention-days=36500";
    assert_eq!(load(&[flag], "").unwrap().audit_retention, days(36_500));
    for wrong in ["0", "36501", "0.5", "-1", "1d"] {
        let refusal = refusal(&[&format!("--audit-retention-days={wrong}")], "");
        let why =
            "audit_retention_days (from --audit-retention-days): must be a number from 1 to 36500";
        assert_eq!(refusal, why);
    }
}

#[test]
fn every_audit_event_has_a_key_but_up_to_the_number_that_is_said() {
    assert_eq!(load(&[], "").unwrap().audit_unkeyed_until, 0);
    assert_eq!(load(&[], "audit_unkeyed_until = 48211").unwrap().audit_unkeyed_until, 48_211);
    for wrong in ["-1", "0.5", "9223372036854775808", "all"] {
        let refusal = refusal(&[&format!("--audit-unkeyed-until={wrong}")], "");
        let why = "audit_unkeyed_until (from --audit-unkeyed-until): must be a number from 0 to \
                   9223372036854775807";
        assert_eq!(refusal, why);
    }
}

#[test]
fn envoy_is_answered_where_that_is_asked_for() {
    assert!(!load(&[], "").unwrap().envoy_authorization);
    assert!(load(&[], "envoy_authorization = true").unwrap().envoy_authorization);
    let flag = ["--envoy-authorization", "false"];
    assert!(!load(&flag, "envoy_authorization = true").unwrap().envoy_authorization);
}

#[test]
fn tls_has_a_certificate_and_a_key_and_may_have_cas_of_clients() {
    assert!(load(&[], "").unwrap().tls.is_none());
    let file = "tls_certificate = 'c'\ntls_key = 'k'";
    let tls = load(&[], file).unwrap().tls.unwrap();
    assert_eq!((tls.certificate, tls.key), ("c".into(), "k".into()));
    assert!(tls.client_ca.is_none());
    let tls = load(&["--tls-client-ca", "ca", "--tls-key", "flag"], file).unwrap().tls.unwrap();
    assert_eq!((tls.key, tls.client_ca), ("flag".into(), Some("ca".into())));
}

#[test]
fn a_part_of_tls_alone_is_refused_by_the_names_of_what_is_there_and_what_is_not() {
    for (flags, given, missing) in [
        (&["--tls-certificate=c"][..], "tls_certificate", "tls_key"),
        (&["--tls-key=k"], "tls_key", "tls_certificate"),
        (&["--tls-client-ca=ca"], "tls_client_ca", "tls_certificate"),
        (&["--tls-client-ca=ca", "--tls-key=k"], "tls_key", "tls_certificate"),
    ] {
        let expected = format!("{given} is given without {missing}, which belongs to it");
        assert_eq!(refusal(flags, ""), expected);
    }
}

#[test]
fn others_are_served_by_tls_or_in_plaintext_that_is_asked_for_by_name() {
    let tls = "tls_certificate = 'c'\ntls_key = 'k'";
    for local in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        load(&["--listen", local], "").unwrap().require_private_transport().unwrap();
    }
    for public in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1"]
    {
        let checked = |file| load(&["--listen", public], file).unwrap().require_private_transport();
        checked(tls).unwrap();
        checked("allow_plaintext = true").unwrap();
        let refusal = checked("allow_plaintext = false").unwrap_err().to_string();
        assert_eq!(
            refusal,
            format!(
                "listen: {public} can be reached from other machines, and there is no TLS: give \
                 tls_certificate and tls_key, or set allow_plaintext to true where a proxy on a \
                 private network does TLS"
            )
        );
    }
}

#[test]
fn an_unknown_key_in_the_file_is_refused_by_name() {
    let refusal = refusal(&[], "listen = '[::]:1'\nlissten = 'x'");
    assert!(refusal.contains("gatehouse.toml, line 2: unknown field `lissten`"), "{refusal}");
}

#[test]
fn a_bad_value_is_refused_with_its_setting_and_its_origin() {
    for (setting, value) in [
        ("listen", "localhost"),
        ("tls_certificate", ""),
        ("tls_key", ""),
        ("tls_client_ca", ""),
        ("allow_plaintext", "perhaps"),
        ("data_dir", ""),
        ("database_url", "mysql://u:hunter2@h/d"),
        ("database_url_file", ""),
        ("database_connections", "1"),
        ("key_ring", ""),
        ("log", "gatehouse=loud"),
        ("log_format", "xml"),
        ("reflection", "yes"),
        ("envoy_authorization", "on"),
        ("hash_threads", "0"),
        ("hash_memory_kib", "19455"),
        ("hash_passes", "11"),
        ("max_in_flight", "-1"),
        ("audit_retention_days", "0"),
        ("audit_unkeyed_until", "-1"),
        ("traces_endpoint", "localhost:4317"),
        ("traces_endpoint", "https://ana:hunter2@collector"),
        ("traces_ca", ""),
        ("traces_sampler", "jaeger_remote"),
        ("traces_sampler_arg", "1.1"),
    ] {
        let flag = format!("--{}", setting.replace('_', "-"));
        let by_flag = refusal(&[&format!("{flag}={value}")], "");
        assert!(by_flag.starts_with(&format!("{setting} (from {flag}): ")), "{by_flag}");
        let by_file = refusal(&[], &format!("{setting} = '{value}'"));
        assert!(by_file.starts_with(&format!("{setting} (from /")), "{by_file}");
        assert!(!by_file.contains("hunter2"));
    }
}

#[test]
fn calls_are_traced_only_where_a_collector_is_named() {
    assert!(load(&["--traces-sampler", "always_on"], "").unwrap().traces.is_none());
    let traces = load(&[], "traces_endpoint = 'https://collector:4317'").unwrap().traces.unwrap();
    assert_eq!(traces.endpoint.host(), Some("collector"));
    assert_eq!(traces.sampling, Sampling { of_parent: true, share: 1.0 });
}

#[test]
fn a_sampler_is_one_of_the_standard_ones() {
    for (sampler, of_parent, share) in [
        ("always_on", false, 1.0),
        ("always_off", false, 0.0),
        ("traceidratio", false, 0.25),
        ("parentbased_always_on", true, 1.0),
        ("parentbased_always_off", true, 0.0),
        ("parentbased_traceidratio", true, 0.25),
    ] {
        let file = "traces_endpoint = 'http://collector:4317'\ntraces_sampler_arg = '0.25'";
        let traces = load(&["--traces-sampler", sampler], file).unwrap().traces.unwrap();
        assert_eq!(traces.sampling, Sampling { of_parent, share }, "{sampler}");
    }
}

#[test]
fn all_that_is_wrong_is_told_and_what_is_wrong_is_not_missing() {
    let flags = ["--tls-key=", "--log-format=xml", "--tls-certificate=c"];
    let (settings, wrong) = read(&flags, "max_in_flight = 0\nhash_passes = 1");
    let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    let named: Vec<_> = wrong.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(named, ["tls_key", "log_format", "hash_passes", "max_in_flight"], "{wrong:?}");
    assert_eq!((settings.log.format, settings.max_in_flight), (LogFormat::Text, 1_024));
}

#[test]
fn no_refusal_quotes_the_file() {
    for file in ["database_url = 'postgres://u:hunter2@h/d' x", "database_url = ['hunter2']"] {
        let refusal = refusal(&[], file);
        assert!(refusal.contains("line 1") && !refusal.contains("hunter2"), "{refusal}");
    }
}

#[test]
fn every_setting_has_a_flag_and_a_variable_of_its_name() {
    for arg in Cli::command().get_arguments().filter(|arg| arg.get_id() != "help") {
        let name = arg.get_id().as_str();
        assert_eq!(arg.get_long(), Some(&*name.replace('_', "-")));
        assert_eq!(arg.get_env().unwrap(), &*format!("GATEHOUSE_{}", name.to_uppercase()));
        assert!(arg.get_help().is_some() && arg.is_hide_env_values_set());
    }
}
