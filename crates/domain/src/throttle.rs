//! The budgets of wrong passwords. They slow guessing down, by email address
//! and by where it comes from, and are the same for an address nobody has.
//!
//! As with codes, a guess is charged and committed before the hash is computed,
//! and a right password takes back its own charge alone. Only the budget of a
//! source, which slows and never stops, counts what was found wrong: an office
//! that signs in at nine must not slow itself by being many.

use std::time::Duration;

use crate::time::Timestamp;

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);
const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What tries are counted together for, within a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An email address, from everywhere.
    Address,
    /// A source, at every address.
    Source,
    /// An email address from one source.
    AddressAndSource,
}

/// How fast, and how often, something may be tried.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    name: &'static str,
    subject: Subject,
    window: Duration,
    /// From so many failures within the window on, so long between tries. Ascending.
    spacing: &'static [(u32, Duration)],
    /// Failures within any stretch of the window's length.
    limit: u32,
}

/// One email address tried from one source.
pub static ADDRESS_AND_SOURCE: Rule = Rule {
    name: "address_and_source",
    subject: Subject::AddressAndSource,
    window: DAY,
    spacing: &[(5, seconds(3)), (10, seconds(5)), (25, seconds(10))],
    limit: u32::MAX,
};
/// One email address, from everywhere. NIST 800-63B-4, section 3.2.2: at most 100.
pub static ADDRESS: Rule =
    Rule { name: "address", subject: Subject::Address, window: DAY, spacing: &[], limit: 100 };
/// One email address past its limit, from a source that has completed a sign-in
/// of it: otherwise anybody could lock anybody out. Whoever shares the source can
/// spend it too, so it comes back within two hours.
pub static ADDRESS_FROM_KNOWN_SOURCE: Rule = Rule {
    name: "address_from_known_source",
    subject: Subject::AddressAndSource,
    window: HOUR,
    spacing: &[],
    limit: 10,
};
/// One source. It is slowed and never stopped: it may be a whole office.
pub static SOURCE: Rule = Rule {
    name: "source",
    subject: Subject::Source,
    window: TEN_MINUTES,
    spacing: &[(20, seconds(1))],
    limit: u32::MAX,
};

/// Invitations asked for at one address. Each is a mail to whoever has it, so that
/// who is kept waiting by somebody else has one already.
pub static INVITATION_REQUEST: Rule = Rule {
    name: "invitation_request",
    subject: Subject::Address,
    window: HOUR,
    spacing: &[(3, seconds(60))],
    limit: 10,
};

/// How long a source is remembered after a completed sign-in.
pub const KNOWN_SOURCE_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// What one budget has seen. Two adjoining windows are counted together, so
/// that no stretch of a window's length, wherever it begins, holds more
/// failures than the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Number of the window that `current` counts, from the epoch.
    pub window: i64,
    /// Charges in the window before it.
    pub previous: u32,
    /// Charges in it.
    pub current: u32,
    /// The last charge, or the last try let pass while they are spaced.
    pub charged_at: Option<Timestamp>,
}

impl Throttle {
    /// Charges one try.
    ///
    /// # Errors
    /// It must not be made before the time that is returned.
    pub fn charge(self, now: Timestamp, rule: &Rule) -> Result<Self, Timestamp> {
        self.admit(now, rule).map(|admitted| admitted.count(now, rule))
    }

    /// Lets one try pass without charging it. While tries are spaced, it keeps
    /// the others waiting all the same.
    ///
    /// # Errors
    /// It must not be made before the time that is returned.
    pub fn admit(self, now: Timestamp, rule: &Rule) -> Result<Self, Timestamp> {
        let rolled = self.roll(rule.window_at(now));
        match rolled.retry_at(rule) {
            Some(retry_at) if retry_at > now => Err(retry_at),
            Some(_) => Ok(Self { charged_at: Some(now), ..rolled }),
            None => Ok(self),
        }
    }

    /// Counts one try that was found wrong, or is charged beforehand.
    #[must_use]
    pub fn count(self, now: Timestamp, rule: &Rule) -> Self {
        let rolled = self.roll(rule.window_at(now));
        Self { current: rolled.current.saturating_add(1), charged_at: Some(now), ..rolled }
    }

    /// Takes back one charge that was made at `charged_at`.
    #[must_use]
    pub fn take_back(self, charged_at: Timestamp, rule: &Rule) -> Self {
        let charged_in = rule.window_at(charged_at);
        if charged_in == self.window {
            Self { current: self.current.saturating_sub(1), ..self }
        } else if charged_in + 1 == self.window {
            Self { previous: self.previous.saturating_sub(1), ..self }
        } else {
            self
        }
    }

    /// What two have seen that were kept apart of one budget.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let window = self.window.max(other.window);
        let (one, other) = (self.roll(window), other.roll(window));
        Self {
            window,
            previous: one.previous.saturating_add(other.previous),
            current: one.current.saturating_add(other.current),
            charged_at: one.charged_at.max(other.charged_at),
        }
    }

    /// When nothing of this is of any consequence any more.
    #[must_use]
    pub fn expires_at(&self, rule: &Rule) -> Timestamp {
        rule.window_start(self.window.saturating_add(2))
    }

    /// Moves on to the window `window`. A clock that has been set back stays in
    /// the later one: time alone must not give guesses back.
    fn roll(self, window: i64) -> Self {
        match window.saturating_sub(self.window) {
            ..=0 => self,
            1 => Self { window, previous: self.current, current: 0, ..self },
            _ => Self { window, previous: 0, current: 0, ..self },
        }
    }

    fn retry_at(&self, rule: &Rule) -> Option<Timestamp> {
        let count = self.previous.saturating_add(self.current);
        if count >= rule.limit {
            // Once `current` is the previous window, it alone counts.
            let windows = if self.current >= rule.limit { 2 } else { 1 };
            return Some(rule.window_start(self.window.saturating_add(windows)));
        }
        let (_, spacing) = rule.spacing.iter().rev().find(|(from, _)| count >= *from)?;
        Some(self.charged_at? + *spacing)
    }
}

impl Rule {
    /// Keeps the budgets of different rules apart.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What its budgets are of.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    fn window_at(&self, now: Timestamp) -> i64 {
        now.as_micros().div_euclid(self.window_micros())
    }

    fn window_start(&self, window: i64) -> Timestamp {
        Timestamp::from_micros(window.saturating_mul(self.window_micros()))
    }

    fn window_micros(&self) -> i64 {
        i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000_000);

    fn charged(count: u32, rule: &Rule) -> Throttle {
        (0..count).fold(Throttle::default(), |throttle, _| throttle.count(NOW, rule))
    }

    #[test]
    fn five_at_once_then_slower_and_slower() {
        let waits = [(4, 0), (5, 3), (9, 3), (10, 5), (24, 5), (25, 10), (90, 10)];
        for (count, wait) in waits {
            let result = charged(count, &ADDRESS_AND_SOURCE).charge(NOW, &ADDRESS_AND_SOURCE);
            match wait {
                0 => assert!(result.is_ok(), "{count}"),
                _ => assert_eq!(result, Err(NOW + seconds(wait)), "{count}"),
            }
            let after = charged(count, &ADDRESS_AND_SOURCE);
            assert!(after.charge(NOW + seconds(wait), &ADDRESS_AND_SOURCE).is_ok(), "{count}");
        }
    }

    #[test]
    fn a_source_is_slowed_and_never_stopped() {
        let busy = charged(100_000, &SOURCE);
        assert_eq!(busy.admit(NOW, &SOURCE), Err(NOW + seconds(1)));
        let next = NOW + seconds(1);
        let admitted = busy.admit(next, &SOURCE).unwrap();
        assert_eq!(admitted.admit(next, &SOURCE), Err(next + seconds(1)), "one at a time");
        assert_eq!(admitted.current, busy.current, "and charges nothing");
    }

    #[test]
    fn many_tries_at_once_slow_no_source_that_gets_them_right() {
        let quiet = charged(19, &SOURCE);
        assert_eq!(quiet.admit(NOW, &SOURCE), Ok(quiet));
    }

    #[test]
    fn an_address_is_tried_a_hundred_times_a_day() {
        let full = charged(100, &ADDRESS);
        let retry_at = full.charge(NOW, &ADDRESS).unwrap_err();
        assert!(retry_at.since(NOW) >= DAY && retry_at.since(NOW) <= 2 * DAY);
        assert!(full.charge(retry_at, &ADDRESS).is_ok());
        assert!(charged(99, &ADDRESS).charge(NOW, &ADDRESS).is_ok());
    }

    #[test]
    fn a_right_password_takes_back_its_own_charge_in_whatever_window() {
        let start = ADDRESS.window_start(ADDRESS.window_at(NOW));
        let end = start + DAY - seconds(1);
        let charged = Throttle::default().charge(end, &ADDRESS).unwrap();
        let later = charged.charge(end + seconds(2), &ADDRESS).unwrap();
        assert_eq!((later.previous, later.current), (1, 1));
        let back = later.take_back(end, &ADDRESS);
        assert_eq!((back.previous, back.current), (0, 1));
        assert_eq!(back.take_back(end - 9 * DAY, &ADDRESS), back);
    }

    #[test]
    fn merged_budgets_hold_what_each_has_seen_where_it_still_counts() {
        let (day, spent) = (charged(3, &ADDRESS), charged(4, &ADDRESS));
        let now = day.merge(spent);
        assert_eq!((now.previous, now.current, now.charged_at), (0, 7, Some(NOW)));

        let next = Throttle::default().count(NOW + DAY, &ADDRESS);
        for merged in [next.merge(day), day.merge(next)] {
            assert_eq!((merged.previous, merged.current), (3, 1));
            assert_eq!((merged.window, merged.charged_at), (next.window, Some(NOW + DAY)));
        }
        assert_eq!(day.merge(Throttle::default()), day);
    }

    #[test]
    fn a_clock_set_back_gives_no_guesses_back() {
        let full = charged(100, &ADDRESS);
        assert!(full.charge(NOW - 3 * DAY, &ADDRESS).is_err());
    }

    /// A budget is found by the name of its rule.
    #[test]
    fn no_two_rules_have_one_name() {
        let rules = [
            &ADDRESS_AND_SOURCE,
            &ADDRESS,
            &ADDRESS_FROM_KNOWN_SOURCE,
            &SOURCE,
            &INVITATION_REQUEST,
        ];
        let names = rules.map(Rule::name);
        assert_eq!(
            names,
            [
                "address_and_source",
                "address",
                "address_from_known_source",
                "source",
                "invitation_request"
            ]
        );
    }

    #[test]
    fn a_source_is_known_for_thirty_days() {
        assert_eq!(KNOWN_SOURCE_LIFETIME, 30 * DAY);
    }

    #[test]
    fn a_budget_is_kept_for_as_long_as_it_counts() {
        let full = charged(100, &ADDRESS);
        let end = full.expires_at(&ADDRESS);
        let before = end - Duration::from_micros(1);
        assert_ne!(full.charge(before, &ADDRESS), Throttle::default().charge(before, &ADDRESS));
        assert_eq!(full.charge(end, &ADDRESS), Throttle::default().charge(end, &ADDRESS));
    }

    proptest! {
        #[test]
        fn no_day_wherever_it_begins_holds_more_than_the_limit(
            gaps in prop::collection::vec(0_u64..40_000, 1..600),
        ) {
            let mut throttle = Throttle::default();
            let mut now = NOW;
            let mut admitted = Vec::new();
            for gap in gaps {
                now = now + seconds(gap / 20);
                if let Ok(next) = throttle.charge(now, &ADDRESS) {
                    throttle = next;
                    admitted.push(now);
                }
            }
            for (index, first) in admitted.iter().enumerate() {
                let within = admitted[index..].iter().filter(|at| at.since(*first) < DAY).count();
                prop_assert!(within <= 100);
            }
        }
    }
}
