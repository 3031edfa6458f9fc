//! What is told of an import: every row that is refused, how far it is, and what it came to.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::Import;
use super::rows::{Row, Rows};
use super::server::Outcome;
use crate::command::admin::connection::Refused;
use crate::command::admin::output::{Output, note, printable};
use crate::command::counted;

/// Of what came through a pipe nobody knows how much is left.
const BAR: &str = "{wide_bar} {percent}% {msg}, {eta} left";
const SPINNER: &str = "{spinner} {msg}, {elapsed}";

/// What has been told so far.
pub(super) struct Report {
    file: String,
    output: Output,
    dry_run: bool,
    refused: Option<Refusals>,
    bar: ProgressBar,
    read: u64,
    imported: u64,
    existing: u64,
    wrong: u64,
}

/// The file of refused rows. It is made with the first of them.
struct Refusals {
    path: PathBuf,
    heading: Option<Vec<u8>>,
    file: Option<File>,
}

impl Report {
    /// # Errors
    /// If the file for refused rows is there already.
    pub(super) fn new(
        import: &Import,
        output: Output,
        rows: &Rows,
    ) -> Result<Self, Box<dyn Error>> {
        let refused = match &import.refused {
            Some(path) if path.exists() => {
                let path = path.display();
                return Err(
                    format!("--refused {path}: it is there already; name a new file").into()
                );
            }
            path => path.clone().map(|path| Refusals {
                path,
                heading: rows.heading().map(<[u8]>::to_vec),
                file: None,
            }),
        };
        // Draws nothing where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(rows.bytes(), ProgressDrawTarget::stderr());
        let template = if rows.bytes().is_some() { BAR } else { SPINNER };
        let bar = bar.with_style(ProgressStyle::with_template(template)?);
        Ok(Self {
            file: import.file.display().to_string(),
            output,
            dry_run: import.dry_run,
            refused,
            bar,
            read: 0,
            imported: 0,
            existing: 0,
            wrong: 0,
        })
    }

    /// Tells what became of `row`.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub(super) fn note(&mut self, row: &Row, outcome: Outcome) -> Result<(), Box<dyn Error>> {
        let Row { line, raw, bytes, .. } = row;
        self.read += bytes + 1;
        let mut wrong = match outcome {
            Outcome::Imported => {
                self.imported += 1;
                return Ok(());
            }
            Outcome::Existing => {
                self.existing += 1;
                return Ok(());
            }
            Outcome::Refused(wrong) => wrong,
        };
        wrong.extend(row.hint());
        self.wrong += 1;
        if let Some(refused) = self.refused.as_mut().filter(|_| !raw.is_empty()) {
            refused
                .write(raw)
                .map_err(|error| format!("--refused {}: {error}", refused.path.display()))?;
        }
        Ok(self.bar.suspend(|| {
            if self.output.json {
                writeln!(io::stdout(), "{}", json!({"line": line, "errors": wrong}))
            } else {
                note(&format!("{}:{line}: {}", self.file, wrong.join("; ")))
            }
        })?)
    }

    /// Shows how far it is.
    pub(super) fn progress(&self) {
        let rows = self.imported + self.existing + self.wrong;
        let seconds = self.bar.elapsed().as_secs().max(1);
        self.bar.set_position(self.read);
        self.bar.set_message(format!(
            "{} {}, {} refused, {} rows/s",
            HumanCount(rows),
            if rows == 1 { "row" } else { "rows" },
            HumanCount(self.wrong),
            HumanCount(rows / seconds)
        ));
    }

    /// Shows that the server is asked again.
    pub(super) fn waiting(&self, refused: &Refused) {
        self.bar.set_message(printable(&format!("waiting: {refused}")));
    }

    /// Tells what it came to. `read` says whether the file was read to its end.
    ///
    /// # Errors
    /// If rows were refused, or the file could not be read to its end.
    pub(super) fn finish(self, read: Result<(), String>) -> Result<(), Box<dyn Error>> {
        self.bar.finish_and_clear();
        let Self { imported, existing, wrong, .. } = self;
        let line = match (self.output.json, self.dry_run) {
            (true, dry_run) => json!({
                "imported": imported, "existing": existing, "refused": wrong, "dryRun": dry_run,
            })
            .to_string(),
            (false, false) => {
                format!("{imported} imported, {existing} there already, {wrong} refused")
            }
            (false, true) => format!(
                "nothing was changed: {imported} would be imported, {existing} are there already, \
                 {wrong} would be refused"
            ),
        };
        writeln!(io::stdout(), "{line}")?;
        read?;
        if wrong == 0 {
            return Ok(());
        }
        let are = if wrong == 1 { "is" } else { "are" };
        let refused = format!("{} {are} refused", counted(wrong, "row"));
        match self.refused {
            Some(Refusals { path, file: Some(_), .. }) => {
                Err(format!("{refused}: correct {} and import that", path.display()).into())
            }
            // There is no such file where none of them could be kept.
            _ => Err(refused.into()),
        }
    }
}

impl Refusals {
    fn write(&mut self, raw: &[u8]) -> io::Result<()> {
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            // With secrets in it, as the file that they came in.
            let new = File::options().write(true).create_new(true).mode(0o600).open(&self.path)?;
            let file = self.file.insert(new);
            if let Some(heading) = &self.heading {
                file.write_all(&[heading, &b"\n"[..]].concat())?;
            }
            file
        };
        file.write_all(&[raw, b"\n"].concat())
    }
}
