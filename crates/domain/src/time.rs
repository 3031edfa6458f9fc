//! Points in time. The domain never reads a clock: every function that needs
//! the time takes it as an argument.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time in whole microseconds since 1970-01-01T00:00:00Z, the
/// resolution at which every database stores it. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch, negative before it.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since the epoch, negative before it.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Nanoseconds within the second, 0 to 999,999,000.
    #[must_use]
    pub const fn subsecond_nanos(self) -> i32 {
        // Below 1e9, so it fits.
        #[expect(clippy::cast_possible_truncation, reason = "rem_euclid is below 1e6")]
        let micros = self.0.rem_euclid(MICROS_PER_SECOND) as i32;
        micros * 1_000
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0))
            .map_or(Duration::ZERO, Duration::from_micros)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

/// As RFC 3339 has it, in UTC, with the fraction in three digits or six, or without one: as
/// protobuf's JSON has it. Beyond the year 9999, which RFC 3339 cannot write, the seconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) =
            OffsetDateTime::from_unix_timestamp(self.as_seconds()).ok().filter(|at| at.year() >= 0)
        else {
            return fmt::Debug::fmt(self, f);
        };
        let ((hour, minute, second), month) = (at.to_hms(), u8::from(at.month()));
        write!(f, "{:04}-{month:02}-{:02}T", at.year(), at.day())?;
        write!(f, "{hour:02}:{minute:02}:{second:02}")?;
        match self.0.rem_euclid(MICROS_PER_SECOND) {
            0 => f.write_str("Z"),
            micros if micros % 1_000 == 0 => write!(f, ".{:03}Z", micros / 1_000),
            micros => write!(f, ".{micros:06}Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.as_seconds(), self.0.rem_euclid(MICROS_PER_SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_towards_the_past() {
        let before = Timestamp::from_micros(-1);
        assert_eq!(before.as_seconds(), -1);
        assert_eq!(before.subsecond_nanos(), 999_999_000);
    }

    #[test]
    fn since_is_zero_for_what_lies_ahead() {
        let now = Timestamp::from_seconds(10);
        assert_eq!(now.since(now + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!((now + Duration::from_secs(1)).since(now), Duration::from_secs(1));
    }

    #[test]
    fn debug_is_in_seconds() {
        assert_eq!(format!("{:?}", Timestamp::from_micros(1_000_007)), "1.000007s");
    }

    #[test]
    fn its_text_is_that_of_rfc_3339_as_far_as_that_goes() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_500_000, "1970-01-01T00:00:01.500Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_709_210_096_000_007, "2024-02-29T12:34:56.000007Z"),
            (253_402_300_799_000_000, "9999-12-31T23:59:59Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00Z"),
            (253_402_300_800_000_000, "253402300800.000000s"),
            (-62_167_219_200_000_001, "-62167219201.999999s"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_micros(i64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(
            Timestamp::from_micros(i64::MIN) - Duration::MAX,
            Timestamp::from_micros(i64::MIN)
        );
    }
}
