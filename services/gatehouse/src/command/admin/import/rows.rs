//! The rows of a file, one after the other and never all at once.

mod csv;
mod json_lines;
mod object;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use clap::ValueEnum;
use gatehouse_api::v1::CustomerImport;

use super::shape::Shape;
use csv::Csv;
use json_lines::JsonLines;

/// Several times what the longest row needs that the server takes. What is longer is read over
/// and not kept: a quote that nobody closes, or a file of another kind.
const MAX_ROW_BYTES: usize = 64 * 1024;
const OPEN_QUOTE: &str = "is there a quote that is not closed?";
const BUFFER_BYTES: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A JSON object on each line.
    Jsonl,
    /// Comma-separated values (RFC 4180), the first row naming the columns.
    Csv,
}

impl Format {
    /// As a file's name ends.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A row, and what is in it.
pub(super) struct Row {
    /// On which line it begins, from 1.
    pub(super) line: u64,
    /// As it came, without the end of its line; empty for one that is too long to be kept.
    pub(super) raw: Vec<u8>,
    /// How long it is, of whatever length.
    pub(super) bytes: u64,
    /// Or all that keeps it from being one, as `field: what it must be`.
    pub(super) customer: Result<CustomerImport, Vec<String>>,
}

impl Row {
    /// What a row of several lines makes one think of, beside what is wrong with it.
    pub(super) fn hint(&self) -> Option<String> {
        let breaks = breaks(&self.raw);
        (breaks > 0).then(|| format!("the row has {} lines: {OPEN_QUOTE}", breaks + 1))
    }
}

/// What a file of one format is read by.
enum Reader {
    JsonLines(JsonLines),
    Csv(Box<Csv>),
}

/// The rows of a file that is being read.
pub(super) struct Rows {
    input: Box<dyn BufRead>,
    reader: Reader,
    shape: Shape,
    bytes: Option<u64>,
}

impl Rows {
    /// Opens `path`; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be read, or is not of the format at all: what is wrong on which line.
    pub(super) fn open(path: &Path, format: Format) -> Result<Self, Box<dyn Error>> {
        if path == Path::new("-") {
            return Self::of(Box::new(io::stdin().lock()), format, None);
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let bytes = metadata.is_file().then_some(metadata.len());
        Self::of(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), format, bytes)
    }

    fn of(
        mut input: Box<dyn BufRead>,
        format: Format,
        bytes: Option<u64>,
    ) -> Result<Self, Box<dyn Error>> {
        let start = input.fill_buf()?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            return Err("this is UTF-16: save it as UTF-8".into());
        }
        if start.starts_with(BYTE_ORDER_MARK) {
            input.consume(BYTE_ORDER_MARK.len());
        }
        let shape = Shape::new()?;
        let reader = match format {
            Format::Jsonl => Reader::JsonLines(JsonLines::default()),
            Format::Csv => Reader::Csv(Box::new(Csv::open(&mut input, &shape.columns())?)),
        };
        Ok(Self { input, reader, shape, bytes })
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// If the file cannot be read any further: where, and why.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Box<dyn Error>> {
        match &mut self.reader {
            Reader::JsonLines(lines) => lines.next(&mut self.input, &self.shape),
            Reader::Csv(csv) => csv.next(&mut self.input, &self.shape),
        }
    }

    /// The line that names the columns, where there is one.
    pub(super) fn heading(&self) -> Option<&[u8]> {
        match &self.reader {
            Reader::JsonLines(_) => None,
            Reader::Csv(csv) => Some(csv.heading()),
        }
    }

    /// How long the file is; unknown of what comes through a pipe.
    pub(super) const fn bytes(&self) -> Option<u64> {
        self.bytes
    }
}

/// Ends of lines. A CR alone is none.
fn breaks(raw: &[u8]) -> u64 {
    raw.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}

/// That a row is longer than any is.
fn too_long(hint: &str) -> String {
    format!("a row of more than {} KiB, which is not kept: {hint}", MAX_ROW_BYTES / 1024)
}
