//! How many commits a thing takes: what a slow disk makes of it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

use crate::database::{Kind, Transactions};
use crate::drive::Scenario;
use crate::measure::{ratio, to_f64};
use crate::stage::Stage;

/// Calls that are counted: events that are numbered in the background meanwhile add little.
const CALLS: u32 = 50;
/// PostgreSQL's processes tell what they did once a second.
const STATISTICS_DELAY: Duration = Duration::from_millis(1_500);

/// What each took.
#[derive(Debug, Serialize)]
pub struct Commits {
    /// The thing.
    pub what: String,
    /// On SQLite transactions that wrote; on PostgreSQL the times that its log was forced
    /// to the disk. What the server does by itself meanwhile is in it.
    pub per_call: f64,
    /// On PostgreSQL all transactions, reads included.
    pub transactions_per_call: Option<f64>,
}

/// Does the thing a few times, one after the other.
pub async fn count(stage: &Stage, what: &str, scenario: &impl Scenario) -> Result<Commits> {
    let before = counters(stage).await?;
    for turn in 0..u64::from(CALLS) {
        if let Err(failure) = scenario.call(0, turn).await {
            bail!("{what}: {failure}");
        }
    }
    let after = counters(stage).await?;
    let per_call =
        |before, after: u64| ratio(to_f64(after.saturating_sub(before)), f64::from(CALLS));
    Ok(Commits {
        what: what.to_owned(),
        per_call: per_call(before.synced, after.synced),
        transactions_per_call: (stage.database.kind == Kind::Postgres)
            .then(|| per_call(before.committed, after.committed)),
    })
}

async fn counters(stage: &Stage) -> Result<Transactions> {
    match stage.database.kind {
        Kind::Sqlite => {
            let synced = sqlite_transactions(stage)?;
            Ok(Transactions { committed: synced, synced })
        }
        Kind::Postgres => {
            tokio::time::sleep(STATISTICS_DELAY).await;
            stage.database.transactions()?.context("the counters of PostgreSQL")
        }
    }
}

/// The counter of transactions in the index of SQLite's log: the third word of its header
/// (SQLite's "WAL-mode File Format", section 2.1), which rises with each that wrote. Each
/// syncs the log once where `synchronous` is FULL.
fn sqlite_transactions(stage: &Stage) -> Result<u64> {
    let index = fs::read(stage.database.place.sqlite_file().with_extension("db-shm"))?;
    let word = index.get(8..12).and_then(|word| word.try_into().ok());
    ensure!(word.is_some(), "the index of the log is empty");
    Ok(word.map_or(0, u32::from_ne_bytes).into())
}
