//! What this server knows of its database from second to second: whether it is
//! there, and whether both go by the same time and the same keys.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Vault;
use gatehouse_persistence::{Canary, Store};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::AppError;

/// By how much this server's clock may differ from the database's. Past this it would
/// take codes of the past, lock customers out for codes that are right, end sessions that
/// are in use, and keep those that have ended.
pub const MAX_CLOCK_OFFSET: Duration = Duration::from_secs(2);

/// Watches the database. Nothing here decides a sign-in but by refusing it.
pub struct DatabaseWatch {
    is_ready: watch::Sender<bool>,
    /// What is wrong with the key ring, as last seen.
    ring_trouble: Mutex<Option<String>>,
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
            ring_trouble: Mutex::default(),
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

    /// Asks the database how it is, and whether `vault` has the keys that it is used with.
    ///
    /// # Errors
    /// Why no sign-in can be served.
    pub async fn look(&self, store: &Store, clock: &Clock, vault: &Vault) -> Result<(), AppError> {
        let seen = self.try_look(store, clock, vault).await;
        let is_ready = seen.is_ok();
        self.is_ready.send_if_modified(|was| std::mem::replace(was, is_ready) != is_ready);
        seen
    }

    async fn try_look(&self, store: &Store, clock: &Clock, vault: &Vault) -> Result<(), AppError> {
        let asked = Instant::now();
        let condition = store.condition().await?;
        *self.ring_trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            ring_trouble(&condition.keys, vault);
        if let Some(now) = condition.now {
            let seen = DatabaseClock { now, read: (asked, Instant::now()) };
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        if condition.is_read_only {
            return Err(AppError::StoreUnavailable("the database takes no changes".into()));
        }
        self.require_agreement(clock)
    }

    /// By how many seconds `clock` is ahead of the database's, as last seen; 0 where they
    /// are one.
    #[must_use]
    pub fn clock_offset(&self, clock: &Clock) -> f64 {
        let seen = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = seen.filter(|_| clock.is_system()) else { return 0.0 };
        let (earliest, latest) = seen.bounds(Instant::now());
        let now = clock.now();
        // Within what it took to read it nobody knows.
        now.since(latest).as_secs_f64() - earliest.since(now).as_secs_f64()
    }

    /// Refuses everything while this server does not have the keys that the database is
    /// used with: it would take good credentials for bad ones.
    ///
    /// # Errors
    /// [`AppError::StoreUnavailable`].
    pub fn require_keys(&self) -> Result<(), AppError> {
        match &*self.ring_trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) => Err(AppError::StoreUnavailable(trouble.clone().into())),
            None => Ok(()),
        }
    }

    /// Refuses what depends on the time or the key ring while this server and the
    /// database do not agree about them. Also notices at once that the system's clock
    /// was set.
    ///
    /// # Errors
    /// [`AppError::StoreUnavailable`], which charges nobody.
    pub fn require_agreement(&self, clock: &Clock) -> Result<(), AppError> {
        self.agreed_now(clock).map(drop)
    }

    /// The time that a call is judged by: this server's, as long as the database agrees with it
    /// about the time and the key ring.
    ///
    /// # Errors
    /// As [`require_agreement`](Self::require_agreement).
    pub fn agreed_now(&self, clock: &Clock) -> Result<Timestamp, AppError> {
        self.require_keys()?;
        let seen = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        let Some(seen) = seen.filter(|_| clock.is_system()) else { return Ok(now) };
        let (earliest, latest) = seen.bounds(Instant::now());
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
        Ok(now)
    }
}

/// Why a server with these keys would not find or open what is stored.
fn ring_trouble(known: &[Canary], vault: &Vault) -> Option<String> {
    let has = |canary: &&Canary| vault.key_ids().any(|id| id == canary.key);
    if let Some(missing) = known.iter().find(|canary| canary.is_needed() && !has(canary)) {
        return Some(format!("this server's key ring lacks the key {}", missing.key));
    }
    let primary = known.iter().find(|canary| canary.key == vault.primary())?;
    primary.retired_at.map(|_| format!("the primary key {} has been retired", primary.key))
}

#[cfg(test)]
mod tests {
    use gatehouse_domain::vault::KeyRing;

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
    fn a_ring_has_to_have_what_is_needed_and_seal_under_no_retired_key() {
        let key = |letter: &str| letter.repeat(42) + "A";
        let ring = format!("primary 00000001 {}\nother 00000002 {}", key("A"), key("B"));
        let vault = Vault::new(&ring.parse::<KeyRing>().unwrap());
        let canary = |key: u32, sealing: bool, retired: bool| Canary {
            key: key.into(),
            sealed: Vec::new(),
            sealing_since: sealing.then_some(Timestamp::EPOCH),
            retired_at: retired.then_some(Timestamp::EPOCH),
        };
        let fine = [canary(1, true, false), canary(2, true, true), canary(3, true, true)];
        assert_eq!(ring_trouble(&fine, &vault), None);
        assert_eq!(ring_trouble(&[canary(3, false, false)], &vault), None, "it never sealed");
        let lacks = "this server's key ring lacks the key 00000003";
        assert_eq!(ring_trouble(&[canary(3, true, false)], &vault).unwrap(), lacks);
        let retired = "the primary key 00000001 has been retired";
        assert_eq!(ring_trouble(&[canary(1, true, true)], &vault).unwrap(), retired);
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
