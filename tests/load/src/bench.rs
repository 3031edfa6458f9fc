//! Each thing beside its limit: in turns, in short rounds, so that whatever else happens on
//! the machine happens to both.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::database::Kind;
use crate::drive::{Load, Pace, Scenario, drive};
use crate::limit::{Limit, Order, disk, echo};
use crate::measure::{Measured, median, ratio};
use crate::options::Bench;
use crate::process;
use crate::report::{Comparison, DatabaseReport, Figures, Report};
use crate::scenario::validate::Validate;
use crate::stage::Stage;

/// Sessions that are checked over and over. Of each the first check in a minute is written.
const SESSIONS: u64 = 1_000;
/// At so many callers sign-ins are compared.
const SIGN_IN_CALLERS: [usize; 2] = [16, 64];
const VALIDATE_CALLERS: usize = 50;

/// Runs it, and reports.
pub async fn run(options: &Bench) -> Result<()> {
    let mut report = Report::new();
    for kind in &options.databases {
        report.databases.push(bench_on(*kind, options).await?);
    }
    report.write(&options.output)
}

async fn bench_on(kind: Kind, options: &Bench) -> Result<DatabaseReport> {
    let stage = Stage::set(kind, &options.counts, &options.program).await?;
    let bench = Rounds { stage: &stage, options };
    let mut report = DatabaseReport::of(&stage)?;
    report.sync_micros = disk::sync_time(&stage.database.place.folder)?.as_secs_f64() * 1e6;

    let sign_in = Arc::new(stage.sign_in(*SIGN_IN_CALLERS.iter().max().unwrap_or(&1))?);
    {
        let (mut hasher, _) = Limit::start(&["hasher"], "")?;
        for callers in SIGN_IN_CALLERS {
            let compared =
                bench.against("sign-in", &sign_in, callers, "the hasher alone", &mut hasher);
            report.add(compared.await?, options);
        }
    }
    report.add(bench.validate_against_echo().await?, options);
    report.memory_after = Some(process::memory(stage.server.pid())?);
    Ok(report)
}

struct Rounds<'a> {
    stage: &'a Stage,
    options: &'a Bench,
}

impl Rounds<'_> {
    fn load(&self, callers: usize) -> Load {
        let time = Duration::from_secs_f64(self.options.seconds);
        Load { callers, pace: Pace::Closed, time }
    }

    /// Beside a limit in a process of its own, with as many callers.
    async fn against(
        &self,
        what: &str,
        scenario: &Arc<impl Scenario>,
        callers: usize,
        limit_name: &str,
        limit: &mut Limit,
    ) -> Result<Comparison> {
        let load = self.load(callers);
        let mut pair = Pair::default();
        for _ in 0..self.options.rounds {
            pair.subject.add(self.stage.drive(scenario, &load).await?)?;
            pair.limit.add(limit.run(Order { callers, time: load.time })?)?;
        }
        pair.compare(self.stage.database.kind, what, callers, limit_name)
    }

    /// Session checks beside the empty service, both by the same client.
    async fn validate_against_echo(&self) -> Result<Comparison> {
        let load = self.load(VALIDATE_CALLERS);
        let validate = Arc::new(self.stage.validate(load.callers, SESSIONS, false)?);
        let (echo, address) = echo::start(&self.stage.example().await?)?;
        let population = self.stage.population;
        let key = population.portal_key(crate::population::Group::Members);
        let clients = crate::client::portals(address, &key, load.callers)?;
        let members = self.stage.counts.members;
        let empty = Arc::new(Validate::new(clients, population, members, 1, false));
        let cpu = || process::cpu(echo.pid());
        let mut pair = Pair::default();
        for _ in 0..self.options.rounds {
            pair.subject.add(self.stage.drive(&validate, &load).await?)?;
            pair.limit.add(drive(&empty, &load, &[(crate::limit::OWN_CPU, &cpu)]).await?)?;
        }
        pair.compare(self.stage.database.kind, "ValidateSession", load.callers, "the empty echo")
    }
}

/// Rounds of one thing.
#[derive(Default)]
struct Series {
    per_second: Vec<f64>,
    all: Measured,
}

impl Series {
    fn add(&mut self, round: Measured) -> Result<()> {
        self.per_second.push(round.per_second());
        self.all.add_round(&round)
    }
}

/// Rounds of a thing and of its limit.
#[derive(Default)]
struct Pair {
    subject: Series,
    limit: Series,
}

impl Pair {
    fn compare(
        &self,
        database: Kind,
        what: &str,
        callers: usize,
        limit_name: &str,
    ) -> Result<Comparison> {
        let rounds = self.subject.per_second.iter().zip(&self.limit.per_second);
        let ratios: Vec<_> = rounds.map(|(subject, limit)| ratio(*subject, *limit)).collect();
        Ok(Comparison {
            database,
            what: what.to_owned(),
            callers,
            limit_name: limit_name.to_owned(),
            ratio: median(&ratios),
            lowest: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            highest: ratios.iter().copied().fold(0.0, f64::max),
            subject: Figures::of(&self.subject.all, median(&self.subject.per_second))?,
            limit: Figures::of(&self.limit.all, median(&self.limit.per_second))?,
        })
    }
}
