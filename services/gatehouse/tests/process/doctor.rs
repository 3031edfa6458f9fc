//! `gatehouse doctor`: each state that it tells of is brought about, and nothing is changed.

mod database;
mod files;
mod network;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Ended, Site, run};

/// A level, what was found, and the cure.
type Finding = (String, String, String);

/// All that was found, by the check.
#[derive(Debug)]
struct Visit {
    code: Option<i32>,
    findings: BTreeMap<String, Vec<Finding>>,
}

impl Visit {
    fn of(site: &Site, flags: &[&str]) -> Self {
        Self::by(site.command(&[&["doctor", "--json"], flags].concat()))
    }

    fn by(command: Command) -> Self {
        Self::read(&run(command))
    }

    fn read(ended: &Ended) -> Self {
        let mut findings = BTreeMap::<_, Vec<Finding>>::new();
        for line in ended.stdout.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let finding = (text("level"), text("found"), text("cure"));
            assert_eq!(finding.0 == "ok", finding.2.is_empty(), "each has a cure: {finding:?}");
            findings.entry(text("check")).or_default().push(finding);
        }
        let visit = Self { code: ended.code, findings };
        let all = visit.findings.values().flatten();
        let errors = all.filter(|(level, ..)| level == "error").count();
        let (code, line) = match errors {
            0 => (0, String::new()),
            errors => (1, format!("gatehouse: errors: {errors}\n")),
        };
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), line.as_str()), "{visit:?}");
        visit
    }

    /// That a check found this, at this level.
    #[track_caller]
    fn tells(&self, check: &str, level: &str, text: &str) -> &Finding {
        let found = self.findings.get(check).into_iter().flatten();
        let mut found = found.filter(|(one, found, _)| one == level && found.contains(text));
        found.next().unwrap_or_else(|| panic!("no {level} of {check} with {text:?}: {self:#?}"))
    }

    #[track_caller]
    fn is_fine(&self, check: &str) {
        self.tells(check, "ok", "");
        assert_eq!(self.findings[check].len(), 1, "{self:#?}");
    }
}

/// Names and contents of all that is in a folder, but for what SQLite keeps of who reads, and a
/// log without a change: whoever opens a database makes one where there is none.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .filter(|(name, content)| match name.as_str() {
            "gatehouse.db-shm" => false,
            "gatehouse.db-wal" => !content.is_empty(),
            _ => true,
        })
        .collect()
}

#[test]
fn nothing_is_made_and_nothing_is_changed() {
    let site = Site::sqlite();
    let visit = Visit::of(&site, &[]);
    assert_eq!(visit.code, Some(0));
    visit.tells("data folder", "warning", "is not there: the first start makes it");
    visit.tells("database", "warning", "is not there: the first start makes it");
    visit.tells("key ring", "warning", "is not there: the first start makes it");
    assert!(!site.data_dir().exists());

    site.owner_key();
    let before = content(&site.data_dir());
    let visit = Visit::of(&site, &[]);
    let checks = ["settings", "data folder", "disk", "database", "schema", "clock", "key ring"];
    for check in checks.into_iter().chain(["owner key", "addresses", "tls", "listen"]) {
        visit.is_fine(check);
    }
    let after = content(&site.data_dir());
    // Not the contents: they would print the database.
    let changed: Vec<_> =
        before.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert!(after == before, "it has changed {changed:?} of {:?}", after.keys());
}

#[test]
fn people_read_a_line_for_each_check() {
    let site = Site::sqlite();
    site.owner_key();
    let ended = run(site.command(&["doctor", "--listen", "0.0.0.0:0"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), "gatehouse: errors: 1\n"));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines.contains(&"ok       settings     each can be used, and they go together"));
    let tls = "error    tls          listen: 0.0.0.0:0 can be reached from other machines, and \
               there is no TLS: a server does not start. Cure: give tls_certificate and tls_key, or \
               allow_plaintext behind a proxy on a private network";
    assert!(lines.contains(&tls), "{}", ended.stdout);
    assert!(lines.len() >= 12 && lines.iter().all(|line| line.len() > 22), "{}", ended.stdout);
}

#[test]
fn all_that_is_wrong_with_the_settings_is_told_at_once() {
    let site = Site::sqlite();
    let file = site.folder().join("gatehouse.toml");
    fs::write(&file, "hash_threads = 0\ndatabase_url = 'mysql://ana:hunter2@db/x'").unwrap();
    let flags = ["--config", file.to_str().unwrap(), "--tls-key", "k", "--log-format", "xml"];
    let mut command = site.command(&[&["doctor", "--json"], &flags[..]].concat());
    command.env("GATEHOUSE_DATABSE_URL", "x").env("GATEHOUSE_MAX_IN_FLIGHT", "0");
    let ended = run(command);
    assert!(!ended.stdout.contains("hunter2"), "{}", ended.stdout);
    let visit = Visit::read(&ended);
    for text in [
        "hash_threads (from /",
        "database_url (from /",
        "tls_key is given without tls_certificate",
        "log_format (from --log-format)",
        "GATEHOUSE_DATABSE_URL: this environment variable is not a setting",
        "max_in_flight (from GATEHOUSE_MAX_IN_FLIGHT)",
    ] {
        visit.tells("settings", "error", text);
    }
    visit.tells("settings", "warning", "nothing else was looked at");
    assert_eq!(visit.findings.len(), 1, "{visit:#?}");

    fs::write(&file, "lissten = 1").unwrap();
    let unknown = Visit::of(&site, &flags[..2]);
    unknown.tells("settings", "error", "line 1: unknown field `lissten`");
    let metrics = Visit::of(&site, &["--metrics-listen", "0.0.0.0:0"]);
    metrics.tells("settings", "warning", "other machines can read metrics at 0.0.0.0:0");
}

#[test]
fn files_have_to_be_enough_for_every_connection() {
    let site = Site::sqlite();
    let with = |limit: &str| {
        let doctor = site.command(&["doctor", "--json"]);
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={limit}")).arg(doctor.get_program()).args(doctor.get_args());
        command.current_dir(site.folder());
        for (name, value) in doctor.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Visit::by(command)
    };
    with("64").tells("open files", "error", "64 may be open at once, and a server may need 997");
    with("996").tells("open files", "warning", "996 may be open at once");
    with("997").is_fine("open files");
}

#[test]
fn hashes_that_do_not_fit_into_memory_are_told_of() {
    let site = Site::sqlite();
    let visit = Visit::of(&site, &["--hash-threads", "1024", "--hash-memory-kib", "131072"]);
    visit.tells("memory", "error", "1024 password hashes at once take 131072 MiB");
    Visit::of(&site, &["--hash-threads", "1"]).is_fine("memory");
}
