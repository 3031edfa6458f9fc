//! Histories made by hand: those that must be found out, and their closest relatives that
//! must not.

mod budget;
mod ended;
mod single_use;

use std::time::Duration;

use gatehouse_api::v1::ErrorReason;

use super::{Act, Call, History, Outcome, RightCode, Rule, Span, Tally, check};

const OK: Outcome = Outcome::Succeeded;
const UNKNOWN: Outcome = Outcome::Unknown;
const REJECTED: Outcome = Outcome::Refused(ErrorReason::CredentialsRejected);
const LOCKED: Outcome = Outcome::Refused(ErrorReason::SignInLocked);
const THROTTLED: Outcome = Outcome::Refused(ErrorReason::Throttled);
const SESSION_INVALID: Outcome = Outcome::Refused(ErrorReason::SessionInvalid);

const PASSWORD: u64 = 100;
const FACTOR: u64 = 200;
const SET: u64 = 300;
const SESSION: u64 = 400;
const SIGN_IN: u64 = 500;

/// In milliseconds from the beginning.
fn call(act: Act, start: u64, end: u64, outcome: Outcome) -> Call {
    let span = Span { start: Duration::from_millis(start), end: Duration::from_millis(end) };
    Call { customer: 0, act, span, outcome }
}

/// A right password, for a sign-in of that number and with one of its own.
fn password(sign_in: u64, start: u64, end: u64, outcome: Outcome) -> Call {
    let act = Act::VerifyPassword {
        start: sign_in + 1_000,
        password: PASSWORD,
        sign_in,
        session: sign_in + 2_000,
    };
    call(act, start, end, outcome)
}

/// A step of the factor, for the sign-in that makes the session of that number.
fn totp(step: u64, session: u64, start: u64, end: u64, outcome: Outcome) -> Call {
    let code = RightCode::Totp { factor: FACTOR, step };
    let sign_in = session - SESSION + SIGN_IN;
    call(Act::VerifySecondFactor { sign_in, code, session }, start, end, outcome)
}

fn backup_code(slot: usize, session: u64, start: u64, end: u64, outcome: Outcome) -> Call {
    let code = RightCode::Backup { set: SET, slot };
    let sign_in = session - SESSION + SIGN_IN;
    call(Act::VerifySecondFactor { sign_in, code, session }, start, end, outcome)
}

fn enable(start: u64, end: u64) -> Call {
    call(Act::EnableMfa { enrollment: 600, factor: FACTOR }, start, end, OK)
}

fn generate(start: u64, end: u64) -> Call {
    call(Act::GenerateBackupCodes { set: SET }, start, end, OK)
}

fn validate(session: u64, start: u64, end: u64, outcome: Outcome) -> Call {
    call(Act::Validate { session }, start, end, outcome)
}

fn found_with(calls: &[Call], tallies: &[Tally]) -> Vec<Rule> {
    let history = History { calls: calls.to_vec(), tallies: tallies.to_vec() };
    check(&history).into_iter().map(|violation| violation.rule).collect()
}

fn found(calls: &[Call]) -> Vec<Rule> {
    found_with(calls, &[])
}

#[test]
fn an_internal_error_is_never_right_and_an_unknown_outcome_no_error() {
    let internal = Outcome::Refused(ErrorReason::Internal);
    assert_eq!(found(&[call(Act::Other, 0, 1, internal)]), [Rule::Internal]);
    assert_eq!(found(&[call(Act::Other, 0, 1, UNKNOWN)]), []);
}

#[test]
fn a_key_that_is_good_and_a_call_without_an_end() {
    let key = Outcome::Refused(ErrorReason::ApiKeyInvalid);
    assert_eq!(found(&[call(Act::Other, 0, 1, key)]), [Rule::FalseVerdict]);
    assert_eq!(found(&[call(Act::Other, 0, 14_000, UNKNOWN)]), [Rule::Hung]);
    assert_eq!(found(&[call(Act::Other, 0, 10_500, UNKNOWN)]), []);
}

#[test]
fn customers_are_judged_each_by_their_own_calls() {
    let other = Call { customer: 1, ..totp(1, SESSION + 1, 20, 30, OK) };
    assert_eq!(found(&[totp(1, SESSION, 0, 10, OK), other]), []);
}
