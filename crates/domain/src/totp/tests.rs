use proptest::prelude::*;

use super::*;

const SECRET: &[u8] = b"12345678901234567890";

fn factor(secret: &[u8], parameters: TotpParameters) -> TotpFactor {
    TotpFactor::new(TotpSecret::from_bytes(secret), parameters)
}

fn parse(code: &str) -> TotpCode {
    TotpCode::parse(code).unwrap()
}

fn accepted(number: i64) -> TotpVerdict {
    TotpVerdict::Accepted { step: TimeStep(number) }
}

/// The middle of a time step of 30 seconds.
fn within(number: i64) -> Timestamp {
    Timestamp::from_seconds(number * 30 + 15)
}

/// RFC 4226, appendix D: the counter is the time step.
#[test]
fn rfc_4226_vectors() {
    let factor = factor(SECRET, TotpParameters::default());
    let codes = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (number, code) in (0..).zip(codes) {
        assert_eq!(factor.verify(&parse(code), within(number), 0, None), accepted(number));
    }
}

/// RFC 6238, appendix B, with the key lengths of its erratum 2866.
#[test]
fn rfc_6238_vectors() {
    let vectors = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]), // in the year 2603
    ];
    let algorithms =
        [(TotpAlgorithm::Sha1, 20), (TotpAlgorithm::Sha256, 32), (TotpAlgorithm::Sha512, 64)];
    let key = SECRET.repeat(4);
    for (seconds, codes) in vectors {
        for ((algorithm, length), code) in algorithms.into_iter().zip(codes) {
            let parameters = TotpParameters::new(algorithm, 8, 30).unwrap();
            let factor = factor(&key[..length], parameters);
            let now = Timestamp::from_seconds(seconds);
            assert_eq!(factor.verify(&parse(code), now, 0, None), accepted(seconds / 30));
        }
    }
}

#[test]
fn a_step_begins_with_its_first_microsecond() {
    let factor = factor(SECRET, TotpParameters::default());
    let code = parse("287082"); // of step 1
    let start = Timestamp::from_seconds(30).as_micros();
    for (micros, verdict) in [
        (start - 1, TotpVerdict::Rejected),
        (start, accepted(1)),
        (start * 2 - 1, accepted(1)),
        (start * 2, TotpVerdict::Rejected),
    ] {
        assert_eq!(factor.verify(&code, Timestamp::from_micros(micros), 0, None), verdict);
    }
}

#[test]
fn no_step_later_than_the_next_is_ever_acceptable() {
    for (seconds, period, last) in
        [(0, 30, 1), (29, 30, 1), (30, 30, 2), (59, 60, 1), (-1, 30, 0), (-31, 30, -1)]
    {
        let now = Timestamp::from_seconds(seconds);
        let step = TimeStep::last_acceptable(now, period);
        assert_eq!(step, TimeStep(last), "{seconds} s, period of {period} s");
    }
}

#[test]
fn a_step_is_stored_as_its_number() {
    for number in [-1, 0, 1, 7, i64::MAX] {
        assert_eq!(TimeStep::from_number(number).number(), number);
    }
}

#[test]
fn rejects_every_code_before_the_epoch() {
    let factor = factor(SECRET, TotpParameters::default());
    for micros in [-1, -30_000_000, i64::MIN] {
        let now = Timestamp::from_micros(micros);
        assert_eq!(factor.verify(&parse("755224"), now, 1, None), TotpVerdict::Rejected);
    }
    assert_eq!(factor.verify(&parse("755224"), Timestamp::EPOCH, 1, None), accepted(0));
}

#[test]
fn rejects_codes_of_another_length() {
    let factor = factor(SECRET, TotpParameters::default());
    // RFC 6238's eight digits end in the six of RFC 4226.
    for code in ["94287082", "4287082"] {
        assert_eq!(factor.verify(&parse(code), within(1), 1, None), TotpVerdict::Rejected);
    }
    let eight = TotpParameters::new(TotpAlgorithm::Sha1, 8, 30).unwrap();
    let verdict = self::factor(SECRET, eight).verify(&parse("287082"), within(1), 1, None);
    assert_eq!(verdict, TotpVerdict::Rejected);
}

#[test]
fn a_used_code_is_replayed_until_it_leaves_the_window() {
    let factor = factor(SECRET, TotpParameters::default());
    let code = parse("287082"); // of step 1
    let last = Some(TimeStep(1));
    assert_eq!(factor.verify(&code, within(1), 1, last), TotpVerdict::Replayed);
    assert_eq!(factor.verify(&code, within(2), 1, last), TotpVerdict::Replayed);
    assert_eq!(factor.verify(&code, within(2), 0, last), TotpVerdict::Rejected);
    assert_eq!(factor.verify(&parse("359152"), within(2), 0, last), accepted(2));
}

/// A window as wide as this one holds some code of six digits twice.
#[test]
fn of_several_matching_steps_the_latest_is_spent() {
    let factor = factor(SECRET, TotpParameters::default());
    let skew = u8::MAX;
    let mut seen = std::collections::HashMap::new();
    let (first, second) = (0..20_000_u64)
        .find_map(|number| {
            let before = seen.insert(factor.code(number).to_string(), number)?;
            (number - before <= 2 * u64::from(skew)).then_some((before, number))
        })
        .unwrap();
    let code = parse(&factor.code(first));
    let (first, second) = (first.cast_signed(), second.cast_signed());
    let now = within(i64::midpoint(first, second));
    let verdict = |last| factor.verify(&code, now, skew, last);
    assert_eq!(verdict(None), accepted(second));
    assert_eq!(verdict(Some(TimeStep(first))), accepted(second));
    assert_eq!(verdict(Some(TimeStep(second))), TotpVerdict::Replayed);
}

#[test]
fn parameters_are_within_their_ranges() {
    for (digits, period, good) in [
        (5, 30, false),
        (6, 30, true),
        (8, 30, true),
        (9, 30, false),
        (6, 14, false),
        (6, 15, true),
        (6, 300, true),
        (6, 301, false),
        (0, 0, false),
    ] {
        let parameters = TotpParameters::new(TotpAlgorithm::Sha1, digits, period);
        assert_eq!(parameters.is_ok(), good, "{digits} digits, {period} s");
    }
    let usual = TotpParameters::new(TotpAlgorithm::Sha1, 6, 30);
    assert_eq!(usual, Ok(TotpParameters::default()));
}

#[test]
fn debug_does_not_show_the_secret() {
    let debug = format!("{:?}", factor(b"hunter2", TotpParameters::default()));
    assert!(debug.contains("REDACTED"), "{debug}");
    assert!(!debug.contains("hunter2") && !debug.contains("104, 117"), "{debug}");
}

fn any_parameters() -> impl Strategy<Value = TotpParameters> {
    let algorithms = vec![TotpAlgorithm::Sha1, TotpAlgorithm::Sha256, TotpAlgorithm::Sha512];
    (prop::sample::select(algorithms), 6..=8_u8, 15..=300_u32).prop_map(
        |(algorithm, digits, period)| TotpParameters::new(algorithm, digits, period).unwrap(),
    )
}

proptest! {
    /// Against the definition, step by step; a code may be that of two steps.
    #[test]
    fn a_code_is_accepted_exactly_when_in_the_window_and_later_than_the_last(
        secret in prop::array::uniform20(any::<u8>()),
        parameters in any_parameters(),
        seconds in 0..20_000_000_000_i64,
        skew in 0..=2_u8,
        off in -4..=4_i64,
        last in prop::option::of(-4..=4_i64),
    ) {
        let current = seconds / i64::from(parameters.period_seconds());
        let factor = factor(&secret, parameters);
        let last = last.map(|last| TimeStep(current + last));
        let number = u64::try_from(current + off).unwrap_or(0);
        let code = factor.code(number);

        let skew_steps = i64::from(skew);
        let matching = (current - skew_steps..=current + skew_steps)
            .filter(|step| u64::try_from(*step).is_ok_and(|step| *factor.code(step) == *code))
            .map(TimeStep)
            .collect::<Vec<_>>();
        let expected = match matching.last() {
            Some(step) if last.is_none_or(|last| *step > last) => {
                TotpVerdict::Accepted { step: *step }
            }
            Some(_) => TotpVerdict::Replayed,
            None => TotpVerdict::Rejected,
        };
        let now = Timestamp::from_seconds(seconds);
        prop_assert_eq!(factor.verify(&parse(&code), now, skew, last), expected);
    }

    #[test]
    fn no_time_overflows_and_none_accepts_what_it_must_not(
        parameters in any_parameters(),
        micros in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)],
        skew in any::<u8>(),
        last in prop::option::of(any::<i64>().prop_map(TimeStep)),
        code in "[0-9]{6,8}",
    ) {
        let now = Timestamp::from_micros(micros);
        let period = i64::from(parameters.period_seconds());
        let verdict = factor(SECRET, parameters).verify(&parse(&code), now, skew, last);
        if let TotpVerdict::Accepted { step } = verdict {
            prop_assert!(last < Some(step));
            prop_assert!(step.number() >= 0);
            prop_assert!((step.number() - now.as_seconds() / period).abs() <= i64::from(skew));
        }
    }
}
