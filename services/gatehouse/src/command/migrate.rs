//! `gatehouse migrate --check`.

use std::error::Error;
use std::io::{self, Write};

use gatehouse_persistence::SchemaState;

use crate::config::Settings;
use crate::startup;

/// Steps that the database lacks.
#[derive(Debug, thiserror::Error)]
#[error("the database is to be migrated: {}", .0.join(", "))]
struct Pending(Vec<String>);

/// Says how the database stands to this program, and changes nothing.
pub(super) async fn check(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let word = require_migrated(settings).await?;
    writeln!(io::stdout(), "{word}")?;
    Ok(())
}

/// Refuses a database that is not there or is to be migrated, and says how it stands.
pub(super) async fn require_migrated(settings: &Settings) -> Result<&'static str, Box<dyn Error>> {
    match startup::open_unchanged(settings).await?.schema_state().await? {
        SchemaState::UpToDate => Ok("up to date"),
        SchemaState::Ahead => Ok("ahead, and this program can run on it"),
        SchemaState::Behind(steps) => Err(Pending(steps).into()),
    }
}
