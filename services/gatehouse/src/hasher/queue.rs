//! Who may still join the queue for the hasher.

use std::time::Duration;

/// The queue is full: a hash that joined it now would start too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("password hashing is overloaded")]
pub struct Overloaded {
    /// When everything that is queued now will have begun.
    pub retry_after: Duration,
}

/// Counts what is queued and running, and estimates from past hashes how long it
/// will take. Holds no hashes: their order is the semaphore's.
#[derive(Debug)]
pub struct Queue {
    total_permits: u32,
    max_wait: Duration,
    /// Permits that the places given out stand for, running ones included.
    taken: u32,
    /// Moving average of how long a hash holds its permits.
    hash_time: Duration,
}

impl Queue {
    /// An empty queue. `hash_time` stands until hashes have been measured.
    pub const fn new(total_permits: u32, max_wait: Duration, hash_time: Duration) -> Self {
        Self { total_permits, max_wait, taken: 0, hash_time }
    }

    /// Takes a place that stands for one permit.
    pub fn enter(&mut self) -> Result<(), Overloaded> {
        let wait = self.wait();
        if wait > self.max_wait {
            return Err(Overloaded { retry_after: wait });
        }
        self.taken = self.taken.saturating_add(1);
        Ok(())
    }

    /// A place turns out to stand for more permits.
    pub const fn grow(&mut self, more: u32) {
        self.taken = self.taken.saturating_add(more);
    }

    /// Gives a place and its permits back.
    pub const fn leave(&mut self, permits: u32) {
        self.taken = self.taken.saturating_sub(permits);
    }

    /// Learns how long a hash took.
    pub fn ran(&mut self, time: Duration) {
        // One odd hash moves the average by an eighth, a real change in some
        // ten hashes.
        self.hash_time = (self.hash_time * 7 + time) / 8;
    }

    /// How long a hash that joined now would wait: as many have to end first as
    /// are in front of it beyond the free permits, and that many end at a time.
    fn wait(&self) -> Duration {
        let to_end = self.taken.saturating_add(1).saturating_sub(self.total_permits);
        self.hash_time * to_end / self.total_permits
    }
}

#[cfg(test)]
impl Queue {
    /// Permits that are accounted for.
    pub const fn taken(&self) -> u32 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH_TIME: Duration = Duration::from_millis(100);

    fn queue(total_permits: u32, max_wait: Duration) -> Queue {
        Queue::new(total_permits, max_wait, HASH_TIME)
    }

    /// Enters until refused.
    fn fill(queue: &mut Queue) -> (u32, Overloaded) {
        let mut entered = 0;
        loop {
            match queue.enter() {
                Ok(()) => entered += 1,
                Err(overloaded) => return (entered, overloaded),
            }
        }
    }

    #[test]
    fn admits_what_would_start_in_time_and_no_more() {
        // Two start at once, and one more every 50 ms for 2 s.
        let (entered, overloaded) = fill(&mut queue(2, Duration::from_secs(2)));
        assert_eq!(entered, 2 + 40);
        assert_eq!(overloaded.retry_after, Duration::from_millis(2_050));
    }

    #[test]
    fn what_starts_at_once_is_always_admitted() {
        let (entered, overloaded) = fill(&mut queue(3, Duration::ZERO));
        assert_eq!(entered, 3);
        assert!(overloaded.retry_after > Duration::ZERO);
    }

    #[test]
    fn a_place_given_back_is_free_again() {
        let mut queue = queue(1, Duration::ZERO);
        queue.enter().unwrap();
        assert!(queue.enter().is_err());
        queue.leave(1);
        assert_eq!(queue.enter(), Ok(()));
    }

    #[test]
    fn a_heavy_hash_counts_for_its_memory() {
        let mut queue = queue(8, Duration::ZERO);
        queue.enter().unwrap();
        queue.grow(6);
        assert_eq!(fill(&mut queue).0, 1);
        queue.leave(7);
        assert_eq!(fill(&mut queue).0, 7);
    }

    #[test]
    fn slower_hashes_make_the_queue_shorter() {
        let mut slow = queue(1, Duration::from_secs(1));
        for _ in 0..50 {
            slow.ran(HASH_TIME * 5);
        }
        assert_eq!(fill(&mut queue(1, Duration::from_secs(1))).0, 11);
        assert_eq!(fill(&mut slow).0, 3);
    }
}
