//! Each thing beside its limit: in turns, in short rounds, so that whatever else happens on
//! the machine happens to both.

mod pair;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::client;
use crate::commits;
use crate::database::Kind;
use crate::drive::{Load, Pace, Scenario, drive};
use crate::limit::{Limit, OWN_CPU, Order, collector, disk, echo};
use crate::measure::{Measured, ratio, to_f64};
use crate::options::Bench;
use crate::population::Group;
use crate::process;
use crate::report::{Compared, Comparison, DatabaseReport, Point, Report, text};
use crate::scenario::validate::Validate;
use crate::stage::{SERVER_CPU, Stage};

use pair::Pair;

/// Sessions that are checked over and over. Of each the first check in a minute is written.
pub const SESSIONS: u64 = 1_000;
/// At so many callers sign-ins are compared.
const SIGN_IN_CALLERS: [usize; 2] = [16, 64];
const VALIDATE_CALLERS: usize = 50;
const HASHER: &str = "the hasher alone";
const BESIDE: &str = "ValidateSession beside 64 sign-ins";
const CHECK: &str = "Envoy's Check";
const TRACED: &str = "ValidateSession with traces";
const PAST_CAPACITY: &str = "sign-in past capacity";
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
        if self.wants(CHECK) {
            report.add(self.check_against_validate().await?, options);
        }
        if self.wants(TRACED) {
            report.add(self.validate_traced().await?, options);
        }
        if self.wants(BESIDE) {
            report.add(self.validate_beside_sign_ins().await?, options);
        }
        if self.wants(PAST_CAPACITY) {
            let compared = self.past_capacity(report).await?;
            report.add(compared, options);
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
        pair.compare(Compared::Rate, self.stage.database.kind, what, callers, limit_name)
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
        pair.compare(
            Compared::Rate,
            self.stage.database.kind,
            "ValidateSession",
            load.callers,
            "the empty echo",
        )
    }

    /// What an Envoy asks beside ValidateSession, about the same sessions.
    async fn check_against_validate(&self) -> Result<Comparison> {
        let load = self.load(VALIDATE_CALLERS);
        let check = Arc::new(self.stage.check(load.callers, SESSIONS)?);
        let validate = Arc::new(self.stage.validate(load.callers, SESSIONS, false)?);
        let mut pair = Pair::default();
        for _ in 0..self.options.rounds {
            pair.subject.add(&self.stage.drive(&check, &load).await?)?;
            pair.limit.add(&self.stage.drive(&validate, &load).await?)?;
        }
        let (kind, limit) = (self.stage.database.kind, "ValidateSession");
        pair.compare(Compared::Rate, kind, CHECK, load.callers, limit)
    }

    /// Session checks by a server that sends spans of all of them, and by one that makes none.
    async fn validate_traced(&self) -> Result<Comparison> {
        let Self { stage, options } = self;
        let load = self.load(VALIDATE_CALLERS);
        let (_collector, endpoint) = collector::start()?;
        let server = stage.traced(&options.program, &endpoint)?;
        let key = stage.population.portal_key(Group::Members);
        let clients = client::portals(server.address, &key, load.callers)?;
        let members = stage.counts.members;
        let traced = Validate::new(clients, stage.population, members, SESSIONS, false);
        let traced = Arc::new(traced);
        let validate = Arc::new(stage.validate(load.callers, SESSIONS, false)?);
        let cpu = || process::cpu(server.pid());
        let mut pair = Pair::default();
        for _ in 0..options.rounds {
            pair.subject.add(&drive(&traced, &load, &[(SERVER_CPU, &cpu)]).await?)?;
            pair.limit.add(&stage.drive(&validate, &load).await?)?;
        }
        let (kind, limit) = (stage.database.kind, "those without");
        pair.compare(Compared::Rate, kind, TRACED, load.callers, limit)
    }

    /// Session checks at a low rate while sign-ins take all there is, and alone.
    async fn validate_beside_sign_ins(&self) -> Result<Comparison> {
        let load = Load { pace: Pace::Open(LOW_RATE), ..self.load(OPEN_CALLERS) };
        let crowd = self.load(SATURATING);
        let sign_in = Arc::new(self.stage.sign_in(SATURATING)?);
        let validate = Arc::new(self.stage.validate(OPEN_CALLERS, SESSIONS, false)?);
        let mut pair = Pair::default();
        for _ in 0..self.options.rounds {
            let (mut checks, sign_ins) =
                tokio::try_join!(drive(&validate, &load, &[]), drive(&sign_in, &crowd, &[]))?;
            // Checks beside nothing would be as fast as those alone.
            ensure!(sign_ins.done > 0, "nobody signed in beside session checks");
            checks.errors.extend(sign_ins.errors);
            pair.subject.add(&checks)?;
            pair.limit.add(&drive(&validate, &load, &[]).await?)?;
        }
        pair.compare(Compared::P99, self.stage.database.kind, BESIDE, load.callers, "those alone")
    }

    /// Many more sign-ins than can be served beside as many as can: how many still are, and
    /// what the server holds.
    async fn past_capacity(&self, report: &mut DatabaseReport) -> Result<Comparison> {
        let sign_in = Arc::new(self.stage.sign_in(CROWD)?);
        process::forget_peak(self.stage.server.pid())?;
        let mut pair = Pair::default();
        for _ in 0..self.options.rounds {
            let peak = self.stage.drive(&sign_in, &self.load(SATURATING)).await?;
            let rate = OVERLOAD * peak.per_second();
            let load = Load { pace: Pace::Open(rate), ..self.load(CROWD) };
            pair.subject.add(&self.stage.drive(&sign_in, &load).await?)?;
            pair.limit.add(&peak)?;
        }
        report.memory_crowded = Some(process::memory(self.stage.server.pid())?);
        pair.compare(
            Compared::Rate,
            self.stage.database.kind,
            PAST_CAPACITY,
            CROWD,
            "what 64 callers get",
        )
    }

    /// Throughput and latency against callers; each thing in an open loop, too; and the mix.
    async fn draw_curves(&self, report: &mut DatabaseReport) -> Result<()> {
        let stage = self.stage;
        let most = CURVE.iter().copied().max().unwrap_or(1);
        let sign_in = Arc::new(stage.sign_in(most)?);
        self.curve(report, "sign-in", &sign_in).await?;
        let validate = Arc::new(stage.validate(most, SESSIONS, false)?);
        self.curve(report, "ValidateSession", &validate).await?;
        let mix = Arc::new(stage.mix(MIX_CALLERS)?);
        let measured = stage.drive(&mix, &self.load(MIX_CALLERS)).await?;
        self.point(report, "mix", Some(MIX_CALLERS), None, &measured)?;
        for (kind, count, latency) in measured.latency_by_kind() {
            let per_second = ratio(to_f64(count), measured.time.as_secs_f64());
            self.say(&text::part(kind, per_second, latency));
        }
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

    async fn curve(
        &self,
        report: &mut DatabaseReport,
        what: &str,
        scenario: &Arc<impl Scenario>,
    ) -> Result<()> {
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
        self.point(report, what, None, Some(rate), &measured)
    }
}
