//! What callers asked for and what they were told, and whether any server that keeps its
//! promises can have told them so.
//!
//! A call has happened, if at all, somewhere between its start and its end. One whose
//! outcome is unknown may have happened at any time after its start, or never.

mod budget;
mod check;
mod ended;
mod object;
mod passwords;
mod single_use;
mod tally;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gatehouse_api::v1::ErrorReason;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::support::Answer;

pub use check::{Rule, check};
pub use tally::{Kind, Tally};

/// No server takes as long.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// Of anything that a call makes or uses: a number that means nothing else.
pub type Id = u64;

/// When a call was under way, from the beginning of its history.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub start: Duration,
    pub end: Duration,
}

/// What a call came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Refused(ErrorReason),
    /// The database was away, the caller did not wait, or the connection broke.
    Unknown,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("Succeeded"),
            Self::Refused(reason) => f.write_str(reason.as_str_name()),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// A code that is right for a factor in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RightCode {
    Totp { factor: Id, step: u64 },
    Backup { set: Id, slot: usize },
}

/// What was asked for, with what it uses and what it makes if it succeeds.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// CreateCustomer, or what else sets a password and touches nothing else.
    SetPassword {
        password: Id,
    },
    /// Makes the sign-in, or where no more is asked for the session.
    VerifyPassword {
        start: Id,
        password: Id,
        sign_in: Id,
        session: Id,
    },
    /// A code that is none of the customer's.
    Guess,
    VerifySecondFactor {
        sign_in: Id,
        code: RightCode,
        session: Id,
    },
    /// Repeated by who has done so, it answers the same again.
    EnableMfa {
        enrollment: Id,
        factor: Id,
    },
    GenerateBackupCodes {
        set: Id,
    },
    FinishSignIn {
        sign_in: Id,
        factor: Option<Id>,
        session: Id,
    },
    CreateInvitation {
        invitation: Id,
    },
    AcceptInvitation {
        invitation: Id,
        password: Id,
        sign_in: Id,
        session: Id,
    },
    /// Any call that a dead session is refused.
    Validate {
        session: Id,
    },
    SignOut {
        session: Id,
    },
    SignOutOthers {
        of: Id,
    },
    ChangePassword {
        session: Id,
        password: Id,
    },
    Reset,
    Unlock,
    Suspend,
    Revoke,
    /// What is none of these; it is only counted.
    Other,
}

/// One call on behalf of one customer.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub customer: usize,
    pub act: Act,
    pub span: Span,
    pub outcome: Outcome,
}

impl Call {
    /// Whether it may have taken effect.
    pub fn may_have_happened(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused(_))
    }

    pub fn succeeded(&self) -> bool {
        self.outcome == Outcome::Succeeded
    }

    pub fn was_refused(&self, reason: ErrorReason) -> bool {
        self.outcome == Outcome::Refused(reason)
    }
}

/// All calls, in the order of their ends, and what the audit trail tells of them.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub calls: Vec<Call>,
    pub tallies: Vec<Tally>,
}

/// Keeps a history while it happens. Clones keep the same.
#[derive(Clone)]
pub struct Recorder {
    begun: Instant,
    ids: Arc<AtomicU64>,
    history: Arc<Mutex<History>>,
}

impl Recorder {
    pub fn new() -> Self {
        Self { begun: Instant::now(), ids: Arc::default(), history: Arc::default() }
    }

    /// An id that nothing else has.
    pub fn id(&self) -> Id {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a call and notes what came of it, also if it is dropped before its end.
    pub async fn call<T>(
        &self,
        customer: usize,
        act: Act,
        answer: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        let mut pending = Pending { recorder: self, customer, act, start: self.now(), told: None };
        let answer = match timeout(GIVEN_UP, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Status::deadline_exceeded("no answer")),
        };
        pending.told = Some(outcome(answer.as_ref().err()));
        drop(pending);
        answer
    }

    pub fn tally(&self, tally: Tally) {
        self.history.lock().unwrap().tallies.push(tally);
    }

    /// All that there is so far.
    pub fn history(&self) -> History {
        self.history.lock().unwrap().clone()
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// A call under way. One that its caller drops has an unknown outcome.
struct Pending<'a> {
    recorder: &'a Recorder,
    customer: usize,
    act: Act,
    start: Duration,
    told: Option<Outcome>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let span = Span { start: self.start, end: self.recorder.now() };
        let outcome = self.told.unwrap_or(Outcome::Unknown);
        let call = Call { customer: self.customer, act: self.act, span, outcome };
        self.recorder.history.lock().unwrap().calls.push(call);
    }
}

fn outcome(error: Option<&Status>) -> Outcome {
    let Some(status) = error else { return Outcome::Succeeded };
    let unknown = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled];
    match reason(status) {
        Some(reason) if !unknown.contains(&status.code()) => Outcome::Refused(reason),
        // None is the client's own, of a connection that broke.
        _ => Outcome::Unknown,
    }
}

/// Whether it may have happened all the same.
pub fn is_unknown(status: &Status) -> bool {
    outcome(Some(status)) == Outcome::Unknown
}

/// Why the server refused, if it was the server.
pub fn reason(status: &Status) -> Option<ErrorReason> {
    ErrorReason::from_str_name(status.metadata().get("gatehouse-reason")?.to_str().ok()?)
}

/// How many calls came to what.
#[derive(Debug, Default)]
pub struct Counts {
    calls: usize,
    succeeded: usize,
    unknown: usize,
    /// Wrong codes that were compared.
    judged: usize,
    refused: BTreeMap<&'static str, usize>,
}

impl History {
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { calls: self.calls.len(), ..Counts::default() };
        for call in &self.calls {
            match call.outcome {
                Outcome::Succeeded => counts.succeeded += 1,
                Outcome::Unknown => counts.unknown += 1,
                Outcome::Refused(reason) => {
                    *counts.refused.entry(reason.as_str_name()).or_default() += 1;
                }
            }
            counts.judged += usize::from(budget::is_judged(call));
        }
        counts
    }
}

impl History {
    /// The call that was answered after the longest time, with anything but an unknown
    /// outcome.
    pub fn slowest_answer(&self) -> Option<(Duration, Call)> {
        let answered = self.calls.iter().filter(|call| call.outcome != Outcome::Unknown);
        let timed = answered.map(|call| (call.span.end.saturating_sub(call.span.start), *call));
        timed.max_by_key(|(took, _)| *took)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, succeeded, unknown, judged, refused } = self;
        let total: usize = refused.values().sum();
        write!(f, "calls={calls} succeeded={succeeded} refused={total}")?;
        write!(f, " unavailable_or_given_up={unknown}")?;
        write!(f, " guesses_judged={judged}")?;
        for (reason, count) in refused {
            let reason = reason.trim_start_matches("ERROR_REASON_").to_lowercase();
            write!(f, " {reason}={count}")?;
        }
        Ok(())
    }
}
