//! Refused proofs and calls in the audit trail: each tells of itself by its event, up to a rate, and
//! beyond it they are counted in this server's memory and told of together
//! ([`gatehouse_domain::audit::tally`]).
//!
//! A server that ends in order writes what it has counted; one that is killed loses what it
//! has counted since it last wrote, which is a minute's.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use gatehouse_domain::audit::tally::{Counted, Kind, Tally, Telling};
use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{StoreError, Tx};

use super::retry::retry;
use super::{Call, record};
use crate::app::App;
use crate::error::AppError;

/// Counts that one transaction writes, at most.
pub const BATCH: usize = 200;

/// What a server has counted and not written yet.
#[derive(Default)]
pub struct Tries {
    tally: Mutex<Tally>,
    /// Events that may have been written: whether they were is found out by writing them once
    /// more, with the ids that they have.
    leaving: tokio::sync::Mutex<Vec<Event>>,
}

impl Tries {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Numbers; nothing panics half way.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many tries have been counted and not been written, which are forgotten.
    async fn left(&self, now: Timestamp) -> u64 {
        let leaving = std::mem::take(&mut *self.leaving.lock().await);
        let in_events = leaving.iter().flat_map(|event| &event.attributes);
        let in_events = in_events.filter(|(key, _)| *key == "count");
        let in_events = in_events.filter_map(|(_, count)| count.parse::<u64>().ok());
        let in_tally = self.tally().take(usize::MAX, now).into_iter().map(|counted| counted.count);
        in_events.chain(in_tally).sum()
    }
}

/// Whether a refusal has changed what is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// A code was judged wrong, a lock began, or an enrollment ended: it always has its event.
    State,
    /// At most a budget.
    Nothing,
}

/// A refusal's place within the rate. It is taken once, however often the transaction that
/// refuses is begun again.
#[derive(Default)]
pub(super) struct Place(OnceLock<Telling>);

/// Ends `tx` with what it says of a proof that was refused: its event, or that it counts.
pub(super) async fn commit(
    app: &App,
    tx: Tx,
    event: &Event,
    changed: Changed,
    place: &Place,
) -> Result<(), AppError> {
    let telling = match changed {
        Changed::State => Telling::Alone,
        Changed::Nothing => *place.0.get_or_init(|| app.tries.tally().admit(event)),
    };
    if telling == Telling::Alone {
        tx.record(event).await?;
        return Ok(tx.commit().await?);
    }
    tx.commit().await?;
    count(app, event, telling);
    Ok(())
}

/// The same of a refusal that changes nothing that is stored.
pub(super) async fn tell(app: &App, event: &Event) -> Result<(), AppError> {
    let telling = app.tries.tally().admit(event);
    if telling == Telling::Alone {
        return record(app, event).await;
    }
    count(app, event, telling);
    Ok(())
}

fn count(app: &App, event: &Event, telling: Telling) {
    app.tries.tally().count(event, telling);
    app.metrics.count_try(event);
}

/// Writes the next batch of what was counted; gives how many events. With less than [`BATCH`]
/// of them there are no more for now.
///
/// # Errors
/// [`AppError::StoreUnavailable`]: nothing is lost, and the next batch is the same.
pub async fn write_batch(app: &App, now: Timestamp) -> Result<usize, AppError> {
    let mut leaving = app.tries.leaving.lock().await;
    if leaving.is_empty() {
        let counted = app.tries.tally().take(BATCH, now);
        *leaving = counted.into_iter().map(|counted| event(app, now, counted)).collect();
    }
    if leaving.is_empty() {
        return Ok(0);
    }
    retry(app, || async {
        let tx = app.store.begin().await?;
        match tx.record_all(&leaving.iter().collect::<Vec<_>>()).await {
            // The last time it was committed, and only its answer was lost.
            Err(StoreError::Duplicate) => Ok(()),
            recorded => {
                recorded?;
                Ok(tx.commit().await?)
            }
        }
    })
    .await?;
    Ok(std::mem::take(&mut *leaving).len())
}

/// Writes all that was counted, as no more will come. What cannot be written is told in the
/// log.
pub async fn write_rest(app: &App, now: Timestamp) {
    loop {
        match write_batch(app, now).await {
            Ok(written) if written < BATCH => return,
            Ok(_) => {}
            Err(error) => {
                let tries = app.tries.left(now).await;
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "{tries} refused tries were counted and are in no event");
                return;
            }
        }
    }
}

/// That all of these were refused.
fn event(app: &App, now: Timestamp, counted: Counted) -> Event {
    let Counted { resource, caller, kind, reason, count, first, last } = counted;
    let (kind, mut attributes) = match kind {
        Kind::Proof { kind, proof, customers } => {
            let customers = ("customers", customers.to_string());
            let proofs = vec![("type", kind.as_str().to_owned()), ("proof", proof), customers];
            (EventType::SignInRefused, proofs)
        }
        Kind::Call { method } => (EventType::CallsRefused, vec![("method", method)]),
    };
    attributes.extend([
        ("count", count.to_string()),
        ("first_time", first.to_string()),
        ("last_time", last.to_string()),
    ]);
    let event = Call { now, caller }.event(app, kind, resource);
    Event { reason, attributes, ..event }
}
