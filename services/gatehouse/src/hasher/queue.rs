//! Who may still join the queue for the hasher, and whose turn it is.
//!
//! Portals take turns: what waits of one is let through after at most one of every
//! other, however much of the other waits. So a portal that floods waits behind
//! itself. Only a few are let through at once, to be charged and hashed: in the
//! order of the database and of the permits nobody would have turns.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use gatehouse_domain::id::PortalId;

/// The queue is full: a hash that joined it now would start too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("password hashing is overloaded")]
pub struct Overloaded {
    /// When everything that this one would have to wait for will have begun.
    pub retry_after: Duration,
}

/// Counts what waits and what was let through, and estimates from past hashes how
/// long it will take. Knows only portals that hold places.
#[derive(Debug)]
pub struct Queue<W> {
    /// Hashes at once.
    total_permits: u32,
    max_wait: Duration,
    /// How many may be past the queue at once, and how many more may now.
    total_passes: u32,
    free_passes: u32,
    shares: HashMap<PortalId, Share<W>>,
    /// Portals of which something waits, the next one first.
    turns: VecDeque<PortalId>,
    tickets: u64,
    /// Moving average of how long a hash runs.
    hash_time: Duration,
    /// Whether one has been measured.
    has_run: bool,
    /// And of how long one is past the queue, with what is done before it runs.
    pass_time: Duration,
}

/// What one portal has of the queue.
#[derive(Debug)]
struct Share<W> {
    /// Permits that its places stand for, those past the queue included.
    held: u32,
    /// How many of them are of places past the queue.
    passed: u32,
    /// Who waits, in order, each with their ticket.
    waiting: VecDeque<(u64, W)>,
}

impl<W> Default for Share<W> {
    fn default() -> Self {
        Self { held: 0, passed: 0, waiting: VecDeque::new() }
    }
}

impl<W> Queue<W> {
    /// An empty queue. `hash_time` stands until hashes have been measured.
    pub fn new(total_permits: u32, max_wait: Duration, hash_time: Duration) -> Self {
        Self {
            total_permits,
            max_wait,
            total_passes: passes(total_permits),
            free_passes: passes(total_permits),
            shares: HashMap::new(),
            turns: VecDeque::new(),
            tickets: 0,
            hash_time,
            has_run: false,
            pass_time: Duration::ZERO,
        }
    }

    /// Takes a place of `portal` that stands for one permit.
    pub fn enter(&mut self, portal: &PortalId) -> Result<(), Overloaded> {
        let wait = self.wait_of(portal);
        if wait > self.max_wait {
            return Err(Overloaded { retry_after: wait });
        }
        let share = self.shares.entry(portal.clone()).or_default();
        share.held = share.held.saturating_add(1);
        Ok(())
    }

    /// A place of `portal` that is past the queue turns out to stand for more permits.
    pub fn grow(&mut self, portal: &PortalId, more: u32) {
        let share = self.shares.entry(portal.clone()).or_default();
        share.held = share.held.saturating_add(more);
        share.passed = share.passed.saturating_add(more);
    }

    /// Gives a place of `portal` and its permits back.
    pub fn leave(&mut self, portal: &PortalId, permits: u32) {
        if let Some(share) = self.shares.get_mut(portal) {
            share.held = share.held.saturating_sub(permits);
            // What it grew by. Its pass goes by itself.
            share.passed = share.passed.saturating_sub(permits.saturating_sub(1));
        }
        self.tidy(portal);
    }

    /// Puts a place into line: `waiter` is told when its turn has come.
    pub fn wait(&mut self, portal: &PortalId, waiter: W) -> u64 {
        self.tickets += 1;
        let share = self.shares.entry(portal.clone()).or_default();
        if share.waiting.is_empty() {
            self.turns.push_back(portal.clone());
        }
        share.waiting.push_back((self.tickets, waiter));
        self.tickets
    }

    /// Takes out of line what has not been let through.
    pub fn forget(&mut self, portal: &PortalId, ticket: u64) {
        let Some(share) = self.shares.get_mut(portal) else { return };
        share.waiting.retain(|(waiting, _)| *waiting != ticket);
        if share.waiting.is_empty() {
            self.turns.retain(|waiting| waiting != portal);
        }
        self.tidy(portal);
    }

    /// Lets the oldest of the portal through whose turn it is, where there is a pass.
    pub fn pass(&mut self) -> Option<(PortalId, W)> {
        self.free_passes.checked_sub(1)?;
        let portal = self.turns.pop_front()?;
        let share = self.shares.get_mut(&portal)?;
        let (_, waiter) = share.waiting.pop_front()?;
        share.passed += 1;
        self.free_passes -= 1;
        if !share.waiting.is_empty() {
            self.turns.push_back(portal.clone());
        }
        Some((portal, waiter))
    }

    /// What was let through has come to its end after `time`.
    pub fn passed(&mut self, portal: &PortalId, time: Duration) {
        self.pass_time = (self.pass_time * 7 + time) / 8;
        self.free_passes += 1;
        if let Some(share) = self.shares.get_mut(portal) {
            share.passed = share.passed.saturating_sub(1);
        }
        self.tidy(portal);
    }

    /// What waits in line.
    pub fn waiting(&self) -> u32 {
        let waiting = self.shares.values().map(|share| share.waiting.len()).sum::<usize>();
        waiting.try_into().unwrap_or(u32::MAX)
    }

    /// Learns how long a hash took.
    pub fn ran(&mut self, time: Duration) {
        // One odd hash moves the average by an eighth, a real change in some
        // ten hashes. But the first tells more than any guess at this machine.
        self.hash_time = if self.has_run { (self.hash_time * 7 + time) / 8 } else { time };
        self.has_run = true;
    }

    /// How long a hash of `portal` that joined now would wait: as many have to end
    /// first as are in front of it beyond the permits. In front are all that are past
    /// the queue, its own, and as many of every other portal's as that one has turns
    /// before it.
    fn wait_of(&self, portal: &PortalId) -> Duration {
        let own = self.shares.get(portal).map_or((0, 0), |share| (share.held, share.passed));
        let (held, passed) = own;
        let turns = held.saturating_sub(passed).saturating_add(1);
        let others = self.shares.iter().filter(|(other, _)| *other != portal);
        let in_front = others.fold(held, |sum, (_, other)| {
            let queued = other.held.saturating_sub(other.passed);
            sum.saturating_add(other.passed).saturating_add(queued.min(turns))
        });
        let to_end = in_front.saturating_add(1).saturating_sub(self.total_permits);
        // One ends after the other: as fast as hashes run, or, where something else
        // is slower, as places come back.
        let by_hashes = self.hash_time * to_end / self.total_permits;
        let by_passes = self.pass_time * to_end / self.total_passes;
        by_hashes.max(by_passes)
    }

    /// Forgets a portal that has nothing of the queue.
    fn tidy(&mut self, portal: &PortalId) {
        let has_nothing =
            |share: &Share<W>| share.held == 0 && share.passed == 0 && share.waiting.is_empty();
        if self.shares.get(portal).is_some_and(has_nothing) {
            self.shares.remove(portal);
        }
    }
}

/// How many may be past the queue at once, for so many permits: while some are
/// hashed, as many are charged, and a few are at neither.
const fn passes(permits: u32) -> u32 {
    permits.saturating_mul(2).saturating_add(2)
}

#[cfg(test)]
impl<W> Queue<W> {
    /// Permits that are accounted for.
    pub fn taken(&self) -> u32 {
        self.shares.values().map(|share| share.held).sum()
    }

    /// Passes that nobody has.
    pub fn free_passes(&self) -> u32 {
        self.free_passes
    }

    /// Portals that it knows of, and what waits in line.
    pub fn size(&self) -> (usize, usize) {
        let waiting = self.shares.values().map(|share| share.waiting.len()).sum();
        assert!(self.turns.len() <= self.shares.len());
        (self.shares.len(), waiting)
    }
}

#[cfg(test)]
mod tests;
