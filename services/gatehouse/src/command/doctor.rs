//! `gatehouse doctor`: what is wrong with the settings of a server and with all that they
//! name, each with its cure. Nothing is changed.

mod database;
mod files;
mod keys;
mod memory;
mod open_files;
mod ports;
mod shared_addresses;
mod tls;

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};

use clap::Args;
use gatehouse_domain::text::is_deceptive;
use gatehouse_persistence::DatabaseLocation;
use serde::Serialize;

use super::line_of;
use super::server_url::TlsOptions;
use crate::clock::Clock;
use crate::config::{ConfigError, Settings, is_of_this_machine};

/// What the command is told.
#[derive(Args, Clone)]
pub(super) struct Doctor {
    #[command(flatten)]
    tls: TlsOptions,

    /// Print JSON, an object on each line
    #[arg(long)]
    json: bool,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// A server serves, and somebody is to look at it.
    Warning,
    /// A server does not start, does not serve well, or is not safe.
    Error,
}

/// What a check has found.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    found: String,
    /// None where nothing is wrong.
    cure: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), cure: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, found: found.into(), cure: Some(cure.into()) }
    }

    fn error(check: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { level: Level::Error, ..Self::warning(check, found, cure) }
    }
}

/// There is something that is to be mended before a server serves well.
#[derive(Debug, thiserror::Error)]
#[error("errors: {0}")]
struct Ill(usize);

/// Prints what is found. `wrong` is what is wrong with the settings by themselves.
///
/// # Errors
/// That there is an error among it.
pub(super) async fn run(
    settings: &Settings,
    wrong: &[ConfigError],
    doctor: &Doctor,
) -> Result<(), Box<dyn Error>> {
    let findings = examine(settings, wrong, &doctor.tls).await;
    print(&mut io::stdout().lock(), &findings, doctor.json)?;
    match findings.iter().filter(|finding| finding.level == Level::Error).count() {
        0 => Ok(()),
        errors => Err(Ill(errors).into()),
    }
}

/// All checks, in the order in which their causes lead to each other.
async fn examine(settings: &Settings, wrong: &[ConfigError], tls: &TlsOptions) -> Vec<Finding> {
    let mut findings = of_settings(settings, wrong);
    if !wrong.is_empty() {
        // By other settings than those that are meant, all else would be about something else.
        findings.push(Finding::warning(
            "settings",
            "nothing else was looked at",
            "mend the settings, and run this again",
        ));
        return findings;
    }
    findings.push(files::data_folder(settings));
    if let DatabaseLocation::Sqlite(path) = &settings.database {
        findings.extend(files::database(path));
        findings.push(files::room(path));
    }
    let clock = Clock::system();
    let database = database::examine(settings, &clock).await;
    findings.extend(database.findings);
    findings.extend(keys::examine(settings, database.store.as_ref(), clock.now()).await);
    if let Some(store) = &database.store {
        findings.push(database::owner(store, clock.now()).await);
        findings.extend(shared_addresses::examine(store, clock.now()).await);
    }
    findings.extend(tls::examine(settings, &clock).await);
    findings.extend(ports::examine(settings, tls).await);
    findings.push(memory::examine(settings));
    findings.push(open_files::examine(settings));
    findings
}

fn of_settings(settings: &Settings, wrong: &[ConfigError]) -> Vec<Finding> {
    if wrong.is_empty() {
        let metrics = settings.metrics_listen.filter(|address| !is_of_this_machine(*address));
        return vec![match metrics {
            Some(address) => Finding::warning(
                "settings",
                format!("metrics_listen: other machines can read metrics at {address}, in clear"),
                "see to it that only the monitoring reaches that port, or listen on loopback",
            ),
            None => Finding::ok("settings", "each can be used, and they go together"),
        }];
    }
    let wrong = wrong.iter().map(|error| {
        let cure = "mend it: README.md and `gatehouse --help` have every setting";
        Finding::error("settings", line_of(error), cure)
    });
    wrong.collect()
}

/// What cannot be found out, as `error` is in the way.
fn unknown(check: &'static str, error: &dyn Error) -> Finding {
    Finding::error(
        check,
        format!("it cannot be found out: {}", line_of(error)),
        "look at what is in the way, and run this again",
    )
}

fn print(out: &mut impl Write, findings: &[Finding], json: bool) -> io::Result<()> {
    for finding in findings {
        if json {
            writeln!(out, "{}", serde_json::to_string(finding)?)?;
            continue;
        }
        let Finding { check, level, found, cure } = finding;
        let level = match level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let mut line = format!("{level:7}  {check:11}  {found}");
        if let Some(cure) = cure {
            // A String takes all that is written to it.
            let _ = write!(line, ". Cure: {cure}");
        }
        writeln!(out, "{}", line.replace(is_deceptive, " "))?;
    }
    Ok(())
}
