//! What becomes of everything as customers become many: databases of different sizes side
//! by side, asked in turns.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

use crate::database::Kind;
use crate::drive::{Load, Pace, Scenario};
use crate::measure::{Latency, Measured, median, ratio, to_f64};
use crate::options::Growth;
use crate::population::{Group, Population};
use crate::process;
use crate::report::{growth, svg};
use crate::scenario::administer::{Administer, Read, by_email};
use crate::seed::Counts;
use crate::stage::Stage;
use gatehouse_api::v1;

/// One caller: what is asked is how long a call takes, not how many there can be.
const CALLERS: usize = 1;
/// Sessions that are checked, spread over all of them.
const SESSIONS: u64 = 50_000;
/// Besides members: nothing is measured of them.
const OTHERS: u64 = 10;

/// Of all databases.
#[derive(Debug, Serialize)]
pub struct GrowthReport {
    /// The sizes.
    pub databases: Vec<SizeReport>,
    /// The things.
    pub curves: Vec<Curve>,
}

/// A database of one size.
#[derive(Debug, Serialize)]
pub struct SizeReport {
    /// Which database.
    pub kind: Kind,
    /// How many customers, each with a factor, a session and an event.
    pub customers: u64,
    /// To make them.
    pub seed_seconds: f64,
    /// Of all tables and indexes.
    pub bytes_per_customer: f64,
    /// The server's, after it has served.
    pub memory_peak_kib: u64,
}

/// How long a thing takes at each size.
#[derive(Debug, Serialize)]
pub struct Curve {
    /// On which database.
    pub kind: Kind,
    /// The thing.
    pub what: &'static str,
    /// The sizes, ascending.
    pub points: Vec<GrowthPoint>,
}

/// How long a thing takes at one size.
#[derive(Debug, Serialize)]
pub struct GrowthPoint {
    /// How many customers there are.
    pub customers: u64,
    /// Of all rounds.
    pub latency: Latency,
    /// p50 as a multiple of that of the smallest size: the median of the rounds.
    pub p50_ratio: f64,
    /// The same of p99.
    pub p99_ratio: f64,
    /// How many went well and were counted.
    pub calls: u64,
    /// How many went well at all.
    pub done: u64,
    /// How many did not.
    pub errors: std::collections::BTreeMap<String, u64>,
}

/// Runs it, and reports.
pub async fn run(options: &Growth) -> Result<()> {
    let mut report = GrowthReport { databases: Vec::new(), curves: Vec::new() };
    for kind in &options.databases {
        grow(*kind, options, &mut report).await?;
    }
    if let Some(path) = &options.output.svg {
        svg::growth(path, &report)?;
    }
    options.output.json(&report)
}

async fn grow(kind: Kind, options: &Growth, report: &mut GrowthReport) -> Result<()> {
    let (mut stages, mut sizes) = (Vec::new(), Vec::new());
    for members in &options.sizes {
        let counts = Counts { members: *members, newcomers: OTHERS, owners: OTHERS };
        let stage = Stage::set(kind, options.seed, counts, &options.program).await?;
        let size = SizeReport {
            kind,
            customers: *members,
            seed_seconds: stage.seed_time.as_secs_f64(),
            bytes_per_customer: ratio(
                to_f64(stage.database.bytes()?.saturating_sub(stage.empty_bytes)),
                to_f64(*members),
            ),
            memory_peak_kib: 0,
        };
        options.output.say(&growth::size(&size));
        sizes.push(size);
        stages.push(stage);
    }
    Sizes { kind, stages: &stages, options }.all(report).await?;
    for (size, stage) in sizes.iter_mut().zip(&stages) {
        size.memory_peak_kib = process::memory(stage.server.pid())?.peak_kib;
    }
    report.databases.append(&mut sizes);
    Ok(())
}

struct Sizes<'a> {
    kind: Kind,
    stages: &'a [Stage],
    options: &'a Growth,
}

impl Sizes<'_> {
    async fn all(&self, report: &mut GrowthReport) -> Result<()> {
        let customers = |filter: v1::ListCustomersRequest| {
            move |stage: &Stage| {
                Read::customers(filter.clone(), Read::page_of(stage.counts.members))
            }
        };
        let none =
            |filter: v1::ListCustomersRequest| move |_: &Stage| Read::customers(filter.clone(), 0);
        let enabled = v1::MfaState::Enabled.into();
        let with_factor = v1::ListCustomersRequest { mfa_state: enabled, ..Default::default() };
        let suspended = v1::ListCustomersRequest { suspended: Some(true), ..Default::default() };
        let locked = v1::ListCustomersRequest { locked: Some(true), ..Default::default() };
        let portal = format!("portals/{}", Group::Members.id());

        self.of(report, "sign-in", async |stage| stage.sign_in(CALLERS)).await?;
        self.of(report, "ValidateSession", async |stage| stage.validate(CALLERS, SESSIONS, true))
            .await?;
        let any = v1::ListCustomersRequest::default();
        self.read(report, "ListCustomers, first page", false, customers(any.clone())).await?;
        self.read(report, "ListCustomers, page in the middle", true, customers(any)).await?;
        self.read(report, "ListCustomers by email", false, |stage| {
            Read::customers(by_email(stage.counts.members / 2), 1)
        })
        .await?;
        self.read(report, "ListCustomers with a factor", false, customers(with_factor)).await?;
        self.read(report, "ListCustomers suspended (none is)", false, none(suspended)).await?;
        self.read(report, "ListCustomers locked (none is)", false, none(locked)).await?;
        let events =
            |stage: &Stage| Read::events(portal.clone(), Read::page_of(stage.counts.members));
        self.read(report, "ListAuditEvents, first page", false, events).await?;
        self.read(report, "ListAuditEvents, page in the middle", true, events).await?;
        self.read(report, "ListAuditEvents of a customer", false, |stage| {
            Read::events(Population::name(Group::Members, stage.counts.members - 1), 1)
        })
        .await?;
        self.read(report, "policy preview", false, |stage| Read::Preview(stage.counts.members))
            .await
    }

    /// What an administrator reads.
    async fn read(
        &self,
        report: &mut GrowthReport,
        what: &'static str,
        is_deep: bool,
        read: impl Fn(&Stage) -> Read,
    ) -> Result<()> {
        self.of(report, what, async |stage: &Stage| {
            let mut admin = stage.admin()?;
            let mut read = read(stage);
            if is_deep {
                let deep = read.deep(&mut admin, stage.counts.members).await;
                read = deep.map_err(|failure| anyhow!("{what}: {failure}"))?;
            }
            Ok(Administer::new(admin, read))
        })
        .await
    }

    /// One thing at each size, in turns.
    async fn of<S: Scenario>(
        &self,
        report: &mut GrowthReport,
        what: &'static str,
        make: impl AsyncFn(&Stage) -> Result<S>,
    ) -> Result<()> {
        let time = Duration::from_secs_f64(self.options.seconds);
        let load = Load { callers: CALLERS, pace: Pace::Closed, time };
        let mut scenarios = Vec::new();
        for stage in self.stages {
            scenarios.push((stage, Arc::new(make(stage).await?), Rounds::default()));
        }
        for _ in 0..self.options.rounds {
            for (stage, scenario, rounds) in &mut scenarios {
                let round = stage.drive(scenario, &load).await?;
                rounds.latency.push(round.latency()?);
                rounds.all.add_round(&round)?;
            }
        }
        let smallest = scenarios.first().map(|(_, _, rounds)| rounds.latency.clone());
        let smallest = smallest.context("no sizes")?;
        let points = scenarios.iter().map(|(stage, _, rounds)| {
            let (p50_ratio, p99_ratio) = rounds.ratios(&smallest);
            Ok(GrowthPoint {
                customers: stage.counts.members,
                latency: rounds.all.latency()?,
                p50_ratio,
                p99_ratio,
                calls: rounds.all.calls(),
                done: rounds.all.done,
                errors: rounds.all.errors.clone(),
            })
        });
        let curve = Curve { kind: self.kind, what, points: points.collect::<Result<_>>()? };
        self.options.output.say(&growth::curve(&curve));
        report.curves.push(curve);
        Ok(())
    }
}

/// Rounds at one size.
#[derive(Default)]
struct Rounds {
    latency: Vec<Latency>,
    all: Measured,
}

impl Rounds {
    /// Round by round, so that what else happens on the machine happens to both.
    fn ratios(&self, smallest: &[Latency]) -> (f64, f64) {
        let pairs = || self.latency.iter().zip(smallest);
        let p50: Vec<_> = pairs().map(|(this, first)| ratio(this.p50, first.p50)).collect();
        let p99: Vec<_> = pairs().map(|(this, first)| ratio(this.p99, first.p99)).collect();
        (median(&p50), median(&p99))
    }
}
