//! C7 and C11: what was ended is not good any more, and nothing else is gone.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason;

use super::check::{Note, Rule};
use super::object::{Ends, Life, Object, ends, life};
use super::{Act, Call, RightCode};

/// Live sign-ins of a customer; one more ends the oldest.
const SIGN_INS: usize = 5;
/// The same of sessions.
const SESSIONS: usize = 20;
/// What is as old as this may have ended by itself.
const SIGN_IN_LIFETIME: Duration = Duration::from_mins(4);
const SESSION_LIFETIME: Duration = Duration::from_mins(25);

pub fn check(calls: &[&Call], note: &mut Note<'_>) {
    for call in calls {
        for object in call.act.needs() {
            let Some(life) = life(calls, object) else { continue };
            if call.succeeded() {
                if let Some(end) = calls.iter().find(|end| has_ended(end, &life, call)) {
                    note(Rule::OutlivedItsEnd, format!("{life:?} in {call:?} after {end:?}"));
                }
            } else if denies(call, object) && !is_explained(calls, call, &life) {
                note(Rule::FalseVerdict, format!("{life:?} in {call:?}"));
            }
        }
    }
}

/// Whether `end` had surely ended it when `call` began.
fn has_ended(end: &Call, life: &Life, call: &Call) -> bool {
    end.succeeded() && end.span.end <= call.span.start && ends(end, life) == Ends::Surely
}

/// Whether `call` was told that `object` is not there.
fn denies(call: &Call, object: Object) -> bool {
    let reason = match object {
        Object::SignIn(_) => ErrorReason::SignInInvalid,
        Object::Session(_) => ErrorReason::SessionInvalid,
        Object::Factor(_) | Object::BackupCodes(_) => ErrorReason::CredentialsRejected,
        Object::Invitation(_) => ErrorReason::InvitationInvalid,
    };
    // What was made while it asked may not have been there.
    call.was_refused(reason)
}

fn is_explained(calls: &[&Call], refused: &Call, life: &Life) -> bool {
    let before = |call: &&&Call| call.may_have_happened() && call.span.start <= refused.span.end;
    refused.span.start < life.made.end
        || calls.iter().filter(before).any(|call| {
            ends(call, life) != Ends::No || is_rival(&call.act, &refused.act, life.object)
        })
        || has_made_room(calls, refused, life)
}

/// Whether `act` uses up what `refused` wanted to use.
fn is_rival(act: &Act, refused: &Act, object: Object) -> bool {
    match (*act, *refused, object) {
        (
            Act::VerifySecondFactor { sign_in, .. } | Act::FinishSignIn { sign_in, .. },
            _,
            Object::SignIn(id),
        ) => sign_in == id,
        (
            Act::VerifySecondFactor { code, .. },
            Act::VerifySecondFactor { code: wanted, .. },
            Object::Factor(_) | Object::BackupCodes(_),
        ) => uses_up(code, wanted),
        (Act::AcceptInvitation { invitation, .. }, _, Object::Invitation(id)) => invitation == id,
        _ => false,
    }
}

/// A time step uses up the earlier ones too.
fn uses_up(code: RightCode, wanted: RightCode) -> bool {
    match (code, wanted) {
        (RightCode::Totp { factor, step }, RightCode::Totp { factor: of, step: wanted }) => {
            factor == of && step >= wanted
        }
        (code, wanted) => code == wanted,
    }
}

/// Whether it may have ended by its age, or for those that were made after it.
fn has_made_room(calls: &[&Call], refused: &Call, life: &Life) -> bool {
    let (most, lifetime) = match life.object {
        Object::SignIn(_) => (SIGN_INS, SIGN_IN_LIFETIME),
        Object::Session(_) => (SESSIONS, SESSION_LIFETIME),
        _ => return false,
    };
    let is_newer = |call: &&&Call| {
        let same_kind = |object: &Object| {
            std::mem::discriminant(object) == std::mem::discriminant(&life.object)
                && *object != life.object
        };
        call.may_have_happened()
            && call.act.makes().iter().any(same_kind)
            && call.span.end >= life.made.start
            && call.span.start <= refused.span.end
    };
    refused.span.end > life.made.start + lifetime || calls.iter().filter(is_newer).count() >= most
}
