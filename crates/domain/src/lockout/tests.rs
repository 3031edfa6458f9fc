use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const MINUTE: Duration = Duration::from_mins(1);

fn policy() -> LockoutPolicy {
    LockoutPolicy::default()
}

fn until(until: Timestamp, failures: u32) -> Lock {
    Lock { until: Some(until), failures }
}

/// Guesses wrong `count` times, waiting out every lock.
fn guess_wrong(mut budget: CodeBudget, mut now: Timestamp, count: u32) -> (CodeBudget, Timestamp) {
    for _ in 0..count {
        if let Some(lock) = budget.lock(now) {
            now = lock.until.expect("a lock that ends");
        }
        budget = budget.charge(now, &policy()).expect("no lock").fail(now, &policy());
    }
    (budget, now)
}

#[test]
fn the_tenth_wrong_code_locks_for_fifteen_minutes() {
    let (nine, _) = guess_wrong(CodeBudget::default(), NOW, 9);
    assert_eq!(nine.lock(NOW), None);
    assert_eq!(nine.remaining(NOW, &policy()), 1);
    let (ten, _) = guess_wrong(nine, NOW, 1);
    assert_eq!(ten.lock(NOW), Some(until(NOW + 15 * MINUTE, 10)));
    assert_eq!(ten.remaining(NOW, &policy()), 0);
    assert_eq!(ten.charge(NOW, &policy()), Err(Refusal::Locked(until(NOW + 15 * MINUTE, 10))));
    assert!(ten.charge(NOW + 15 * MINUTE, &policy()).is_ok());
}

#[test]
fn what_is_left_after_a_lock_is_told_as_soon_as_it_is_over() {
    let (ten, _) = guess_wrong(CodeBudget::default(), NOW, 10);
    let end = NOW + 15 * MINUTE;
    assert_eq!(ten.remaining(end - Duration::from_micros(1), &policy()), 0);
    assert_eq!(ten.remaining(end, &policy()), 5);
    let (hundred, now) = guess_wrong(ten, NOW, 90);
    assert_eq!(hundred.remaining(now + 1000 * MAX_LOCK, &policy()), 0);
}

#[test]
fn every_further_half_doubles_the_lock_up_to_a_day() {
    let mut expected = 15 * MINUTE;
    for failures in (10..100).step_by(5) {
        let (budget, now) = guess_wrong(CodeBudget::default(), NOW, failures);
        assert_eq!(budget.lock(now), Some(until(now + expected, failures)), "{failures}");
        expected = (expected * 2).min(MAX_LOCK);
    }
}

#[test]
fn the_hundredth_wrong_code_locks_until_an_administrator_ends_it() {
    let (budget, now) = guess_wrong(CodeBudget::default(), NOW, 100);
    let years_later = now + 1000 * MAX_LOCK;
    assert_eq!(
        budget.charge(years_later, &policy()),
        Err(Refusal::Locked(Lock { until: None, failures: 100 }))
    );
}

#[test]
fn guesses_in_flight_count_against_the_budget() {
    let mut budget = CodeBudget::default();
    for _ in 0..10 {
        budget = budget.charge(NOW, &policy()).expect("within the budget");
    }
    assert_eq!(budget.charge(NOW, &policy()), Err(Refusal::Judging));
    let one_right = budget.take_back();
    assert!(one_right.charge(NOW, &policy()).is_ok());
}

#[test]
fn a_guess_whose_judge_is_gone_counts_as_wrong() {
    let mut budget = CodeBudget::default();
    for _ in 0..10 {
        budget = budget.charge(NOW, &policy()).expect("within the budget");
    }
    let given_up = NOW + JUDGING_TIME;
    let lock_end = given_up + 15 * MINUTE;
    for later in [given_up, given_up + 14 * MINUTE] {
        assert_eq!(budget.charge(later, &policy()), Err(Refusal::Locked(until(lock_end, 10))));
    }
    assert!(budget.charge(lock_end, &policy()).is_ok(), "the lock ends");
}

#[test]
fn a_right_proof_takes_back_its_own_charge_alone() {
    let (three_wrong, _) = guess_wrong(CodeBudget::default(), NOW, 3);
    let charged = three_wrong.charge(NOW, &policy()).expect("no lock");
    assert_eq!(charged.take_back().charges, 3);
    assert_eq!(three_wrong.take_back().charges, 3, "judged charges stay");
}

#[test]
fn a_completed_sign_in_clears_all_but_what_others_are_judging() {
    let (three_wrong, _) = guess_wrong(CodeBudget::default(), NOW, 3);
    let own = three_wrong.charge(NOW, &policy()).expect("no lock");
    let own_and_other = own.charge(NOW, &policy()).expect("no lock");
    let own = own.take_back().clear();
    assert_eq!((own.charges, own.failures), (0, 0));
    assert_eq!(own_and_other.take_back().clear().charges, 1);
}

proptest! {
    /// C4: whatever the order of charges, verdicts and time, guesses that are
    /// judged between two locks never exceed the distance of the thresholds.
    #[test]
    fn judged_guesses_never_exceed_the_thresholds(
        max in 3_u8..=20,
        steps in prop::collection::vec((0_u8..4, 0_u64..100_000), 1..300),
    ) {
        let policy = LockoutPolicy::new(Some(max), Some(MINUTE)).unwrap();
        let mut budget = CodeBudget::default();
        let mut in_flight = 0_u32;
        let mut now = NOW;
        for (step, seconds) in steps {
            match step {
                0 | 1 => if let Ok(charged) = budget.charge(now, &policy) {
                    prop_assert!(charged.charges <= next_threshold(charged.failures, &policy));
                    prop_assert!(charged.failures < MAX_CONSECUTIVE_FAILURES);
                    in_flight = charged.charges - charged.failures;
                    budget = charged;
                },
                2 if in_flight > 0 => {
                    budget = budget.fail(now, &policy);
                    in_flight -= 1;
                }
                _ => {
                    now = now + Duration::from_secs(seconds);
                }
            }
            prop_assert!(budget.failures <= budget.charges);
            prop_assert!(budget.charges <= MAX_CONSECUTIVE_FAILURES);
        }
    }
}
