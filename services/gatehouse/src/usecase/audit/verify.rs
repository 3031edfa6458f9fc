//! Checking the chain, in the database or in a file that it was exported to.

use std::io::{self, BufRead};
use std::time::Duration;

use gatehouse_domain::audit::{ChainEnd, Expected, Finding, Summary, Verifier};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Vault;
use gatehouse_persistence::{Store, StoreError};

use super::export::{Line, LineError};

/// Events that are read at once.
const PAGE: u64 = 1_000;
/// Between two lines in the log, while it goes on.
const TOLD_EVERY: u64 = 100_000;
/// An event without a number that is older than the last one with a number by so much was
/// passed over: every call that writes has ended long before that.
const LEFT_OVER: Duration = Duration::from_mins(1);

/// Why a trail could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Retention has come past it.
    #[error(
        "the event {head} of the head that is expected has been removed by retention, as all up \
         to {removed}: expect a later one"
    )]
    Removed {
        /// The number of the head.
        head: i64,
        /// The last event that was removed.
        removed: i64,
    },
    /// A line of a file is none that was exported.
    #[error("line {line} of the file is no event of an export: {why}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// Why.
        why: LineError,
    },
    /// Nothing was exported, or what was is gone.
    #[error("the file holds no events: nothing was checked")]
    Empty,
    /// The file cannot be read.
    #[error("the file")]
    File(#[from] io::Error),
    /// The trail cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a trail came to, and what is not in it yet.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    /// The chain.
    pub summary: Summary,
    /// Events that have no number yet, at most
    /// [`MOST_COUNTED`](gatehouse_persistence::MOST_COUNTED).
    pub waiting: u64,
}

/// Checks every numbered event of the database, also while servers number and remove them.
/// Whatever is wrong goes to `found`, as it is met.
///
/// # Errors
/// [`VerifyError::Removed`], [`VerifyError::Store`].
pub async fn verify(
    store: &Store,
    vault: &Vault,
    expected: Expected,
    mut found: impl FnMut(Finding),
) -> Result<Verified, VerifyError> {
    let (start, is_vouched_for) = start(store, vault, &mut found).await?;
    if is_vouched_for {
        check_beginning(start, expected.head, &mut found)?;
    }
    let mut verifier = Verifier::new(vault, start, expected);
    let (mut after, mut last_at, mut read) = (None, None, 0);
    loop {
        let events = store.read().numbered_events(after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = Some(last.number);
        last_at =
            events.iter().rev().find_map(|event| Some(event.event.as_ref()?.at())).or(last_at);
        read += events.len() as u64;
        if read.is_multiple_of(TOLD_EVERY) {
            tracing::info!(number = last.number, "checked {read} events");
        }
        for event in events {
            if event.number > verifier.end().number.saturating_add(1) {
                // Retention may have gone on since it was asked.
                let (start, _) = self::start(store, vault, &mut found).await?;
                if start.number > verifier.end().number {
                    verifier.skip_to(start, &mut found);
                    if event.number <= start.number {
                        continue;
                    }
                }
            }
            verifier.take(&event, &mut found);
        }
    }
    let summary = verifier.finish(&mut found);
    if summary.events == 0 && start.number > 0 {
        // Retention never removes the last one.
        found(Finding::CutOff { last: start.number, expected: start.number + 1 });
    }
    // Where none has a number, those that once had one.
    let passed = last_at.map_or(Timestamp::from_micros(0), |at| at - LEFT_OVER);
    let count = store.read().count_left_over(passed).await?;
    if count > 0 {
        found(Finding::Unnumbered { count });
    }
    Ok(Verified { summary, waiting: store.read().count_waiting().await? })
}

/// Where the trail begins by what retention has noted, and whether it was a server that did.
async fn start(
    store: &Store,
    vault: &Vault,
    mut found: impl FnMut(Finding),
) -> Result<(ChainEnd, bool), StoreError> {
    let Some(start) = store.read().trail_start().await? else { return Ok((ChainEnd::START, true)) };
    let is_vouched_for = start.is_vouched_for(vault);
    if !is_vouched_for {
        found(Finding::ForgedStart { number: start.removed.number });
    }
    Ok((start.removed, is_vouched_for))
}

/// A head that is known may be the last event that retention has removed, and none before it.
fn check_beginning(
    start: ChainEnd,
    head: Option<ChainEnd>,
    found: &mut impl FnMut(Finding),
) -> Result<(), VerifyError> {
    match head {
        Some(head) if head.number < start.number => {
            Err(VerifyError::Removed { head: head.number, removed: start.number })
        }
        Some(head) if head.number == start.number && head != start => {
            found(Finding::OtherHead { number: head.number });
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Checks every event of a file that [`super::export::export`] has written: that it is what was
/// numbered, and between two that follow each other that nothing is missing. Gives what it came
/// to, and how many events between the first and the last are not in the file, as in an
/// export of one portal.
///
/// # Errors
/// [`VerifyError::Line`], [`VerifyError::Empty`], [`VerifyError::File`].
pub fn verify_file(
    file: impl BufRead,
    vault: &Vault,
    expected: Expected,
    mut found: impl FnMut(Finding),
) -> Result<(Summary, u64), VerifyError> {
    let mut verifier = Verifier::new(vault, ChainEnd::START, expected);
    let (mut missing, mut is_first) = (0, true);
    for (number, text) in (1..).zip(file.lines()) {
        let (before, event) =
            Line::parse(&text?).map_err(|why| VerifyError::Line { line: number, why })?;
        let end = verifier.end();
        if before.number > end.number || is_first {
            if !is_first {
                missing = u64::saturating_add(missing, before.number.abs_diff(end.number));
            }
            verifier.skip_to(before, &mut found);
        } else if before.number == end.number
            && before != end
            && let Some(stored) = &event.event
        {
            found(Finding::Changed { number: event.number, id: stored.id() });
        }
        is_first = false;
        verifier.take(&event, &mut found);
        if u64::is_multiple_of(number, TOLD_EVERY) {
            tracing::info!(number = event.number, "checked {number} events");
        }
    }
    if is_first {
        return Err(VerifyError::Empty);
    }
    Ok((verifier.finish(found), missing))
}
