use super::*;
use crate::history::Kind;

#[test]
fn a_code_that_two_succeed_by() {
    let first = totp(1, SESSION, 0, 10, OK);
    assert_eq!(found(&[first, totp(1, SESSION + 1, 5, 15, OK)]), [Rule::UsedTwice]);
    assert_eq!(found(&[first, totp(1, SESSION + 1, 10, 15, OK)]), [Rule::UsedAgain]);
    for other in [REJECTED, THROTTLED, UNKNOWN] {
        assert_eq!(found(&[first, totp(1, SESSION + 1, 5, 15, other)]), []);
    }
    assert_eq!(found(&[first, totp(2, SESSION + 1, 5, 15, OK)]), []);
}

#[test]
fn a_backup_code_that_two_succeed_by() {
    let first = backup_code(3, SESSION, 0, 10, OK);
    assert_eq!(found(&[first, backup_code(3, SESSION + 1, 20, 25, OK)]), [Rule::UsedAgain]);
    assert_eq!(found(&[first, backup_code(4, SESSION + 1, 20, 25, OK)]), []);
}

#[test]
fn a_sign_in_or_its_start_that_two_succeed_by() {
    let code = RightCode::Backup { set: SET, slot: 0 };
    let verify = Act::VerifySecondFactor { sign_in: SIGN_IN, code, session: SESSION };
    let finish = Act::FinishSignIn { sign_in: SIGN_IN, factor: None, session: SESSION + 1 };
    let first = call(verify, 0, 10, OK);
    assert_eq!(found(&[first, call(finish, 5, 15, OK)]), [Rule::UsedTwice]);
    assert_eq!(found(&[first, call(finish, 5, 15, UNKNOWN)]), []);

    let again = Call { act: password(SIGN_IN, 0, 0, OK).act, ..password(9, 20, 30, OK) };
    assert_eq!(found(&[password(SIGN_IN, 0, 10, OK), again]), [Rule::UsedAgain]);
    assert_eq!(found(&[password(SIGN_IN, 0, 10, UNKNOWN), again]), []);
}

#[test]
fn an_invitation_that_two_succeed_by() {
    let accept = |sign_in| Act::AcceptInvitation {
        invitation: 1,
        password: PASSWORD,
        sign_in,
        session: sign_in + 2_000,
    };
    let first = call(accept(2), 0, 10, OK);
    assert_eq!(found(&[first, call(accept(3), 5, 15, OK)]), [Rule::UsedTwice]);
    assert_eq!(found(&[first, call(accept(3), 5, 15, UNKNOWN)]), []);
}

#[test]
fn an_earlier_step_after_a_later_one() {
    let later = totp(2, SESSION, 0, 10, OK);
    assert_eq!(found(&[later, totp(1, SESSION + 1, 10, 15, OK)]), [Rule::StepBack]);
    assert_eq!(found(&[later, totp(1, SESSION + 1, 9, 15, OK)]), [], "it may have been first");
    assert_eq!(found(&[later, totp(1, SESSION + 1, 10, 15, REJECTED)]), []);
}

#[test]
fn a_right_code_that_nobody_succeeds_by() {
    let refused = totp(1, SESSION, 20, 30, REJECTED);
    assert_eq!(found(&[enable(0, 10), refused]), [Rule::FalseVerdict]);
    let both = [enable(0, 10), refused, totp(1, SESSION + 1, 20, 30, REJECTED)];
    assert_eq!(found(&both), [Rule::FalseVerdict; 2]);

    assert_eq!(found(&[enable(0, 10), Call { outcome: THROTTLED, ..refused }]), []);
    assert_eq!(found(&[refused]), [], "it may not have been in force");
    for (other, outcome) in [(1, OK), (1, UNKNOWN), (2, OK), (2, UNKNOWN)] {
        let other = totp(other, SESSION + 1, 15, 25, outcome);
        assert_eq!(found(&[enable(0, 10), other, refused]), []);
    }
    let later = totp(1, SESSION + 1, 31, 40, OK);
    assert_eq!(found(&[enable(0, 10), refused, later]), [Rule::FalseVerdict], "nobody yet");
    for reset in [call(Act::Reset, 12, 14, OK), call(Act::Reset, 29, 50, UNKNOWN)] {
        assert_eq!(found(&[enable(0, 10), reset, refused]), []);
    }
}

#[test]
fn a_right_backup_code_that_nobody_succeeds_by() {
    let refused = backup_code(1, SESSION, 20, 30, REJECTED);
    assert_eq!(found(&[generate(0, 10), refused]), [Rule::FalseVerdict]);
    let other_code = backup_code(2, SESSION + 1, 12, 15, OK);
    assert_eq!(found(&[generate(0, 10), other_code, refused]), [Rule::FalseVerdict]);
    let other_set = call(Act::GenerateBackupCodes { set: 9 }, 12, 15, UNKNOWN);
    assert_eq!(found(&[generate(0, 10), other_set, refused]), []);
}

#[test]
fn more_or_fewer_events_than_causes() {
    let tally = |events| [Tally { customer: 0, kind: Kind::Totp, events }];
    let calls = [
        totp(1, SESSION, 0, 10, OK),
        totp(2, SESSION + 1, 20, 30, UNKNOWN),
        totp(3, SESSION + 2, 40, 50, REJECTED),
    ];
    for (events, expected) in [(0, true), (1, false), (2, false), (3, true)] {
        let rules = if expected { vec![Rule::Miscounted] } else { vec![] };
        assert_eq!(found_with(&calls, &tally(events)), rules, "{events}");
    }
    // The same code, lost and then told: its session was made twice.
    let twice = [totp(1, SESSION, 0, 10, UNKNOWN), totp(1, SESSION + 1, 20, 30, OK)];
    assert_eq!(found_with(&twice, &tally(2)), [Rule::Miscounted]);
    assert_eq!(found_with(&twice, &tally(1)), []);
}

#[test]
fn an_enrollment_that_is_enabled_twice() {
    let tally = |events| [Tally { customer: 0, kind: Kind::Enrollment, events }];
    let repeated = [enable(0, 10), enable(5, 15), enable(20, 30)];
    assert_eq!(found_with(&repeated, &tally(1)), []);
    assert_eq!(found_with(&repeated, &tally(2)), [Rule::Miscounted]);
}
