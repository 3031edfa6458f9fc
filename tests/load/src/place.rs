//! A database with its key ring, and the settings that a server over it has by default.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, Result};
use gatehouse::app::App;
use gatehouse::config::{LogFormat, LogSettings, Settings};
use gatehouse::hasher::HasherConfig;
use gatehouse::startup;
use gatehouse_domain::password::HashParameters;
use gatehouse_persistence::DatabaseLocation;

/// Where a database and its key ring are.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of the key ring and of an SQLite database.
    pub folder: PathBuf,
    /// A PostgreSQL database. Unset: SQLite, in the folder.
    pub database_url: Option<String>,
}

impl Place {
    /// The file of an SQLite database.
    pub fn sqlite_file(&self) -> PathBuf {
        self.folder.join("gatehouse.db")
    }

    /// What `gatehouse serve` takes where it is told of nothing but the place.
    pub fn settings(&self) -> Result<Settings> {
        let database = match &self.database_url {
            Some(url) => url.parse::<DatabaseLocation>().context("the URL of the database")?,
            None => DatabaseLocation::Sqlite(self.sqlite_file()),
        };
        Ok(Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            allow_plaintext: false,
            metrics_listen: None,
            traces: None,
            data_dir: self.folder.clone(),
            database,
            database_connections: 10,
            key_ring: self.folder.join("keyring"),
            log: LogSettings { filter: "info".to_owned(), format: LogFormat::Text },
            reflection: true,
            envoy_authorization: false,
            hasher: hasher(),
            max_in_flight: 1_024,
            audit_retention: None,
            audit_unkeyed_until: 0,
        })
    }

    /// The settings as variables of a process.
    pub fn variables(&self) -> Vec<(&'static str, &Path)> {
        let mut variables = vec![("GATEHOUSE_DATA_DIR", self.folder.as_path())];
        if let Some(url) = &self.database_url {
            variables.push(("GATEHOUSE_DATABASE_URL", Path::new(url)));
        }
        variables
    }

    /// What a server stands on, in this process.
    pub async fn open(&self) -> Result<App> {
        Ok(startup::open(&self.settings()?).await?)
    }
}

/// The hasher of a server without settings: a thread for each core, and memory for each.
pub fn hasher() -> HasherConfig {
    let parameters = HashParameters::default();
    let cores = thread::available_parallelism().ok();
    let threads = cores.and_then(|cores| cores.try_into().ok()).unwrap_or(NonZero::<u32>::MIN);
    HasherConfig {
        parameters,
        threads,
        memory_kib: parameters.memory_kib().saturating_mul(threads.get()),
        ..HasherConfig::default()
    }
}
