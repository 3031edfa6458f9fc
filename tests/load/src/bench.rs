//! Each thing beside its limit: in turns, in short rounds, so that whatever else happens on
//! the machine happens to both.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::client;
use crate::commits;
use crate::database::Kind;
use crate::drive::{Load, Pace, Scenario, drive};
use crate::limit::{Limit, OWN_CPU, Order, disk, echo};
use crate::measure::{Measured, median, ratio, to_f64};
use crate::options::Bench;
use crate::population::Group;
use crate::process;
use crate::report::{Comparison, DatabaseReport, Figures, Point, Report, text};
use crate::scenario::validate::Validate;
use crate::stage::Stage;

/// Sessions that are checked over and over. Of each the first check in a minute is written.
pub const SESSIONS: u64 = 1_000;
/// At so many callers sign-ins are compared.
const SIGN_IN_CALLERS: [usize; 2] = [16, 64];
const VALIDATE_CALLERS: usize = 50;
const HASHER: &str = "the hasher alone";
/// At so many callers all that writes is compared.
const WRITERS: usize = 16;
const MIX_CALLERS: usize = 32;
/// The curves.
const CURVE: [usize; 5] = [1, 4, 16, 64, 256];
/// How much of the peak is asked for in an open loop, where queues are still short.
const OPEN_SHARE: f64 = 0.7;
/// Calls that can be under way in an open loop.
const OPEN_CALLERS: usize = 256;
/// Session checks a second that are nothing to a server.
const LOW_RATE: f64 = 200.0;
/// Callers who keep the hasher busy.
const SATURATING: usize = 64;
/// So many times the peak is asked for, by so many callers.
const OVERLOAD: f64 = 10.0;
const CROWD: usize = 2_000;

/// Runs it, and reports.
pub async fn run(options: &Bench) -> Result<()> {
    let mut report = Report::new();
    for kind in &options.databases {
        report.databases.push(bench_on(*kind, options).await?);
    }
    report.write(&options.output)
}

async fn bench_on(kind: Kind, options: &Bench) -> Result<DatabaseReport> {
    let stage =
        Stage::set(kind, options.counts.seed, options.counts.counts(), &options.program).await?;
    let bench = Rounds { stage: &stage, options };
    let mut report = DatabaseReport::of(&stage)?;
    report.sync_micros = disk::sync_time(&stage.database.place.folder)?.as_secs_f64() * 1e6;
    bench.say(&text::head(&report));
    if options.only.is_empty() {
        bench.count_commits(&mut report).await?;
    }
    bench.compare(&mut report).await?;
    if options.only.is_empty() {
        bench.draw_curves(&mut report).await?;
    }
    report.memory_after = Some(process::memory(stage.server.pid())?);
    bench.say(&text::foot(&report));
    Ok(report)
}

fn hasher() -> Result<Limit> {
    Ok(Limit::start(&["hasher"], "")?.0)
}

struct Rounds<'a> {
    stage: &'a Stage,
    options: &'a Bench,
}

impl Rounds<'_> {
    fn say(&self, line: &str) {
        self.options.output.say(line);
    }

    fn load(&self, callers: usize) -> Load {
        let time = Duration::from_secs_f64(self.options.seconds);
        Load { callers, pace: Pace::Closed, time }
    }

    async fn count_commits(&self, report: &mut DatabaseReport) -> Result<()> {
        let Self { stage, .. } = self;
        report.commits = vec![
            commits::count(stage, "sign-in", &stage.sign_in(1)?).await?,
            commits::count(stage, "ValidateSession", &stage.validate(1, SESSIONS, false)?).await?,
            commits::count(stage, "enrollment", &stage.enroll(1)?).await?,
            commits::count(stage, "My Account set-up", &stage.account(1)?).await?,
        ];
        self.say(&text::commits(report));
        Ok(())
    }

    /// Whether a comparison was asked for.
    fn wants(&self, what: &str) -> bool {
        let only = &self.options.only;
        only.is_empty() || only.iter().any(|word| what.contains(word.as_str()))
    }

    async fn compare(&self, report: &mut DatabaseReport) -> Result<()> {
        let Self { stage, options } = self;
        if self.wants("sign-in") {
            let most = SIGN_IN_CALLERS.iter().copied().max().unwrap_or(1);
            let sign_in = Arc::new(stage.sign_in(most)?);
            for callers in SIGN_IN_CALLERS {
                let compared =
                    self.against("sign-in", &sign_in, callers, HASHER, &mut hasher()?).await?;
                report.add(compared, options);
            }
        }
        if self.wants("enrollment") {
            let enroll = Arc::new(stage.enroll(WRITERS)?);
            let mut hasher = hasher()?;
            let compared = self.against("enrollment", &enroll, WRITERS, HASHER, &mut hasher);
            report.add(compared.await?, options);
        }
        if self.wants("ValidateSession") {
            report.add(self.validate_against_echo().await?, options);
            let validate = Arc::new(stage.validate(VALIDATE_CALLERS, SESSIONS, false)?);
            let mut select = stage.statement("select")?;
            let (what, limit) = ("ValidateSession", "the select alone");
            let compared = self.against(what, &validate, VALIDATE_CALLERS, limit, &mut select);
            report.add(compared.await?, options);
        }
        if self.wants("My Account set-up") {
            let account = Arc::new(stage.account(WRITERS)?);
            let mut update = stage.statement("update")?;
            let (what, limit) = ("My Account set-up", "the UPDATE alone");
            let compared = self.against(what, &account, WRITERS, limit, &mut update);
            report.add(compared.await?, options);
        }
        Ok(())
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
            pair.subject.add(&self.stage.drive(scenario, &load).await?)?;
            pair.limit.add(&limit.run(Order { callers, time: load.time })?)?;
        }
        pair.compare(self.stage.database.kind, what, callers, limit_name)
    }

    /// Session checks beside the empty service, both by the same client.
    async fn validate_against_echo(&self) -> Result<Comparison> {
        let load = self.load(VALIDATE_CALLERS);
        let validate = Arc::new(self.stage.validate(load.callers, SESSIONS, false)?);
        let (echo, address) = echo::start(&self.stage.example().await?)?;
        let population = self.stage.population;
        let clients =
            client::portals(address, &population.portal_key(Group::Members), load.callers)?;
        let members = self.stage.counts.members;
        let empty = Arc::new(Validate::new(clients, population, members, 1, false));
        let cpu = || process::cpu(echo.pid());
        let mut pair = Pair::default();
        for _ in 0..self.options.rounds {
            pair.subject.add(&self.stage.drive(&validate, &load).await?)?;
            pair.limit.add(&drive(&empty, &load, &[(OWN_CPU, &cpu)]).await?)?;
        }
        pair.compare(self.stage.database.kind, "ValidateSession", load.callers, "the empty echo")
    }

    /// Throughput and latency against callers; each thing in an open loop, too; and the mix.
    async fn draw_curves(&self, report: &mut DatabaseReport) -> Result<()> {
        let stage = self.stage;
        let most = CURVE.iter().copied().max().unwrap_or(1);
        let sign_in = Arc::new(stage.sign_in(most)?);
        let peak = self.curve(report, "sign-in", &sign_in).await?;
        let validate = Arc::new(stage.validate(most, SESSIONS, false)?);
        self.curve(report, "ValidateSession", &validate).await?;
        self.beside(report, &sign_in, &validate).await?;
        let mix = Arc::new(stage.mix(MIX_CALLERS)?);
        let measured = stage.drive(&mix, &self.load(MIX_CALLERS)).await?;
        self.point(report, "mix", Some(MIX_CALLERS), None, &measured)?;
        for (kind, count, latency) in measured.latency_by_kind() {
            let per_second = ratio(to_f64(count), measured.time.as_secs_f64());
            self.say(&text::part(kind, per_second, latency));
        }
        self.overload(report, peak).await
    }

    /// Session checks at a low rate, first alone, then while sign-ins take all there is.
    async fn beside(
        &self,
        report: &mut DatabaseReport,
        sign_in: &Arc<impl Scenario>,
        validate: &Arc<impl Scenario>,
    ) -> Result<()> {
        let load = Load { pace: Pace::Open(LOW_RATE), ..self.load(OPEN_CALLERS) };
        let checks = self.stage.drive(validate, &load).await?;
        self.point(report, "ValidateSession alone", None, Some(LOW_RATE), &checks)?;
        let sign_ins = self.load(SATURATING);
        let (checks, _) =
            tokio::try_join!(drive(validate, &load, &[]), drive(sign_in, &sign_ins, &[]))?;
        self.point(report, "ValidateSession beside 64 sign-ins", None, Some(LOW_RATE), &checks)
    }

    /// Many more sign-ins than can be served: how many still are, and what the server holds.
    async fn overload(&self, report: &mut DatabaseReport, peak: f64) -> Result<()> {
        let sign_in = Arc::new(self.stage.sign_in(CROWD)?);
        process::forget_peak(self.stage.server.pid())?;
        let rate = OVERLOAD * peak;
        let load = Load { pace: Pace::Open(rate), ..self.load(CROWD) };
        let measured = self.stage.drive(&sign_in, &load).await?;
        self.point(report, "sign-in past capacity", None, Some(rate), &measured)?;
        report.memory_crowded = Some(process::memory(self.stage.server.pid())?);
        Ok(())
    }

    fn point(
        &self,
        report: &mut DatabaseReport,
        what: &str,
        callers: Option<usize>,
        rate: Option<f64>,
        measured: &Measured,
    ) -> Result<()> {
        let point = Point::of(what, callers, rate, measured)?;
        self.say(&text::point(self.stage.database.kind, &point));
        report.points.push(point);
        Ok(())
    }

    /// Gives the most a second.
    async fn curve(
        &self,
        report: &mut DatabaseReport,
        what: &str,
        scenario: &Arc<impl Scenario>,
    ) -> Result<f64> {
        let time = Duration::from_secs_f64(self.options.curve_seconds);
        let mut peak: f64 = 0.0;
        for callers in CURVE {
            let load = Load { callers, pace: Pace::Closed, time };
            let measured = self.stage.drive(scenario, &load).await?;
            peak = peak.max(measured.per_second());
            self.point(report, what, Some(callers), None, &measured)?;
        }
        let rate = (peak * OPEN_SHARE).max(1.0);
        let load = Load { callers: OPEN_CALLERS, pace: Pace::Open(rate), time: 2 * time };
        let measured = self.stage.drive(scenario, &load).await?;
        self.point(report, what, None, Some(rate), &measured)?;
        Ok(peak)
    }
}

/// Rounds of one thing.
#[derive(Default)]
struct Series {
    per_second: Vec<f64>,
    all: Measured,
}

impl Series {
    fn add(&mut self, round: &Measured) -> Result<()> {
        self.per_second.push(round.per_second());
        self.all.add_round(round)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_rounds_with_the_farthest_beside_it() {
        let round = |calls: u32| {
            let mut measured = Measured::new();
            (0..calls).for_each(|_| measured.record("x", Duration::from_millis(1)));
            measured.time = Duration::from_secs(1);
            measured
        };
        let mut pair = Pair::default();
        for (subject, limit) in [(90, 100), (50, 100), (96, 100), (99, 90), (95, 100)] {
            pair.subject.add(&round(subject)).unwrap();
            pair.limit.add(&round(limit)).unwrap();
        }
        let compared = pair.compare(Kind::Sqlite, "sign-in", 16, "the hasher alone").unwrap();
        let line = text::comparison(&compared);
        let expected = "SQLite: sign-in 16 callers: 0.95 of the hasher alone \
                        (95.0 / 100.0 per s), rounds 0.50 to 1.10";
        assert!(line.starts_with(expected), "{line}");
    }
}
