//! What this server knows of its database from second to second: whether it is
//! there, and whether both go by the same time and the same keys.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::KeyId;
use gatehouse_persistence::Store;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::AppError;

/// By how much this server's clock may differ from the database's. Past this it would
/// take codes of the past, or lock customers out for codes that are right.
pub const MAX_CLOCK_OFFSET: Duration = Duration::from_secs(2);

/// Watches the database. Nothing here decides a sign-in but by refusing it.
pub struct DatabaseWatch {
    is_ready: watch::Sender<bool>,
    is_key_retired: AtomicBool,
    /// As last seen.
    clock: Mutex<Option<DatabaseClock>>,
}

/// The database's clock, as it was read at one moment.
#[derive(Clone, Copy)]
struct DatabaseClock {
    now: Timestamp,
    /// The moment that it was read, after and before at the earliest and the latest.
    read: (Instant, Instant),
}

impl DatabaseClock {
    /// What it must show by `present` at least, and at most.
    fn bounds(&self, present: Instant) -> (Timestamp, Timestamp) {
        let (asked, answered) = self.read;
        (self.now + present.duration_since(answered), self.now + present.duration_since(asked))
    }
}

impl Default for DatabaseWatch {
    fn default() -> Self {
        Self {
            is_ready: watch::Sender::new(true),
            is_key_retired: AtomicBool::new(false),
            clock: Mutex::default(),
        }
    }
}

impl DatabaseWatch {
    /// Follows whether calls can be served.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.is_ready.subscribe()
    }

    /// Asks the database how it is, and about the key that this server seals under.
    ///
    /// # Errors
    /// Why no sign-in can be served.
    pub async fn look(&self, store: &Store, clock: &Clock, primary: KeyId) -> Result<(), AppError> {
        let seen = self.try_look(store, clock, primary).await;
        let is_ready = seen.is_ok();
        self.is_ready.send_if_modified(|was| std::mem::replace(was, is_ready) != is_ready);
        seen
    }

    async fn try_look(&self, store: &Store, clock: &Clock, primary: KeyId) -> Result<(), AppError> {
        let asked = Instant::now();
        let condition = store.condition(primary).await?;
        self.is_key_retired.store(condition.is_key_retired, Ordering::Relaxed);
        if let Some(now) = condition.now {
            let seen = DatabaseClock { now, read: (asked, Instant::now()) };
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        if condition.is_read_only {
            return Err(AppError::StoreUnavailable("the database takes no changes".into()));
        }
        self.require_agreement(clock)
    }

    /// Refuses what depends on the time or the key ring while this server and the
    /// database do not agree about them. Also notices at once that the system's clock
    /// was set.
    ///
    /// # Errors
    /// [`AppError::StoreUnavailable`], which charges nobody.
    pub fn require_agreement(&self, clock: &Clock) -> Result<(), AppError> {
        if self.is_key_retired.load(Ordering::Relaxed) {
            let retired = "the primary key of this server's ring has been retired";
            return Err(AppError::StoreUnavailable(retired.into()));
        }
        let seen = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = seen.filter(|_| clock.is_system()) else { return Ok(()) };
        let (earliest, latest) = seen.bounds(Instant::now());
        let now = clock.now();
        if now + MAX_CLOCK_OFFSET < earliest || now > latest + MAX_CLOCK_OFFSET {
            let behind = earliest.since(now).as_secs_f64();
            let ahead = now.since(latest).as_secs_f64();
            let offset = format!(
                "this server's clock is {:.1} s {} the database's",
                behind.max(ahead),
                if ahead > 0.0 { "ahead of" } else { "behind" },
            );
            return Err(AppError::StoreUnavailable(offset.into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(offset: i64) -> DatabaseWatch {
        let now = Timestamp::from_micros(Clock::system().now().as_micros() + offset);
        let present = Instant::now();
        let clock = DatabaseClock { now, read: (present, present) };
        DatabaseWatch { clock: Mutex::new(Some(clock)), ..DatabaseWatch::default() }
    }

    #[test]
    fn clocks_may_differ_by_two_seconds() {
        for offset in [-1_900_000, 0, 1_900_000] {
            watch(offset).require_agreement(&Clock::system()).unwrap();
        }
    }

    #[test]
    fn a_clock_that_is_further_off_is_named() {
        for (offset, words) in [
            (3_000_000, "this server's clock is 3.0 s behind the database's"),
            (-3_000_000, "this server's clock is 3.0 s ahead of the database's"),
        ] {
            let error = watch(offset).require_agreement(&Clock::system()).unwrap_err();
            let AppError::StoreUnavailable(source) = error else { panic!("{error}") };
            assert_eq!(source.to_string(), words);
        }
    }

    #[test]
    fn an_answer_that_took_its_time_proves_no_offset() {
        let asked = Instant::now();
        let answered = asked + Duration::from_secs(10);
        let clock = DatabaseClock { now: Timestamp::EPOCH, read: (asked, answered) };
        let (earliest, latest) = clock.bounds(answered);
        assert_eq!(earliest, Timestamp::EPOCH);
        assert_eq!(latest, Timestamp::EPOCH + Duration::from_secs(10));
    }

    #[test]
    fn a_clock_that_a_test_sets_is_right() {
        let (clock, _) = Clock::manual(Timestamp::EPOCH);
        watch(0).require_agreement(&clock).unwrap();
    }
}
