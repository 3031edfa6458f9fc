//! What the server makes of rows.

use std::time::{Duration, Instant};

use gatehouse_api::v1::{
    CustomerImport, ErrorReason, ExistingCustomer, ImportCustomersRequest, ImportOutcome,
    ImportResult,
};

use super::report::Report;
use crate::command::admin::connection::{Connection, Refused, answer};

/// Where a refusal does not say how long to wait. Each time twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What became of a row, or would become.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is a customer now.
    Imported,
    /// It was one before.
    Existing,
    /// All that is wrong, as `field: why`.
    Refused(Vec<String>),
}

/// Where the customers are to be.
pub(super) struct Server<'a> {
    connection: &'a mut Connection,
    portal: String,
    dry_run: bool,
    patience: Duration,
}

impl<'a> Server<'a> {
    pub(super) const fn new(
        connection: &'a mut Connection,
        portal: String,
        dry_run: bool,
        patience: Duration,
    ) -> Self {
        Self { connection, portal, dry_run, patience }
    }

    /// Makes customers of those rows that may be, and says of each what became of it.
    ///
    /// # Errors
    /// A refusal that is about no row, once patience has run out where waiting may help.
    pub(super) async fn import(
        &mut self,
        customers: Vec<CustomerImport>,
        report: &Report,
    ) -> Result<Vec<Outcome>, Refused> {
        if customers.is_empty() {
            return Ok(Vec::new());
        }
        let results = match self.call(&customers, self.dry_run, report).await {
            // Which rows are wrong only a validation says of all of them.
            Err(refused) if refused.reason() == Some(ErrorReason::RequestInvalid) => {
                self.import_valid(&customers, refused, report).await?
            }
            results => results?,
        };
        Ok(results.iter().map(outcome).collect())
    }

    /// What to say of an import that ended with `refused` before what is on line `first` was
    /// judged: whether the same command again is of use.
    pub(super) fn broken_off(&self, refused: &Refused, first: u64) -> String {
        let portal = &self.portal;
        let what = if refused.reason() == Some(ErrorReason::ResourceNotFound) {
            format!("{portal} is not there: name another, or make it by `admin portals create`")
        } else {
            refused.to_string()
        };
        match (self.dry_run, refused.passes()) {
            (true, _) => format!("{what}; nothing was changed"),
            (false, true) => {
                format!("{what}; what comes before line {first} is done: import it again to go on")
            }
            (false, false) => format!("{what}; nothing was changed from line {first} on"),
        }
    }

    /// Leaves out the rows for which all were refused.
    async fn import_valid(
        &mut self,
        customers: &[CustomerImport],
        refused: Refused,
        report: &Report,
    ) -> Result<Vec<ImportResult>, Refused> {
        let mut results = self.call(customers, true, report).await?;
        let is_valid = |result: &ImportResult| result.outcome() != ImportOutcome::Invalid;
        let rows = customers.iter().zip(&results);
        let valid: Vec<_> =
            rows.filter(|(_, result)| is_valid(result)).map(|(row, _)| row.clone()).collect();
        if valid.len() == customers.len() {
            return Err(refused);
        }
        if !valid.is_empty() {
            let made = self.call(&valid, self.dry_run, report).await?;
            let slots = results.iter_mut().filter(|result| is_valid(result));
            for (slot, made) in slots.zip(made) {
                *slot = made;
            }
        }
        Ok(results)
    }

    /// One call, made again for as long as patience lasts. Again is as good as once: what an
    /// answer that was lost tells of is passed over.
    async fn call(
        &mut self,
        customers: &[CustomerImport],
        validate_only: bool,
        report: &Report,
    ) -> Result<Vec<ImportResult>, Refused> {
        let request = ImportCustomersRequest {
            parent: self.portal.clone(),
            customers: customers.to_vec(),
            validate_only,
            existing: ExistingCustomer::Skip.into(),
        };
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let called = self.connection.import_customers(request.clone()).await;
            match answer(called) {
                Err(refused) if refused.passes() && begun.elapsed() < self.patience => {
                    report.waiting(&refused);
                    let left = self.patience.saturating_sub(begun.elapsed()).max(FIRST_PAUSE);
                    let wait = refused.retry_after().unwrap_or(pause);
                    tokio::time::sleep(wait.clamp(FIRST_PAUSE, left)).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                answered => return answered.map(|response| response.results),
            }
        }
    }
}

fn outcome(result: &ImportResult) -> Outcome {
    match result.outcome() {
        ImportOutcome::Created => Outcome::Imported,
        ImportOutcome::Skipped => Outcome::Existing,
        // It would be lost unseen.
        ImportOutcome::Conflict => {
            let who = format!("{} is there", result.customer);
            Outcome::Refused(result.errors.iter().cloned().chain([who]).collect())
        }
        ImportOutcome::Invalid | ImportOutcome::Unspecified => {
            Outcome::Refused(result.errors.clone())
        }
    }
}
