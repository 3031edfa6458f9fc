//! The bounded pool of hashes: every password hash is computed here, with argon2 or, where another
//! system made it, as that one does.
//!
//! A caller first reserves a place and waits for its turn, before it charges the
//! guess, so that overload charges nobody. Portals take turns ([`queue`]), so that
//! the flood of one leaves the others theirs. Hashes run on threads of their own ([`threads`]),
//! as many at once as there are permits; a permit stands for the memory of one hash with
//! the configured parameters. The job owns permit and place, not the future
//! that waits for it: a caller who goes away frees neither while the hash burns.

mod blocks;
mod judge;
mod queue;
mod refusal;
mod threads;

use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Block;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::password::{
    HashParameters, HashingFailed, Password, PasswordHash, StoredHash,
};
use tokio::sync::{AcquireError, OnceCell, Semaphore, oneshot};
use tokio::task::JoinError;
use tokio::time::timeout;

use blocks::BlockPool;
use judge::judge;
use queue::Queue;
use threads::HashThreads;

use crate::metrics::{HasherMetrics, HasherState};
use crate::traces;

pub use queue::Overloaded;
pub use refusal::next_moment;

/// How much hashing there may be at once.
#[derive(Clone, Copy, Debug)]
pub struct HasherConfig {
    /// What new hashes are made with, and weaker ones made again with.
    pub parameters: HashParameters,
    /// Hashes at once, if memory allows them. More than the cores gains nothing.
    pub threads: NonZero<u32>,
    /// KiB that all hashes together may fill. One always runs, however little
    /// this is, and so does a stored hash that alone needs more.
    pub memory_kib: u32,
    /// How long a hash may have to wait for its start.
    pub max_wait: Duration,
}

impl Default for HasherConfig {
    /// As many threads as cores, in at most 1 GiB, started within 2 seconds.
    fn default() -> Self {
        let cores = thread::available_parallelism().ok();
        Self {
            parameters: HashParameters::default(),
            threads: cores.and_then(|cores| cores.try_into().ok()).unwrap_or(NonZero::<u32>::MIN),
            memory_kib: 1024 * 1024,
            max_wait: Duration::from_secs(2),
        }
    }
}

/// The pool. Clones share it.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parameters: HashParameters,
    total_permits: u32,
    permits: Arc<Semaphore>,
    threads: HashThreads,
    max_wait: Duration,
    queue: Mutex<Queue<oneshot::Sender<Pass>>>,
    blocks: Arc<BlockPool>,
    comparisons: AtomicU64,
    metrics: HasherMetrics,
    /// How slow this machine is, once it has been measured.
    slowness: OnceCell<f64>,
}

/// A hash came to no end, which says nothing about the password.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum HashError {
    /// The function refused.
    Hashing(#[from] HashingFailed),
    /// The job panicked, or the runtime shut down before it began.
    Job(#[from] JoinError),
    /// The pool is closed.
    Closed(#[from] AcquireError),
}

/// What came of verifying a password.
#[derive(Debug)]
pub struct PasswordVerdict {
    /// Whether the password is the right one.
    pub matches: bool,
    /// The same password hashed with the configured parameters, where it matches
    /// and the stored hash is weaker or foreign: to be stored in its place.
    pub rehash: Option<PasswordHash>,
}

impl Hasher {
    /// A pool with nothing to do. Its threads and its memory come with the work.
    ///
    /// # Errors
    /// If the system refuses what the pool of threads needs.
    pub fn new(config: &HasherConfig) -> io::Result<Self> {
        let per_hash = config.parameters.memory_kib();
        let total_permits = config.threads.get().min(config.memory_kib / per_hash).max(1);
        Ok(Self(Arc::new(Shared {
            parameters: config.parameters,
            total_permits,
            permits: Arc::new(Semaphore::new(to_usize(total_permits))),
            threads: HashThreads::new(to_usize(total_permits))?,
            max_wait: config.max_wait,
            queue: Mutex::new(Queue::new(
                total_permits,
                config.max_wait,
                expected_time(config.parameters),
            )),
            blocks: Arc::new(BlockPool::new(to_usize(per_hash))),
            comparisons: AtomicU64::new(0),
            metrics: HasherMetrics::new().map_err(io::Error::other)?,
            slowness: OnceCell::new(),
        })))
    }

    /// Takes a place in the queue for one hash on account of `portal`. Dropping it
    /// gives it back.
    ///
    /// # Errors
    /// If the hash would not start within the configured wait.
    pub fn enter(&self, portal: &PortalId) -> Result<Place, Overloaded> {
        let entered = self.0.queue().enter(portal);
        entered.inspect_err(|_| self.0.metrics.was_full())?;
        Ok(Place { shared: Arc::clone(&self.0), portal: portal.clone(), permits: 1 })
    }

    /// Takes a place, and waits for its turn.
    ///
    /// # Errors
    /// Those of [`Self::enter`] at once, and that of [`Place::turn`].
    pub async fn reserve(&self, portal: &PortalId) -> Result<HashSlot, Overloaded> {
        self.enter(portal)?.turn().await
    }

    /// The same for two hashes of one caller, one after the other.
    ///
    /// # Errors
    /// At once, if the second would not start within the configured wait; and that of
    /// [`Place::turn`].
    pub async fn reserve_two(&self, portal: &PortalId) -> Result<(HashSlot, HashSlot), Overloaded> {
        let (first, second) = (self.enter(portal)?, self.enter(portal)?);
        // One pass: whoever waited for a second would keep others from their first.
        let pass = self.0.turn(portal).await?;
        let slot = |place| HashSlot { place, pass: Arc::clone(&pass) };
        Ok((slot(first), slot(second)))
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> &HasherMetrics {
        &self.0.metrics
    }

    /// How it is now.
    #[must_use]
    pub fn state(&self) -> HasherState {
        let free = u32::try_from(self.0.permits.available_permits()).unwrap_or(u32::MAX);
        HasherState {
            permits: self.0.total_permits,
            running: self.0.total_permits.saturating_sub(free),
            waiting: self.0.queue().waiting(),
        }
    }

    /// Passwords compared so far, decoys included. Counted where they are
    /// compared, so that a budget of guesses can be checked against it.
    #[must_use]
    pub fn comparisons(&self) -> u64 {
        self.0.comparisons.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue<oneshot::Sender<Pass>>> {
        // Nothing in it panics half way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of one more of `portal`.
    async fn turn(self: &Arc<Self>, portal: &PortalId) -> Result<Arc<Pass>, Overloaded> {
        let (waiter, has_come) = oneshot::channel();
        let joined = Instant::now();
        let ticket = self.queue().wait(portal, waiter);
        let _in_line = InLine { shared: self, portal, ticket };
        self.let_through();
        // Who was let in by an estimate that did not hold must not wait for ever, nor be
        // judged by the time at which they came.
        let too_late = Overloaded { retry_after: self.max_wait };
        let pass = timeout(2 * self.max_wait, has_come).await;
        let wait = joined.elapsed();
        traces::hash_wait(wait);
        if let Ok(Ok(pass)) = pass {
            self.metrics.waited(wait);
            Ok(Arc::new(pass))
        } else {
            self.metrics.was_late();
            Err(too_late)
        }
    }

    /// Lets through who may pass.
    fn let_through(self: &Arc<Self>) {
        loop {
            let next = self.queue().pass();
            let Some((portal, waiter)) = next else { return };
            let pass = Pass { shared: Arc::clone(self), portal, since: Instant::now() };
            // Given back at once where nobody waits any more.
            drop(waiter.send(pass));
        }
    }
}

/// A place in line. Dropping it leaves the line.
struct InLine<'a> {
    shared: &'a Shared,
    portal: &'a PortalId,
    ticket: u64,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.shared.queue().forget(self.portal, self.ticket);
    }
}

/// The right to be charged and hashed, given back when dropped.
#[derive(Debug)]
struct Pass {
    shared: Arc<Shared>,
    portal: PortalId,
    since: Instant,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.shared.queue().passed(&self.portal, self.since.elapsed());
        self.shared.let_through();
    }
}

/// A place in the queue, given back when dropped.
#[derive(Debug)]
#[must_use = "a dropped place is given back"]
pub struct Place {
    shared: Arc<Shared>,
    portal: PortalId,
    permits: u32,
}

impl Place {
    /// Waits for its turn.
    ///
    /// # Errors
    /// If it has not come after twice the configured wait: hashes, or what is done
    /// around them, became slower than they were when it was let in.
    pub async fn turn(self) -> Result<HashSlot, Overloaded> {
        let pass = self.shared.turn(&self.portal).await?;
        Ok(HashSlot { place: self, pass })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.queue().leave(&self.portal, self.permits);
    }
}

/// A place in the queue whose turn has come, good for one password.
#[derive(Debug)]
#[must_use = "a dropped slot gives its place back"]
pub struct HashSlot {
    place: Place,
    #[expect(dead_code, reason = "held until the hash has ended")]
    pass: Arc<Pass>,
}

impl HashSlot {
    /// Verifies `password` against the stored hash. Without one it does the work of
    /// the configured parameters, and never matches; a cheaper stored hash of ours that does
    /// not match is made up to the same work, and one of another system to the same time, by
    /// whoever answers ([`Hasher::refusal_interval`]). `rehash_salt` is for a right password
    /// whose stored hash is weaker than configured, or foreign.
    ///
    /// The future may be dropped: what has begun then ends unheard.
    ///
    /// # Errors
    /// If there is no verdict. Never to be taken for a wrong password.
    pub async fn verify(
        self,
        password: Password,
        stored: Option<StoredHash>,
        rehash_salt: [u8; 16],
    ) -> Result<PasswordVerdict, HashError> {
        let parameters = self.place.shared.parameters;
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| PasswordHash::decoy(parameters).into());
        let shared = Arc::clone(&self.place.shared);
        let unlent_kib = stored.memory_kib() - stored.blocks();
        self.run(stored.blocks(), unlent_kib, move |memory| {
            shared.comparisons.fetch_add(1, Ordering::Relaxed);
            let mut verdict = judge(&password, &stored, parameters, rehash_salt, memory)?;
            verdict.matches &= known;
            Ok(verdict)
        })
        .await
    }

    /// Hashes a new password with the configured parameters.
    ///
    /// # Errors
    /// If it came to no end.
    pub async fn hash(self, password: Password, salt: [u8; 16]) -> Result<PasswordHash, HashError> {
        let parameters = self.place.shared.parameters;
        self.run(parameters.memory_kib(), 0, move |memory| {
            PasswordHash::generate(&password, salt, parameters, memory)
        })
        .await
    }

    /// Runs `job` on a thread for hashes with `blocks` lent to it, or as many as the configured
    /// hash needs, once there are permits for them and for the KiB that it takes besides.
    async fn run<T: Send + 'static>(
        mut self,
        blocks: u32,
        unlent_kib: u32,
        job: impl FnOnce(&mut [Block]) -> Result<T, HashingFailed> + Send + 'static,
    ) -> Result<T, HashError> {
        let blocks = blocks.max(self.place.shared.parameters.memory_kib());
        self.weigh(blocks + unlent_kib);
        let semaphore = Arc::clone(&self.place.shared.permits);
        let permits = semaphore.acquire_many_owned(self.place.permits).await?;
        let shared = Arc::clone(&self.place.shared);
        let job = move || {
            let slot = self;
            let started = Instant::now();
            let mut memory = slot.place.shared.blocks.lend(to_usize(blocks));
            let outcome = job(&mut memory);
            // Wiped, and back in the pool before anybody else may run.
            drop(memory);
            let time = started.elapsed();
            slot.place.shared.queue().ran(time);
            slot.place.shared.metrics.ran(time);
            drop(slot);
            drop(permits);
            (outcome, time)
        };
        let (outcome, time) = shared.threads.run(job).await?;
        traces::hash(time);
        Ok(outcome?)
    }

    /// Counts the permits that a hash of `memory_kib` needs. One that needs more
    /// than there are runs alone.
    fn weigh(&mut self, memory_kib: u32) {
        let Place { shared, portal, permits } = &mut self.place;
        let needed = memory_kib.div_ceil(shared.parameters.memory_kib()).min(shared.total_permits);
        shared.queue().grow(portal, needed - *permits);
        *permits = needed;
    }
}

/// What one hash takes until one has been measured: about half a microsecond for
/// each KiB and pass.
fn expected_time(parameters: HashParameters) -> Duration {
    Duration::from_micros(u64::from(parameters.cost()) / 2)
}

/// No target that argon2 builds for has a narrower one.
fn to_usize(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
