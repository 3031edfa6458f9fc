//! A throw-away database to measure on.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use gatehouse_test_postgres::DedicatedPostgres;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::place::Place;
use crate::population::Population;
use crate::process;
use crate::seed::{self, Counts};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server of its own, with PostgreSQL's default settings: commits are forced to the
    /// disk.
    Postgres,
}

impl Kind {
    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A database; one that was made for the purpose goes with this value.
pub struct Database {
    /// Which it is.
    pub kind: Kind,
    /// Where it is.
    pub place: Place,
    postgres: Option<DedicatedPostgres>,
    _folder: Option<TempDir>,
}

/// What PostgreSQL has counted so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Transactions {
    /// Committed, those that only read and statements by themselves included.
    pub committed: u64,
    /// Times that the log was forced to the disk, perhaps for several at once.
    pub synced: u64,
}

impl Database {
    /// An empty one.
    pub fn create(kind: Kind) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(DedicatedPostgres::durable()?),
        };
        let place = Place {
            folder: folder.path().to_owned(),
            database_url: postgres.as_ref().map(DedicatedPostgres::url),
        };
        Ok(Self { kind, place, postgres, _folder: Some(folder) })
    }

    /// One that is there and stays. Of its processes nothing is known.
    pub fn at(place: Place) -> Self {
        let kind = if place.database_url.is_some() { Kind::Postgres } else { Kind::Sqlite };
        Self { kind, place, postgres: None, _folder: None }
    }

    /// Seeds it; gives how long that took.
    pub async fn fill(&self, population: Population, counts: &Counts) -> Result<Duration> {
        let app = self.place.open().await?;
        let time = seed::fill(&app, population, counts).await?;
        drop(app);
        if let Some(postgres) = &self.postgres {
            // As autovacuum does by and by: not while something is measured.
            postgres.sql("VACUUM (ANALYZE)")?;
            postgres.sql("CHECKPOINT")?;
        }
        Ok(time)
    }

    /// Processor time of PostgreSQL's processes so far; SQLite has none of its own.
    pub fn cpu(&self) -> Result<Option<Duration>> {
        let Some(postgres) = &self.postgres else { return Ok(None) };
        process::cpu_of_children(postgres.postmaster()?).map(Some)
    }

    /// Bytes of all tables and indexes.
    pub fn bytes(&self) -> Result<u64> {
        match &self.postgres {
            Some(postgres) => {
                let size = postgres.sql("SELECT pg_database_size(current_database())")?;
                size.parse().context("the size of the database")
            }
            // An SQLite file; of a PostgreSQL that is not ours it is not known.
            None => Ok(fs::metadata(self.place.sqlite_file()).map_or(0, |file| file.len())),
        }
    }

    /// What PostgreSQL has counted.
    pub fn transactions(&self) -> Result<Option<Transactions>> {
        let Some(postgres) = &self.postgres else { return Ok(None) };
        let sql = "SELECT xact_commit || ' ' || (SELECT wal_sync FROM pg_stat_wal)
                     FROM pg_stat_database WHERE datname = current_database()";
        let row = postgres.sql(sql)?;
        let (committed, synced) = row.split_once(' ').context("the counters of the database")?;
        Ok(Some(Transactions { committed: committed.parse()?, synced: synced.parse()? }))
    }
}
