//! What was found.

pub mod growth;
pub mod svg;
pub mod text;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::thread;

use anyhow::Result;
use serde::Serialize;

use crate::commits::Commits;
use crate::database::Kind;
use crate::measure::{Latency, Measured};
use crate::options::{Bench, Output};
use crate::process::{self, Memory};
use crate::stage::Stage;

/// Of a whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Cores that the server, its callers and its limits share.
    cores: usize,
    /// Each database in its turn.
    pub databases: Vec<DatabaseReport>,
}

/// Of one database.
#[derive(Debug, Serialize)]
pub struct DatabaseReport {
    /// Which.
    pub kind: Kind,
    /// Customers that were there.
    pub customers: u64,
    /// To make them.
    pub seed_seconds: f64,
    /// With them.
    pub database_bytes: u64,
    /// To a serving server, its process included, in milliseconds.
    pub start_millis: f64,
    /// Before the first call.
    pub memory_idle: Memory,
    /// While 2,000 callers asked for ten times what can be served.
    pub memory_crowded: Option<Memory>,
    /// After everything.
    pub memory_after: Option<Memory>,
    /// fdatasync of a small write to the disk of the database, in microseconds.
    pub sync_micros: f64,
    /// What each thing commits.
    pub commits: Vec<Commits>,
    /// Each thing beside its limit.
    pub comparisons: Vec<Comparison>,
    /// Each thing by itself, at different numbers of callers.
    pub points: Vec<Point>,
}

/// A thing by itself.
#[derive(Debug, Serialize)]
pub struct Point {
    /// The thing.
    pub what: String,
    /// Callers of a closed loop.
    pub callers: Option<usize>,
    /// Calls a second of an open one.
    pub rate: Option<f64>,
    /// What came of it.
    pub figures: Figures,
}

impl Point {
    /// Of one run.
    pub fn of(
        what: &str,
        callers: Option<usize>,
        rate: Option<f64>,
        measured: &Measured,
    ) -> Result<Self> {
        let figures = Figures::of(measured, measured.per_second())?;
        Ok(Self { what: what.to_owned(), callers, rate, figures })
    }
}

/// What of two things is compared.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// How many there are a second: more is better.
    Rate,
    /// What 99 in 100 take at most: less is better.
    P99,
}

/// A thing beside its limit.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// On which database.
    pub database: Kind,
    /// The thing.
    pub what: String,
    /// Callers of both.
    pub callers: usize,
    /// The limit.
    pub limit_name: String,
    /// What the ratio is one of.
    pub compared: Compared,
    /// That of the thing to that of the limit: the median of the rounds.
    pub ratio: f64,
    /// The lowest of a round.
    pub lowest: f64,
    /// The highest of a round.
    pub highest: f64,
    /// Of the thing.
    pub subject: Figures,
    /// Of the limit.
    pub limit: Figures,
}

/// How much, how fast, and for how much.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The median of the rounds.
    pub per_second: f64,
    /// Of all rounds, in milliseconds.
    pub latency: Latency,
    /// How many of all rounds went well and were counted.
    pub calls: u64,
    /// How many went well at all.
    pub done: u64,
    /// Of an open loop, how many were due and had not begun at the end.
    pub backlog: u64,
    /// How many did not, by reason.
    pub errors: BTreeMap<String, u64>,
    /// Processor time of each process for each call, in milliseconds.
    pub cpu_millis: BTreeMap<String, f64>,
}

impl Figures {
    /// Of all rounds together.
    pub fn of(all: &Measured, per_second: f64) -> Result<Self> {
        let cpu = all.cpu.keys();
        let cpu = cpu.filter_map(|name| Some((name.clone(), all.cpu_per_call(name)?))).collect();
        Ok(Self {
            per_second,
            latency: all.latency()?,
            calls: all.calls(),
            done: all.done,
            backlog: all.backlog,
            errors: all.errors.clone(),
            cpu_millis: cpu,
        })
    }
}

impl Report {
    /// Of this machine.
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { cores, databases: Vec::new() }
    }

    /// Puts it where it was asked for.
    pub fn write(&self, output: &Output) -> Result<()> {
        if let Some(path) = &output.svg {
            svg::callers(path, self)?;
        }
        output.json(self)
    }
}

impl Output {
    /// Says something to whoever watches.
    pub fn say(&self, line: &str) {
        if !self.json {
            let _ = writeln!(io::stdout(), "{line}");
        }
    }

    /// Prints what was found, where it was asked for so.
    pub fn json(&self, report: &impl Serialize) -> Result<()> {
        if self.json {
            writeln!(io::stdout(), "{}", serde_json::to_string_pretty(report)?)?;
        }
        Ok(())
    }
}

impl DatabaseReport {
    /// Before anything was measured.
    pub fn of(stage: &Stage) -> Result<Self> {
        Ok(Self {
            kind: stage.database.kind,
            customers: stage.counts.members,
            seed_seconds: stage.seed_time.as_secs_f64(),
            database_bytes: stage.database.bytes()?.saturating_sub(stage.empty_bytes),
            start_millis: stage.server.start_time.as_secs_f64() * 1e3,
            memory_idle: process::memory(stage.server.pid())?,
            memory_crowded: None,
            memory_after: None,
            sync_micros: 0.0,
            commits: Vec::new(),
            comparisons: Vec::new(),
            points: Vec::new(),
        })
    }

    /// Adds it, and says so to whoever waits.
    pub fn add(&mut self, comparison: Comparison, options: &Bench) {
        options.output.say(&text::comparison(&comparison));
        self.comparisons.push(comparison);
    }
}
