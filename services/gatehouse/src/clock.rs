//! The one clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use gatehouse_domain::time::Timestamp;

/// Tells the time: the system's, or one that a test sets. A use case reads it
/// once and passes the time on.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Microseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start`, and the hand that moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let micros = Arc::new(AtomicI64::new(start.as_micros()));
        (Self(Source::Manual(Arc::clone(&micros))), ManualClock(micros))
    }

    /// Whether it is the system's.
    #[must_use]
    pub const fn is_system(&self) -> bool {
        matches!(self.0, Source::System)
    }

    /// The time. May be earlier than what was told before: clocks are set.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_time(),
            Source::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
fn system_time() -> Timestamp {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => Timestamp::EPOCH + after,
        Err(before) => Timestamp::EPOCH - before.duration(),
    }
}

/// The hand of a manual [`Clock`] and of all its clones.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_tells_a_time_after_this_was_written() {
        assert!(Clock::system().now() > Timestamp::from_seconds(1_780_000_000));
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_with_its_clones() {
        let start = Timestamp::from_seconds(1_000);
        let (clock, hand) = Clock::manual(start);
        let clone = clock.clone();
        assert_eq!(clock.now(), start);

        hand.advance(Duration::from_millis(1_500));
        assert_eq!(clone.now(), Timestamp::from_micros(1_001_500_000));

        hand.set(Timestamp::EPOCH);
        assert_eq!(clock.now(), Timestamp::EPOCH);
    }
}
