//! `gatehouse admin import`: a file of another system's customers, batch by batch.
//!
//! There is no state but the portal's own: a customer has one address, and a batch is made as a
//! whole or not at all. So whatever ended an import, doing it again does what is left.

mod batch;
mod report;
mod rows;
mod server;
mod shape;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::connection::Connection;
use super::names::PortalRef;
use super::output::Output;
use batch::{Batch, Seen};
use report::Report;
use rows::{Format, Rows};
use server::Server;

#[derive(Args, Clone)]
pub(super) struct Import {
    /// The portal's id
    portal: PortalRef,
    /// A row for each customer; `-` is standard input
    file: PathBuf,
    /// What is in it [default: as its name ends: .jsonl, .ndjson or .csv]
    #[arg(long)]
    format: Option<Format>,
    /// Change nothing: report every row that would be refused
    #[arg(long)]
    dry_run: bool,
    /// New file for the rows that are refused, as they came, to be corrected and imported; it
    /// holds their secrets
    #[arg(long, value_name = "PATH")]
    refused: Option<PathBuf>,
    /// Seconds for which a server is asked again that is away or has too much to do
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
}

impl Import {
    /// What can be wrong before anything is opened.
    ///
    /// # Errors
    /// Where standard input would be two things, or it is not known what is in the file.
    pub(super) fn check(&self, key_file: &Path) -> Result<(), Box<dyn Error>> {
        let stdin = Path::new("-");
        if self.file == stdin && key_file == stdin {
            return Err("--key-file: standard input is the file to import already".into());
        }
        self.format().map(drop)
    }

    fn format(&self) -> Result<Format, Box<dyn Error>> {
        let known = self.format.or_else(|| Format::of(&self.file));
        Ok(known.ok_or("--format: say whether this is jsonl or csv")?)
    }

    /// `what`, with the name of the file before it.
    fn at(&self, what: &dyn Error) -> String {
        format!("{}: {what}", self.file.display())
    }
}

pub(super) async fn run(
    connection: &mut Connection,
    output: Output,
    import: &Import,
) -> Result<(), Box<dyn Error>> {
    let mut rows =
        Rows::open(&import.file, import.format()?).map_err(|error| import.at(&*error))?;
    let mut report = Report::new(import, output, &rows)?;
    let patience = Duration::from_secs(import.patience);
    let mut server = Server::new(connection, import.portal.name(), import.dry_run, patience);
    let (mut batch, mut seen) = (Batch::default(), Seen::default());
    let read = loop {
        match rows.next() {
            Ok(Some(row)) => batch.push(seen.check(row)),
            Ok(None) => break Ok(()),
            Err(error) => break Err(import.at(&*error)),
        }
        if batch.is_full() {
            batch.send(&mut server, &mut report).await?;
        }
    };
    // What comes before a fault of the file is done all the same.
    batch.send(&mut server, &mut report).await?;
    report.finish(read)
}
