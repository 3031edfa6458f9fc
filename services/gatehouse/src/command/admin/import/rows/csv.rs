//! CSV as RFC 4180 has it; lines may end in LF alone.

use std::error::Error;
use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader};

use super::{MAX_ROW_BYTES, OPEN_QUOTE, Row, breaks, too_long};
use crate::command::admin::import::shape::Shape;

/// More than any spreadsheet has that a person looks at. What is beyond is not kept apart.
const MAX_COLUMNS: usize = 1_024;

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
struct Record {
    /// On which line it begins, from 1.
    line: u64,
    raw: Vec<u8>,
    cells: Vec<Vec<u8>>,
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
        let Some(Record { line, raw, cells }) = csv.record(input)? else {
            return Err(
                format!("there is no heading: a line with names of {}", known.join(", ")).into()
            );
        };
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
        let Some(Record { line, raw, cells }) = self.record(input)? else {
            return Ok(None);
        };
        // A pair opens and closes, also within quotes (RFC 4180, section 2): what is left open
        // goes to the end of the file, which may have been cut off there.
        let is_open = raw.iter().fold(false, |open, &byte| open != (byte == b'"'));
        if is_open {
            let wrong = vec![format!("the row goes to the end of the file: {OPEN_QUOTE}")];
            return Ok(Some(Row { line, raw, customer: Err(wrong) }));
        }
        let customer = self.text(&cells).and_then(|cells| {
            let names = self.columns.iter().map(String::as_str);
            shape.read(Shape::object(names.zip(cells)))
        });
        Ok(Some(Row { line, raw, customer }))
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

    fn record(&mut self, input: &mut impl BufRead) -> Result<Option<Record>, Box<dyn Error>> {
        let mut raw = Vec::new();
        let mut ends = [0; MAX_COLUMNS];
        let (mut written, mut ended) = (0, 0);
        loop {
            let bytes = input.fill_buf()?;
            let (result, read, wrote, more) = self.parser.read_record(
                bytes,
                self.text.get_mut(written..).unwrap_or_default(),
                ends.get_mut(ended..).unwrap_or_default(),
            );
            raw.extend_from_slice(bytes.get(..read).unwrap_or_default());
            input.consume(read);
            (written, ended) = (written + wrote, ended + more);
            match result {
                ReadRecordResult::InputEmpty if raw.len() <= MAX_ROW_BYTES => {}
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull => {
                    return Err(too_long(self.lines + 1, OPEN_QUOTE));
                }
                ReadRecordResult::OutputEndsFull => {
                    let line = self.lines + 1;
                    return Err(format!("line {line}: more than {MAX_COLUMNS} fields").into());
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        // Before it stands what is left of the line before, and empty lines.
        let skipped = raw.iter().take_while(|&&byte| is_break(byte)).count();
        let line = self.lines + 1 + breaks(raw.get(..skipped).unwrap_or_default());
        self.lines += breaks(&raw);
        let mut start = 0;
        let cells = ends.iter().take(ended).map(|&end| {
            let cell = self.text.get(start..end).unwrap_or_default().to_vec();
            start = end;
            cell
        });
        let cells = cells.collect();
        raw.drain(..skipped);
        while raw.last().copied().is_some_and(is_break) {
            raw.pop();
        }
        Ok(Some(Record { line, raw, cells }))
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
