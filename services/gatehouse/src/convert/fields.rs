//! Collects what is wrong with the fields of one request, and converts the
//! well-known types.

use std::fmt::Display;
use std::time::Duration;

use gatehouse_domain::field::{FieldViolation, Malformed};
use gatehouse_domain::time::Timestamp;

use crate::error::AppError;

/// What is wrong so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldViolation>);

impl Fields {
    /// The value, or a note of what is wrong with `field`.
    pub fn take<T, E: Display>(&mut self, field: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.note(field, error.to_string())).ok()
    }

    /// The value of a field that must be there.
    pub fn require<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.note(field, "required");
        }
        value
    }

    /// Notes what is wrong with `field`.
    pub fn note(&mut self, field: &str, description: impl Into<String>) {
        self.0.push(FieldViolation::new(field, description));
    }

    /// Notes several at once.
    pub fn extend(&mut self, violations: impl IntoIterator<Item = FieldViolation>) {
        self.0.extend(violations);
    }

    /// Passes if nothing is wrong.
    ///
    /// # Errors
    /// [`AppError::RequestInvalid`] with all of it.
    pub fn finish(self) -> Result<(), AppError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    /// The value of all fields together, if nothing is wrong with any.
    ///
    /// # Errors
    /// [`AppError::RequestInvalid`] with all of it.
    pub fn finish_with<T>(self, value: Option<T>) -> Result<T, AppError> {
        self.value_or_violations(value).map_err(AppError::RequestInvalid)
    }

    /// The value of all fields together, or all that is wrong with them, for an answer
    /// that is no error.
    ///
    /// # Errors
    /// What has been noted.
    pub fn value_or_violations<T>(self, value: Option<T>) -> Result<T, Vec<FieldViolation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// The error to answer with, where a value is missing.
    #[must_use]
    pub fn into_error(self) -> AppError {
        AppError::RequestInvalid(self.0)
    }
}

/// A single field that decides alone.
///
/// # Errors
/// [`AppError::RequestInvalid`] naming it.
pub fn only<T>(field: &str, value: Result<T, Malformed>) -> Result<T, AppError> {
    value.map_err(|error| error.at(field).into())
}

/// A text that may be left out.
#[must_use]
pub fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A time, in the message type.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_seconds(), nanos: at.subsecond_nanos() }
}

/// A time from the years 1970 to 9999, cut to microseconds.
///
/// # Errors
/// Any other.
pub fn parse_timestamp(at: &prost_types::Timestamp) -> Result<Timestamp, Malformed> {
    const END: i64 = 253_402_300_800;
    let nanos = u32::try_from(at.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    match nanos {
        Some(nanos) if (0..END).contains(&at.seconds) => {
            Ok(Timestamp::from_seconds(at.seconds) + Duration::from_nanos(nanos.into()))
        }
        _ => Err(Malformed("must be a time in the years 1970 to 9999")),
    }
}

/// A span of time, in the message type.
#[must_use]
pub fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(i32::MAX),
    }
}

/// A span of time that is not negative.
///
/// # Errors
/// Any other.
pub fn parse_duration(duration: &prost_types::Duration) -> Result<Duration, Malformed> {
    let seconds = u64::try_from(duration.seconds).ok();
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    match (seconds, nanos) {
        (Some(seconds), Some(nanos)) => Ok(Duration::new(seconds, nanos)),
        _ => Err(Malformed("must not be negative")),
    }
}

/// A count, in the message type.
#[must_use]
pub fn count(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_way_out_and_back() {
        for micros in [0, 1, 1_700_000_000_123_456, 253_402_300_799_999_999] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(parse_timestamp(&timestamp(at)), Ok(at));
        }
    }

    #[test]
    fn refuses_times_outside_of_the_calendar() {
        for (seconds, nanos) in
            [(-1, 0), (253_402_300_800, 0), (i64::MAX, 0), (0, -1), (0, 1_000_000_000)]
        {
            assert!(parse_timestamp(&prost_types::Timestamp { seconds, nanos }).is_err());
        }
    }

    #[test]
    fn refuses_negative_spans() {
        for (seconds, nanos) in [(-1, 0), (0, -1), (-1, -1), (0, 1_000_000_000)] {
            assert!(parse_duration(&prost_types::Duration { seconds, nanos }).is_err());
        }
        let span = Duration::new(3, 4);
        assert_eq!(parse_duration(&duration(span)), Ok(span));
    }

    #[test]
    fn every_bad_field_is_named() {
        let mut fields = Fields::default();
        assert_eq!(fields.take("a", Ok::<_, Malformed>(1)), Some(1));
        assert_eq!(fields.take("b", Err::<(), _>(Malformed("no"))), None);
        assert_eq!(fields.require::<()>("c", None), None);
        let Err(AppError::RequestInvalid(violations)) = fields.finish() else { panic!() };
        let names: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
    }
}
