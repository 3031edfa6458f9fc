use super::*;

/// A session made from 20 to 30 ms, by a factor and a sign-in that were there.
fn signed_in() -> Vec<Call> {
    vec![enable(0, 5), password(SIGN_IN, 6, 10, OK), totp(1, SESSION, 20, 30, OK)]
}

fn with(more: &[Call]) -> Vec<Call> {
    [signed_in(), more.to_vec()].concat()
}

fn change_password(session: u64, start: u64, end: u64) -> Call {
    call(Act::ChangePassword { session, password: 101 }, start, end, OK)
}

#[test]
fn a_session_that_outlives_what_ends_it() {
    let other = SESSION + 50;
    let ends = [
        call(Act::Reset, 40, 50, OK),
        call(Act::Suspend, 40, 50, OK),
        call(Act::Revoke, 40, 50, OK),
        call(Act::SignOut { session: SESSION }, 40, 50, OK),
        call(Act::SignOutOthers { of: other }, 40, 50, OK),
        change_password(other, 40, 50),
    ];
    for end in ends {
        let after = validate(SESSION, 50, 60, OK);
        assert_eq!(found(&with(&[end, after])), [Rule::OutlivedItsEnd], "{end:?}");
        let overlapping = validate(SESSION, 49, 60, OK);
        assert_eq!(found(&with(&[end, overlapping])), [], "{end:?}");
        let unknown = Call { outcome: UNKNOWN, ..end };
        for outcome in [OK, SESSION_INVALID] {
            let after = validate(SESSION, 50, 60, outcome);
            assert_eq!(found(&with(&[unknown, after])), [], "{end:?}");
        }
        let refused = Call { outcome: THROTTLED, ..end };
        assert_eq!(found(&with(&[refused, after])), [], "{end:?}");
        let lost = validate(SESSION, 50, 60, SESSION_INVALID);
        assert_eq!(found(&with(&[refused, lost])), [Rule::FalseVerdict], "{end:?}");
    }
}

#[test]
fn what_ends_others_leaves_the_one_that_asked() {
    let ends = [
        call(Act::SignOut { session: SESSION + 50 }, 40, 50, OK),
        call(Act::SignOutOthers { of: SESSION }, 40, 50, OK),
        change_password(SESSION, 40, 50),
    ];
    for end in ends {
        assert_eq!(found(&with(&[end, validate(SESSION, 50, 60, OK)])), []);
        let lost = validate(SESSION, 50, 60, SESSION_INVALID);
        assert_eq!(found(&with(&[end, lost])), [Rule::FalseVerdict]);
    }
}

#[test]
fn a_session_that_raced_the_reset_of_its_factor() {
    for (start, end) in [(12, 22), (22, 28), (22, 40)] {
        let reset = call(Act::Reset, start, end, OK);
        let after = validate(SESSION, 50, 60, OK);
        assert_eq!(found(&with(&[reset, after])), [Rule::OutlivedItsEnd]);
        let dead = validate(SESSION, 50, 60, SESSION_INVALID);
        assert_eq!(found(&with(&[reset, dead])), []);
    }
    // Neither factor nor sign-in is known to have been there.
    let alone = [totp(1, SESSION, 20, 30, OK), call(Act::Reset, 22, 40, OK)];
    assert_eq!(found(&[&alone[..], &[validate(SESSION, 50, 60, OK)]].concat()), []);
    // What only ends sessions has nothing to do with one that comes after it.
    let revoke = call(Act::Revoke, 22, 28, OK);
    assert_eq!(found(&with(&[revoke, validate(SESSION, 50, 60, OK)])), []);
}

#[test]
fn a_factor_that_proves_after_its_reset_or_change() {
    let late = totp(2, SESSION + 1, 60, 70, OK);
    let changed = call(Act::EnableMfa { enrollment: 601, factor: 201 }, 40, 50, OK);
    for end in [call(Act::Reset, 40, 50, OK), changed] {
        assert_eq!(found(&with(&[end, late])), [Rule::OutlivedItsEnd]);
        let unknown = Call { outcome: UNKNOWN, ..end };
        assert_eq!(found(&with(&[unknown, late])), []);
        assert_eq!(found(&with(&[end, Call { outcome: REJECTED, ..late }])), []);
    }
    // The owner's repetition is no change.
    assert_eq!(found(&with(&[enable(40, 50), late])), []);
}

#[test]
fn a_backup_code_of_an_older_set() {
    let newer = call(Act::GenerateBackupCodes { set: 301 }, 12, 15, OK);
    let late = backup_code(0, SESSION, 20, 30, OK);
    assert_eq!(found(&[generate(0, 10), newer, late]), [Rule::OutlivedItsEnd]);
    assert_eq!(found(&[generate(0, 10), late]), []);
}

#[test]
fn a_session_that_is_gone_without_a_reason() {
    let lost = validate(SESSION, 50, 60, SESSION_INVALID);
    assert_eq!(found(&with(&[lost])), [Rule::FalseVerdict]);
    assert_eq!(found(&with(&[Call { outcome: UNKNOWN, ..lost }])), []);
    let newer: Vec<_> = (1..=20)
        .flat_map(|n| [password(SIGN_IN + n, 40, 41, OK), totp(1 + n, SESSION + n, 42, 43, OK)])
        .collect();
    assert_eq!(found(&[with(&newer), vec![lost]].concat()), [], "it made room");
    let unmade = [totp(1, SESSION, 20, 30, UNKNOWN), lost];
    assert_eq!(found(&unmade), []);
}

#[test]
fn an_old_password_that_is_right_and_a_new_one_that_is_wrong() {
    let set = |password| Act::SetPassword { password };
    let first = call(set(PASSWORD), 0, 1, OK);
    let right = password(SIGN_IN, 20, 30, OK);
    let wrong = Call { outcome: REJECTED, ..right };
    assert_eq!(found(&[first, right]), []);
    assert_eq!(found(&[first, wrong]), [Rule::FalseVerdict]);

    let changed = call(set(101), 10, 15, OK);
    assert_eq!(found(&[first, changed, right]), [Rule::OutlivedItsEnd]);
    assert_eq!(found(&[first, changed, wrong]), []);
    for changed in [call(set(101), 10, 15, UNKNOWN), call(set(101), 15, 25, OK)] {
        assert_eq!(found(&[first, changed, right]), []);
        assert_eq!(found(&[first, changed, wrong]), []);
    }
    let back = call(set(PASSWORD), 16, 18, OK);
    assert_eq!(found(&[first, changed, back, right]), []);
    assert_eq!(found(&[first, changed, back, wrong]), [Rule::FalseVerdict]);
    assert_eq!(found(&[first, changed, Call { outcome: UNKNOWN, ..back }, right]), []);
}
