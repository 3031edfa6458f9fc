//! JSON lines: an object on each line, and nothing on empty ones.

use std::error::Error;
use std::io::{BufRead, Read};

use serde_json::Value;
use serde_json::error::Category;

use super::{MAX_ROW_BYTES, Row, object, too_long};
use crate::command::admin::import::shape::{Shape, twice};

/// How to make JSON lines of what is none.
const HINT: &str = "each line has an object of its own, as `jq -c` writes them";

/// Where the reading is.
#[derive(Default)]
pub(super) struct JsonLines {
    /// How many lines have been read.
    line: u64,
    /// Whether a row was found: if not, the file may be of another kind.
    begun: bool,
}

impl JsonLines {
    pub(super) fn next(
        &mut self,
        mut input: impl BufRead,
        shape: &Shape,
    ) -> Result<Option<Row>, Box<dyn Error>> {
        loop {
            let mut raw = Vec::new();
            // One more, to see that it is too long.
            input.by_ref().take(MAX_ROW_BYTES as u64 + 1).read_until(b'\n', &mut raw)?;
            if raw.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            let line = self.line;
            if raw.len() > MAX_ROW_BYTES {
                let mut bytes = raw.len() as u64;
                if raw.last() != Some(&b'\n') {
                    bytes += input.skip_until(b'\n')? as u64;
                }
                self.begun = true;
                let customer = Err(vec![too_long(HINT)]);
                return Ok(Some(Row { line, raw: Vec::new(), bytes, customer }));
            }
            raw.truncate(raw.trim_ascii_end().len());
            if raw.is_empty() {
                continue;
            }
            let object = match object::parse(&raw) {
                Ok((Value::Object(object), repeated)) if repeated.is_empty() => Ok(object),
                Ok((Value::Object(_), repeated)) => Err(repeated.iter().map(twice).collect()),
                Ok((Value::Array(_), _)) if !self.begun => {
                    return Err(format!("line {line}: this is an array: {HINT}").into());
                }
                Ok(_) => Err(vec!["this is no JSON object".to_owned()]),
                Err(error) if error.is_eof() && !self.begun => {
                    return Err(
                        format!("line {line}: a value that does not end here: {HINT}").into()
                    );
                }
                Err(error) => Err(vec![not_json(&raw, &error)]),
            };
            self.begun = true;
            let customer = object.and_then(|row| shape.read(row));
            let bytes = raw.len() as u64;
            return Ok(Some(Row { line, raw, bytes, customer }));
        }
    }
}

/// Without what serde says of values: it repeats them.
fn not_json(raw: &[u8], error: &serde_json::Error) -> String {
    if let Err(error) = std::str::from_utf8(raw) {
        return format!("this is not UTF-8 from byte {} on", error.valid_up_to() + 1);
    }
    match error.classify() {
        Category::Eof => "this is JSON without its end".to_owned(),
        _ => format!("this is not JSON from column {} on", error.column()),
    }
}
