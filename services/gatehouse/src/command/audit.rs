//! `gatehouse audit`: the trail by its chain, for operators and auditors.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gatehouse_domain::audit::{ChainEnd, Expected, Finding, Summary};
use gatehouse_domain::id::PortalId;

use super::{counted, migrate};
use crate::config::Settings;
use crate::usecase::audit::export::{self, Selection};
use crate::usecase::audit::{self, Verified, VerifyError};
use crate::{key_ring, startup};

/// Findings that are printed, at most: with a wrong key ring every event is one.
const MOST_PRINTED: u64 = 100;

#[derive(Clone, Subcommand)]
pub(super) enum Audit {
    /// Check that no numbered event was changed, removed or slipped in, also beside running
    /// servers: exits with 0 if so, 1 with findings, 2 if it could not be checked
    Verify(Verify),
    /// Print where the chain ends, NUMBER:DIGEST: what `verify --expect-head` takes later. Note
    /// it where nobody who can write the database can
    Head,
    /// Write numbered events as lines of JSON to standard output, each with its number and digest,
    /// and how many they are to standard error
    Export(Export),
}

#[derive(Clone, Args)]
pub(super) struct Verify {
    /// A head that was printed before: without one nobody can tell that the end was cut off
    #[arg(long, value_name = "NUMBER:DIGEST")]
    expect_head: Option<ChainEnd>,
    /// The last event that may have a digest without a key, in place of what the setting
    /// audit_unkeyed_until says
    #[arg(long, value_name = "NUMBER")]
    unkeyed_until: Option<i64>,
    /// Check the events of a file that `export` has written, and not the database: it needs the
    /// key ring alone
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

#[derive(Clone, Args)]
pub(super) struct Export {
    /// The first number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from: i64,
    /// The last number [default: that of the head]
    #[arg(long, value_name = "NUMBER")]
    to: Option<i64>,
    /// Events of this portal alone
    #[arg(long, value_name = "ID")]
    portal: Option<PortalId>,
}

/// Something is wrong with the trail.
#[derive(Debug, thiserror::Error)]
#[error("{}: the audit trail is not what was recorded", counted(*.0, "finding"))]
struct Findings(u64);

/// Whether a trail is what it was is not known.
#[derive(Debug, thiserror::Error)]
#[error("the audit trail could not be checked")]
pub(super) struct NotChecked(#[source] Box<dyn Error>);

pub(super) async fn run(settings: &Settings, command: Audit) -> Result<(), Box<dyn Error>> {
    match command {
        Audit::Verify(arguments) => verify(settings, &arguments).await,
        Audit::Head => {
            migrate::require_migrated(settings).await?;
            let end = startup::open_existing(settings).await?.read().chain_end().await?;
            writeln!(io::stdout(), "{end}")?;
            Ok(())
        }
        Audit::Export(Export { from, to, portal }) => {
            migrate::require_migrated(settings).await?;
            let store = startup::open_existing(settings).await?;
            let mut out = BufWriter::new(io::stdout().lock());
            let written = export::export(&store, &Selection { from, to, portal }, &mut out).await?;
            // Not among the lines.
            writeln!(io::stderr(), "events: {written}")?;
            Ok(())
        }
    }
}

async fn verify(settings: &Settings, arguments: &Verify) -> Result<(), Box<dyn Error>> {
    let mut findings = Printed::default();
    let checked = check(settings, arguments, &mut findings).await;
    let lines = checked.map_err(NotChecked)?;
    let count = findings.end()?;
    writeln!(io::stdout(), "{}findings: {count}", lines.concat())?;
    if count == 0 { Ok(()) } else { Err(Findings(count).into()) }
}

/// Gives what to print of it.
async fn check(
    settings: &Settings,
    arguments: &Verify,
    findings: &mut Printed,
) -> Result<Vec<String>, Box<dyn Error>> {
    let unkeyed_until = arguments.unkeyed_until.unwrap_or(settings.audit_unkeyed_until);
    let expected = Expected { head: arguments.expect_head, unkeyed_until };
    if let Some(path) = &arguments.file {
        let vault = key_ring::parse_vault(&settings.key_ring)?;
        let file = open(path)?;
        let (summary, missing) =
            audit::verify_file(file, &vault, expected, |finding| findings.print(&finding))?;
        let mut lines = told(&summary);
        lines.push(format!("not in the file: {missing}\n"));
        return Ok(lines);
    }
    // Not by accident: a look is no upgrade.
    migrate::require_migrated(settings).await?;
    let (store, vault) = startup::open_to_read(settings).await?;
    let verified = audit::verify(&store, &vault, expected, |finding| findings.print(&finding));
    let Verified { summary, waiting } = verified.await?;
    let mut lines = told(&summary);
    lines.push(format!("without a number yet: {waiting}\n"));
    Ok(lines)
}

fn open(path: &Path) -> Result<BufReader<File>, VerifyError> {
    Ok(BufReader::new(File::open(path)?))
}

/// A word and a value a line, for people and scripts.
fn told(summary: &Summary) -> Vec<String> {
    let first = summary.first.unwrap_or(0);
    vec![
        format!("events: {}\n", summary.events),
        format!("first: {first}\n"),
        format!("last: {}\n", summary.end.number),
        format!("head: {}\n", summary.end),
        format!("without a key up to: {}\n", summary.unkeyed_until),
    ]
}

/// Prints findings as they come.
#[derive(Default)]
struct Printed {
    count: u64,
    failed: Option<io::Error>,
}

impl Printed {
    fn print(&mut self, finding: &Finding) {
        self.count += 1;
        if self.count <= MOST_PRINTED
            && let Err(error) = writeln!(io::stdout(), "finding: {finding}")
        {
            self.failed = Some(error);
        }
    }

    /// How many there were.
    fn end(self) -> io::Result<u64> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(more) = self.count.checked_sub(MOST_PRINTED).filter(|more| *more > 0) {
            writeln!(io::stdout(), "finding: {more} more")?;
        }
        Ok(self.count)
    }
}
