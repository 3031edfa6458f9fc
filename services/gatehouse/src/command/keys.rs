//! `gatehouse keys`: a rotation in four steps.

use std::error::Error;
use std::io::{self, Write};

use clap::Subcommand;
use gatehouse_domain::vault::KeyId;

use super::migrate;
use crate::config::Settings;
use crate::startup;
use crate::usecase::keys::{self, KeyStatus};

#[derive(Clone, Subcommand)]
pub(super) enum Keys {
    /// Add a new key to the ring and print its id; it opens and does not seal yet. Then copy the
    /// ring to every server, which takes it up by itself within seconds
    Add,
    /// Let a key seal from now on that every server has. Then copy the ring again: running
    /// servers seal anew what is sealed under others
    Promote {
        /// The key's id, as `add` and `list` print it
        id: KeyId,
    },
    /// Print every key of the ring, how many of the running servers have it, and how many rows
    /// still need it
    List,
    /// Take a key out of the ring that no row needs any more. Then copy the ring once more
    Retire {
        /// The key's id
        id: KeyId,
    },
}

pub(super) async fn run(settings: &Settings, command: Keys) -> Result<(), Box<dyn Error>> {
    // Not by accident: a look at the keys is no upgrade.
    migrate::require_migrated(settings).await?;
    let app = startup::open_used(settings).await?;
    // Which servers run is told by the time.
    app.look_at_database().await?;
    let now = app.clock.now();
    match command {
        Keys::Add => writeln!(io::stdout(), "{}", keys::add(&app, now).await?)?,
        Keys::Promote { id } => keys::promote(&app, id, now).await?,
        Keys::Retire { id } => keys::retire(&app, id, now).await?,
        Keys::List => {
            let (keys, servers) = keys::list(&app, now).await?;
            print(&mut io::stdout().lock(), &keys, servers)?;
        }
    }
    Ok(())
}

/// A table for people, with a key on each line.
fn print(out: &mut impl Write, keys: &[KeyStatus], servers: usize) -> io::Result<()> {
    writeln!(
        out,
        "{:8}  {:7}  {:>7}  {:>12}  {:>8}  {:>8}",
        "key", "role", "servers", "sealed", "api keys", "passing"
    )?;
    for key in keys {
        writeln!(
            out,
            "{:8}  {:7}  {:>7}  {:>12}  {:>8}  {:>8}",
            key.id.to_string(),
            if key.is_primary { "primary" } else { "other" },
            format!("{}/{servers}", key.servers),
            key.needed.sealed,
            key.needed.api_keys,
            key.needed.passing,
        )?;
    }
    Ok(())
}
