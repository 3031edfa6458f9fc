//! CSV as RFC 4180 has it; lines may end in LF alone.

use std::error::Error;
use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

use super::{MAX_ROW_BYTES, OPEN_QUOTE, Row, breaks, too_long};
use crate::command::admin::import::shape::Shape;

/// More than any spreadsheet has that a person looks at. What is beyond is not kept apart.
const MAX_COLUMNS: usize = 1_024;
const TO_THE_END: &str = "the row goes to the end of the file";

/// Where the reading is, and which columns there are.
pub(super) struct Csv {
    parser: Reader,
    /// The fields of one record, one after the other.
    text: Vec<u8>,
    /// How many ends of lines have been read.
    lines: u64,
    heading: Vec<u8>,
    columns: Vec<String>,
}

/// One record, as bytes: nobody has said that they are UTF-8.
#[derive(Default)]
struct Record {
    /// On which line it begins, from 1.
    line: u64,
    /// As it came; of one that is too long nothing.
    raw: Vec<u8>,
    cells: Vec<Vec<u8>>,
    bytes: u64,
    /// How many ends of lines are in it or end it.
    breaks: u64,
    /// Whether a quote is open. A pair opens and closes, also within quotes (RFC 4180, section
    /// 2).
    is_open: bool,
    is_long: bool,
    is_wide: bool,
}

impl Record {
    /// Takes what was read of it next.
    fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.breaks += breaks(bytes);
        self.is_open = bytes.iter().fold(self.is_open, |open, &byte| open != (byte == b'"'));
        if !self.is_long {
            self.raw.extend_from_slice(bytes);
            self.is_long = self.raw.len() > MAX_ROW_BYTES;
        }
        if self.is_long {
            self.raw = Vec::new();
        }
    }

    /// What is wrong with it whatever the columns are.
    fn fault(&self) -> Option<String> {
        if self.is_long && self.is_open {
            Some(format!("{TO_THE_END} and is not kept: {OPEN_QUOTE}"))
        } else if self.is_long {
            Some(too_long(OPEN_QUOTE))
        } else if self.is_wide {
            Some(format!("more than {MAX_COLUMNS} fields"))
        } else if self.is_open {
            // The file may have been cut off there.
            Some(format!("{TO_THE_END}: {OPEN_QUOTE}"))
        } else {
            None
        }
    }
}

impl Csv {
    /// Reads the heading, whose names are among `known`.
    ///
    /// # Errors
    /// For a column that is not known, or is there twice, and where `email` is missing.
    pub(super) fn open(input: &mut impl BufRead, known: &[String]) -> Result<Self, Box<dyn Error>> {
        let mut csv = Self {
            parser: Reader::new(),
            text: vec![0; MAX_ROW_BYTES],
            lines: 0,
            heading: Vec::new(),
            columns: Vec::new(),
        };
        let Some(record) = csv.record(input)? else {
            return Err(
                format!("there is no heading: a line with names of {}", known.join(", ")).into()
            );
        };
        let line = record.line;
        if let Some(fault) = record.fault() {
            return Err(format!("line {line}: {fault}").into());
        }
        let Record { raw, cells, .. } = record;
        for (n, cell) in (1..).zip(cells) {
            let name = String::from_utf8(cell)
                .map_err(|_| format!("line {line}: the heading is not UTF-8"))?;
            if !known.contains(&name) {
                // Of a file without a heading it may be somebody's hash.
                let which =
                    if is_like_a_name(&name) { format!("\"{name}\"") } else { n.to_string() };
                let known = known.join(", ");
                return Err(format!(
                    "line {line}: the heading has column {which}, which is none of {known}"
                )
                .into());
            }
            if csv.columns.contains(&name) {
                return Err(format!("line {line}: the column {name} is there twice").into());
            }
            csv.columns.push(name);
        }
        if !csv.columns.iter().any(|name| name == "email") {
            return Err(format!("line {line}: the column email is missing").into());
        }
        csv.heading = raw;
        Ok(csv)
    }

    pub(super) fn heading(&self) -> &[u8] {
        &self.heading
    }

    pub(super) fn next(
        &mut self,
        input: &mut impl BufRead,
        shape: &Shape,
    ) -> Result<Option<Row>, Box<dyn Error>> {
        let Some(record) = self.record(input)? else {
            return Ok(None);
        };
        let whole = record.fault().map_or(Ok(&record.cells), |fault| Err(vec![fault]));
        let customer = whole.and_then(|cells| self.text(cells)).and_then(|cells| {
            let names = self.columns.iter().map(String::as_str);
            shape.read(Shape::object(names.zip(cells)))
        });
        let Record { line, raw, bytes, .. } = record;
        Ok(Some(Row { line, raw, bytes, customer }))
    }

    /// The cells as text, as many as there are columns.
    fn text<'a>(&self, cells: &'a [Vec<u8>]) -> Result<Vec<&'a str>, Vec<String>> {
        let (found, expected) = (cells.len(), self.columns.len());
        if found != expected {
            let wrong = format!("there are {found} fields where the heading has {expected}");
            return Err(vec![wrong]);
        }
        let mut wrong = Vec::new();
        let mut texts = Vec::with_capacity(found);
        for (column, cell) in self.columns.iter().zip(cells) {
            match std::str::from_utf8(cell) {
                Ok(text) => texts.push(text),
                Err(_) => wrong.push(format!("{column}: must be UTF-8")),
            }
        }
        if wrong.is_empty() { Ok(texts) } else { Err(wrong) }
    }

    /// The next record. Whatever its length is, no more is kept than a row may have; of a heading
    /// that is longer or wider no more is read.
    fn record(&mut self, input: &mut impl BufRead) -> io::Result<Option<Record>> {
        let mut record = Record::default();
        let mut ends = [0; MAX_COLUMNS];
        let (mut written, mut ended) = (0, 0);
        loop {
            if record.is_long || record.is_wide {
                if self.columns.is_empty() {
                    break;
                }
                // Its cells are not asked for any more.
                (written, ended) = (0, 0);
            }
            let bytes = input.fill_buf()?;
            let (result, read, wrote, more) = self.parser.read_record(
                bytes,
                self.text.get_mut(written..).unwrap_or_default(),
                ends.get_mut(ended..).unwrap_or_default(),
            );
            let mut bytes = bytes.get(..read).unwrap_or_default();
            if record.bytes == 0 {
                // Before it stands what is left of the line before, and empty lines.
                let skipped = bytes.iter().take_while(|&&byte| is_break(byte)).count();
                let (before, own) = bytes.split_at(skipped);
                self.lines += breaks(before);
                record.line = self.lines + 1;
                bytes = own;
            }
            record.push(bytes);
            input.consume(read);
            (written, ended) = (written + wrote, ended + more);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => record.is_long = true,
                ReadRecordResult::OutputEndsFull => record.is_wide = true,
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        self.lines += record.breaks;
        if record.fault().is_none() {
            let mut start = 0;
            let cells = ends.iter().take(ended).map(|&end| {
                let cell = self.text.get(start..end).unwrap_or_default().to_vec();
                start = end;
                cell
            });
            record.cells = cells.collect();
        }
        while record.raw.last().copied().is_some_and(is_break) {
            record.raw.pop();
        }
        Ok(Some(record))
    }
}

/// Whether it may be repeated: no secret has this form.
fn is_like_a_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _-.;".contains(c);
    text.len() <= 32 && text.chars().all(plain) && text.contains(|c: char| c.is_ascii_lowercase())
}

const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
