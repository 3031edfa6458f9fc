//! C3 and C14: what may be used once is.

use std::collections::BTreeMap;

use super::check::{Note, Rule};
use super::{Act, Call, Id, RightCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Start(Id),
    SignIn(Id),
    Code(RightCode),
    Invitation(Id),
}

/// An enrollment is none: EnableMfa may be repeated, and what it caused is counted in
/// the audit trail.
fn things(act: &Act) -> Vec<Thing> {
    match *act {
        Act::VerifyPassword { start, .. } => vec![Thing::Start(start)],
        Act::VerifySecondFactor { sign_in, code, .. } => {
            vec![Thing::SignIn(sign_in), Thing::Code(code)]
        }
        Act::FinishSignIn { sign_in, .. } => vec![Thing::SignIn(sign_in)],
        Act::AcceptInvitation { invitation, .. } => vec![Thing::Invitation(invitation)],
        _ => Vec::new(),
    }
}

pub fn check(calls: &[&Call], note: &mut Note<'_>) {
    let mut successes: BTreeMap<Thing, Vec<&Call>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.succeeded()) {
        for thing in things(&call.act) {
            successes.entry(thing).or_default().push(call);
        }
    }
    for (thing, mut users) in successes {
        users.sort_by_key(|call| call.span.start);
        for pair in users.windows(2) {
            let again = pair[0].span.end <= pair[1].span.start;
            let rule = if again { Rule::UsedAgain } else { Rule::UsedTwice };
            note(rule, format!("{thing:?} by {pair:?}"));
        }
    }
    steps_rise(calls, note);
}

fn steps_rise(calls: &[&Call], note: &mut Note<'_>) {
    let accepted: Vec<_> = calls.iter().filter_map(|call| accepted_step(call)).collect();
    for (earlier, factor, step) in &accepted {
        for (later, _, back) in accepted.iter().filter(|(_, other, _)| other == factor) {
            // The same step is the rule above.
            if back < step && earlier.span.end <= later.span.start {
                note(Rule::StepBack, format!("step {back} after {step} in {later:?}"));
            }
        }
    }
}

fn accepted_step(call: &Call) -> Option<(&Call, Id, u64)> {
    match call.act {
        Act::VerifySecondFactor { code: RightCode::Totp { factor, step }, .. }
            if call.succeeded() =>
        {
            Some((call, factor, step))
        }
        _ => None,
    }
}
