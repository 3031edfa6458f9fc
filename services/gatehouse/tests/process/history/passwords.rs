//! The password that is in force is right, and no other is.

use gatehouse_api::v1::ErrorReason;

use super::check::{Note, Rule};
use super::{Act, Call, Id, Outcome};

fn set_by(call: &Call) -> Option<Id> {
    match call.act {
        Act::SetPassword { password }
        | Act::ChangePassword { password, .. }
        | Act::AcceptInvitation { password, .. }
            if call.may_have_happened() =>
        {
            Some(password)
        }
        _ => None,
    }
}

pub fn check(calls: &[&Call], note: &mut Note<'_>) {
    let settings: Vec<_> =
        calls.iter().filter_map(|call| set_by(call).map(|password| (*call, password))).collect();
    for call in calls {
        let Act::VerifyPassword { password, .. } = call.act else { continue };
        if call.succeeded() && is_surely_old(&settings, call, password) {
            note(Rule::OutlivedItsEnd, format!("an old password in {call:?}"));
        }
        let rejected = call.was_refused(ErrorReason::CredentialsRejected);
        if rejected && is_surely_set(&settings, call, password) {
            note(Rule::FalseVerdict, format!("the password in {call:?}"));
        }
    }
}

/// Whether another was set after every time at which this one may have been.
fn is_surely_old(settings: &[(&Call, Id)], call: &Call, password: Id) -> bool {
    settings.iter().any(|(later, other)| {
        *other != password
            && later.succeeded()
            && later.span.end <= call.span.start
            && settings.iter().filter(|(_, same)| *same == password).all(|(earlier, _)| {
                earlier.outcome != Outcome::Unknown && earlier.span.end <= later.span.start
            })
    })
}

/// Whether it was set, and no other may have been since.
fn is_surely_set(settings: &[(&Call, Id)], call: &Call, password: Id) -> bool {
    settings.iter().any(|(setting, same)| {
        *same == password
            && setting.succeeded()
            && setting.span.end <= call.span.start
            && settings.iter().filter(|(_, other)| *other != password).all(|(other, _)| {
                let before = other.succeeded() && other.span.end <= setting.span.start;
                before || other.span.start > call.span.end
            })
    })
}
