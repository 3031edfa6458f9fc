//! Rows that are sent together.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::BuildHasher;

use gatehouse_domain::email::Email;
use gatehouse_persistence::IMPORTED_AT_ONCE;
use prost::Message;

use super::report::Report;
use super::rows::Row;
use super::server::{Outcome, Server};
use crate::server::MAX_IMPORT_BYTES;

/// A row may still be added that is as long as rows get.
const FULL_BYTES: usize = MAX_IMPORT_BYTES / 2;

/// Rows in their order, with those that are wrong already among them.
#[derive(Default)]
pub(super) struct Batch {
    rows: Vec<Row>,
    /// Of what is sent and of what is kept, whichever is more.
    bytes: usize,
}

impl Batch {
    pub(super) fn push(&mut self, row: Row) {
        let encoded = row.customer.as_ref().map_or(0, Message::encoded_len);
        // With what the request adds to a row.
        self.bytes += row.raw.len().max(encoded + 8);
        self.rows.push(row);
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= IMPORTED_AT_ONCE || self.bytes >= FULL_BYTES
    }

    /// Has the server judge all rows, and make customers of those that it takes. It is empty
    /// afterwards.
    ///
    /// # Errors
    /// If the server does not go along with it at all, or a row cannot be reported.
    pub(super) async fn send(
        &mut self,
        server: &mut Server<'_>,
        report: &mut Report,
    ) -> Result<(), Box<dyn Error>> {
        let rows = std::mem::take(self).rows;
        let Some(first) = rows.first().map(|row| row.line) else { return Ok(()) };
        let sent = rows.iter().filter_map(|row| row.customer.clone().ok()).collect();
        let judged = server
            .import(sent, report)
            .await
            .map_err(|refused| server.broken_off(&refused, first))?;
        let mut judged = judged.into_iter();
        for row in rows {
            let outcome = match &row.customer {
                Ok(_) => judged.next().ok_or("the server left out a row")?,
                Err(wrong) => Outcome::Refused(wrong.clone()),
            };
            report.note(&row, outcome)?;
        }
        report.progress();
        Ok(())
    }
}

/// Which addresses and ids a file has had so far, and where. The server sees a batch alone: a
/// row that repeats one of another batch would be taken for a customer who was there before.
///
/// It remembers hashes of 64 bits, some 50 bytes a row with all that is around them: a million
/// rows share one by chance in three of a hundred million files.
#[derive(Default)]
pub(super) struct Seen {
    lines: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Seen {
    /// `row`, or that nobody knows whether it is meant or the one before.
    pub(super) fn check(&mut self, mut row: Row) -> Row {
        let Ok(customer) = &row.customer else { return row };
        // One that is none is the server's to judge.
        let email = Email::parse(&customer.email).ok().map(|email| email.as_str().to_owned());
        let id = Some(customer.customer_id.clone()).filter(|id| !id.is_empty());
        let mut wrong = Vec::new();
        for (field, value) in [("customer_id", id), ("email", email)] {
            let Some(value) = value else { continue };
            let hash = self.hasher.hash_one((field, value));
            let first = *self.lines.entry(hash).or_insert(row.line);
            if first != row.line {
                wrong.push(format!("{field}: is that of line {first}, too"));
            }
        }
        if !wrong.is_empty() {
            row.customer = Err(wrong);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_api::v1::CustomerImport;

    use super::*;

    fn row(line: u64, email: &str, id: &str) -> Row {
        let customer = CustomerImport {
            email: email.to_owned(),
            customer_id: id.to_owned(),
            ..CustomerImport::default()
        };
        Row { line, raw: vec![b'x'; 20], bytes: 20, customer: Ok(customer) }
    }

    #[test]
    fn a_row_that_repeats_an_address_or_an_id_says_of_which_line() {
        let mut seen = Seen::default();
        for (line, email, id) in
            [(1, "ana@example.com", ""), (2, "bo@example.com", "bo"), (3, "bo", ""), (4, "bo", "")]
        {
            assert!(seen.check(row(line, email, id)).customer.is_ok(), "{line}");
        }
        let wrong = |row: Row| row.customer.err().unwrap();
        let again = seen.check(row(5, " ANA@Example.com", ""));
        assert_eq!(wrong(again), ["email: is that of line 1, too"]);
        let again = seen.check(row(6, "bo@example.com", "bo"));
        let both = ["customer_id: is that of line 2, too", "email: is that of line 2, too"];
        assert_eq!(wrong(again), both);
    }

    #[test]
    fn a_batch_is_full_with_the_rows_or_the_bytes_that_a_call_takes() {
        let mut batch = Batch::default();
        for line in 0..1_000 {
            assert!(!batch.is_full());
            batch.push(row(line, "", ""));
        }
        assert!(batch.is_full());
        let mut batch = Batch::default();
        let long = "x".repeat(60 * 1024);
        while !batch.is_full() {
            batch.push(row(1, &long, ""));
        }
        assert!(batch.rows.len() > 30 && batch.bytes < MAX_IMPORT_BYTES);
    }
}
