//! C4: wrong codes that are compared stay within the budget.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason;

use super::check::{Note, Rule};
use super::{Act, Call, Outcome};

/// Wrong codes until the first lock.
const BUDGET: usize = 10;
/// Wrong codes more for each lock that has ended by itself.
const AFTER_A_LOCK: usize = 5;
/// The shortest lock.
const LOCK: Duration = Duration::from_mins(15);
/// How long after its end an unknown call may still take effect: its work is not
/// cancelled with it, and every statement of it ends in seconds.
const LINGER: Duration = Duration::from_mins(1);

/// A wrong code that was compared.
pub fn is_judged(call: &Call) -> bool {
    matches!(call.act, Act::Guess) && call.was_refused(ErrorReason::CredentialsRejected)
}

/// Whether it forgets wrong codes, if it happens.
fn clears(act: &Act) -> bool {
    matches!(act, Act::VerifySecondFactor { .. } | Act::FinishSignIn { factor: Some(_), .. })
        || ends_locks(act)
}

fn ends_locks(act: &Act) -> bool {
    matches!(act, Act::Reset | Act::Unlock)
}

/// Until when it may have taken effect.
fn latest(call: &Call) -> Duration {
    match call.outcome {
        Outcome::Unknown => call.span.end + LINGER,
        _ => call.span.end,
    }
}

pub fn check(calls: &[&Call], note: &mut Note<'_>) {
    stays_within(calls, note);
    nothing_is_judged_in_a_lock(calls, note);
}

/// Counts those that no clearing can have come between.
fn stays_within(calls: &[&Call], note: &mut Note<'_>) {
    let mut clearings: Vec<_> = calls
        .iter()
        .filter(|call| call.may_have_happened() && clears(&call.act))
        .map(|call| (call.span.start, latest(call)))
        .collect();
    clearings.sort_unstable();
    let mut from = Duration::ZERO;
    for (start, end) in clearings.into_iter().chain([(Duration::MAX, Duration::MAX)]) {
        let between = calls
            .iter()
            .filter(|call| is_judged(call) && call.span.start >= from && call.span.end <= start);
        check_window(&between.collect::<Vec<_>>(), note);
        from = from.max(end);
    }
}

fn check_window(judged: &[&&Call], note: &mut Note<'_>) {
    let Some(first) = judged.iter().map(|call| call.span.start).min() else { return };
    let last = judged.iter().map(|call| call.span.end).max().unwrap_or(first);
    let locks = usize::try_from(last.saturating_sub(first).as_secs() / LOCK.as_secs()).unwrap();
    let allowed = BUDGET + AFTER_A_LOCK * locks;
    if judged.len() > allowed {
        note(Rule::OverBudget, format!("{} wrong codes from {first:?} to {last:?}", judged.len()));
    }
}

fn nothing_is_judged_in_a_lock(calls: &[&Call], note: &mut Note<'_>) {
    let is_compared = |call: &&&Call| {
        is_judged(call) || matches!(call.act, Act::VerifySecondFactor { .. }) && call.succeeded()
    };
    let locked = calls.iter().filter(|call| call.was_refused(ErrorReason::SignInLocked));
    for refusal in locked {
        let after = calls.iter().filter(is_compared).filter(|call| {
            call.span.start >= refusal.span.end && call.span.start < refusal.span.start + LOCK
        });
        for compared in after {
            let ended = calls.iter().any(|call| {
                ends_locks(&call.act)
                    && call.may_have_happened()
                    && call.span.start <= compared.span.end
                    && latest(call) >= refusal.span.start
            });
            if !ended {
                note(Rule::JudgedWhileLocked, format!("{compared:?} after {refusal:?}"));
                return;
            }
        }
    }
}
