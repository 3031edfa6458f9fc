//! The verdict on a history.

use std::collections::BTreeMap;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;

use super::{Call, History, budget, ended, passwords, single_use, tally};

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// C3: two calls that were under way together succeeded by the same.
    UsedTwice,
    /// C3: it had been used when the call began.
    UsedAgain,
    /// C14: a time step no later than one that had been accepted.
    StepBack,
    /// C3: what the audit trail tells is more, or less, than can have happened.
    Miscounted,
    /// C11: what was right and there was refused as wrong or gone.
    FalseVerdict,
    /// C4: more wrong codes were compared than the budget holds.
    OverBudget,
    /// C4: a code was compared after the customer had been told of the lock.
    JudgedWhileLocked,
    /// C7: what had been ended was still good.
    OutlivedItsEnd,
    /// C11: the answer was INTERNAL.
    Internal,
    /// A call took longer than calls may.
    Hung,
}

/// Every call ends in 10 seconds; the rest is for a busy machine.
const LIMIT: Duration = Duration::from_secs(13);

/// Refusals that no caller here gives a reason for: the keys are good, the requests well
/// formed and about what is there.
const NEVER: [ErrorReason; 6] = [
    ErrorReason::ApiKeyInvalid,
    ErrorReason::ApiKeyScope,
    ErrorReason::ResourceNotFound,
    ErrorReason::PortalUsesSaml,
    ErrorReason::CustomerSuspended,
    ErrorReason::RequestInvalid,
];

/// A rule broken, and how.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: Rule,
    #[expect(dead_code, reason = "for those who read it")]
    pub customer: usize,
    #[expect(dead_code, reason = "for those who read it")]
    pub how: String,
}

/// All that no server may have answered so. Says nothing of what was not asked.
pub fn check(history: &History) -> Vec<Violation> {
    let mut by_customer: BTreeMap<usize, Vec<&Call>> = BTreeMap::new();
    for call in &history.calls {
        by_customer.entry(call.customer).or_default().push(call);
    }
    let mut violations = Vec::new();
    for (customer, calls) in by_customer {
        let mut note = |rule, how| violations.push(Violation { rule, customer, how });
        single_use::check(&calls, &mut note);
        budget::check(&calls, &mut note);
        ended::check(&calls, &mut note);
        passwords::check(&calls, &mut note);
        for tally in history.tallies.iter().filter(|tally| tally.customer == customer) {
            tally::check(&calls, tally, &mut note);
        }
        for call in calls {
            if call.was_refused(ErrorReason::Internal) {
                note(Rule::Internal, format!("{call:?}"));
            }
            if NEVER.into_iter().any(|reason| call.was_refused(reason)) {
                note(Rule::FalseVerdict, format!("{call:?}"));
            }
            if call.span.end.saturating_sub(call.span.start) > LIMIT {
                note(Rule::Hung, format!("{call:?}"));
            }
        }
    }
    violations
}

/// Takes a broken rule, and how it was broken.
pub type Note<'a> = dyn FnMut(Rule, String) + 'a;
