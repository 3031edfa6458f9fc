use super::*;

/// So many wrong codes, each for a millisecond, one after the other.
fn guesses(count: u64, from: u64) -> Vec<Call> {
    (0..count).map(|n| call(Act::Guess, from + n, from + n + 1, REJECTED)).collect()
}

#[test]
fn an_eleventh_wrong_code() {
    assert_eq!(found(&guesses(11, 0)), [Rule::OverBudget]);
    assert_eq!(found(&guesses(10, 0)), []);
    let at_once: Vec<_> = (0..11).map(|_| call(Act::Guess, 0, 50, REJECTED)).collect();
    assert_eq!(found(&at_once), [Rule::OverBudget]);
    for outcome in [THROTTLED, LOCKED, UNKNOWN] {
        let more = call(Act::Guess, 20, 30, outcome);
        assert_eq!(found(&[guesses(10, 0), vec![more]].concat()), []);
    }
}

#[test]
fn what_may_have_cleared_the_counter_gives_ten_more() {
    let right = totp(1, SESSION, 10, 20, OK);
    let clearings = [
        right,
        Call { outcome: UNKNOWN, ..right },
        call(Act::Reset, 10, 20, OK),
        call(Act::Unlock, 10, 20, UNKNOWN),
    ];
    for clearing in clearings {
        let both = [guesses(10, 0), vec![clearing], guesses(10, 20)].concat();
        let surely = clearing.succeeded();
        assert_eq!(found(&both), [], "{clearing:?}");
        let more = [guesses(10, 0), vec![clearing], guesses(11, 20)].concat();
        let rules = if surely { vec![Rule::OverBudget] } else { vec![] };
        assert_eq!(found(&more), rules, "{clearing:?}: an unknown one may come later");
        let long_after = [guesses(10, 0), vec![clearing], guesses(11, 100_000)].concat();
        assert_eq!(found(&long_after), [Rule::OverBudget], "{clearing:?}");
    }
    for refused in [call(Act::Unlock, 10, 20, THROTTLED), totp(1, SESSION, 10, 20, REJECTED)] {
        let both = [guesses(10, 0), vec![refused], guesses(1, 20)].concat();
        assert_eq!(found(&both), [Rule::OverBudget]);
    }
}

#[test]
fn a_right_password_clears_nothing() {
    let both = [guesses(10, 0), vec![password(SIGN_IN, 10, 20, OK)], guesses(1, 20)].concat();
    assert_eq!(found(&both), [Rule::OverBudget]);
}

#[test]
fn a_lock_that_ended_by_itself_gives_five_more() {
    let hour = 3_600_000;
    assert_eq!(found(&[guesses(10, 0), guesses(5, hour)].concat()), []);
    assert_eq!(found(&[guesses(10, 0), guesses(25, hour)].concat()), [Rule::OverBudget]);
}

#[test]
fn a_code_that_is_compared_after_the_lock_was_told() {
    let lock = call(Act::Guess, 0, 10, LOCKED);
    let compared = [call(Act::Guess, 10, 20, REJECTED), totp(1, SESSION, 10, 20, OK)];
    for compared in compared {
        assert_eq!(found(&[lock, compared]), [Rule::JudgedWhileLocked]);
        let overlapping =
            Call { span: Span { start: Duration::from_millis(9), ..compared.span }, ..compared };
        assert_eq!(found(&[lock, overlapping]), [], "it may have been first");
        for end in [call(Act::Unlock, 12, 14, OK), call(Act::Reset, 1, 2, UNKNOWN)] {
            assert_eq!(found(&[lock, end, compared]), [], "{end:?}");
        }
        let too_late = call(Act::Unlock, 21, 22, OK);
        assert_eq!(found(&[lock, compared, too_late]), [Rule::JudgedWhileLocked]);
    }
    // Two do not excuse each other.
    let both = [lock, totp(1, SESSION, 10, 20, OK), totp(2, SESSION + 1, 10, 20, OK)];
    assert_eq!(found(&both), [Rule::JudgedWhileLocked]);
}
