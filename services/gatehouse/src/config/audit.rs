//! Settings of the audit trail.

use std::time::Duration;

use super::{Sources, number};

/// The longest that events can be kept and still be removed some time, a hundred years.
const MOST_DAYS: u64 = 36_500;

impl Sources<'_> {
    /// For how long events are kept; none for ever.
    pub(super) fn audit_retention(&self) -> Option<Duration> {
        let days = self.value(
            "audit_retention_days",
            |given| &given.audit_retention_days,
            number(1..=MOST_DAYS),
        );
        days.map(|days| Duration::from_hours(24 * days))
    }

    /// The last event that a version without keyed digests has numbered; 0 for none.
    pub(super) fn audit_unkeyed_until(&self) -> i64 {
        let last = self.value(
            "audit_unkeyed_until",
            |given| &given.audit_unkeyed_until,
            number(0..=i64::MAX),
        );
        last.unwrap_or(0)
    }
}
