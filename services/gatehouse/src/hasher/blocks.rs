//! The memory that hashes fill: lent, wiped, kept a while for the next one.

use std::hint::black_box;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::Block;
use tokio::time::{Instant, sleep_until};

/// How long memory that nobody uses is kept.
const MAX_IDLE: Duration = Duration::from_secs(10);

/// Memory for hashes of one size. Fresh memory costs a hash a third of its time,
/// for the page faults.
#[derive(Debug)]
pub struct BlockPool {
    /// Blocks in each piece that is kept.
    size: usize,
    idle: Mutex<Idle>,
}

/// What is not lent.
#[derive(Debug, Default)]
struct Idle {
    /// The last one returned is the first one lent, so the oldest come first.
    pieces: Vec<(Instant, Vec<Block>)>,
    /// Whether a task waits to free them.
    watched: bool,
}

impl BlockPool {
    /// An empty pool that keeps pieces of `size` blocks.
    pub fn new(size: usize) -> Self {
        Self { size, idle: Mutex::default() }
    }

    /// `count` blocks, all zero, until the loan is dropped. Only a count up to
    /// the size of the pool is kept then: larger ones are too rare.
    pub fn lend(self: &Arc<Self>, count: usize) -> Loan {
        let kept = if count <= self.size { self.idle().pieces.pop() } else { None };
        let blocks =
            kept.map_or_else(|| vec![Block::new(); count.max(self.size)], |(_, blocks)| blocks);
        Loan { blocks, pool: Arc::clone(self) }
    }

    /// Keeps `blocks`. Has to be called within a runtime.
    fn keep(self: &Arc<Self>, blocks: Vec<Block>) {
        let mut idle = self.idle();
        idle.pieces.push((Instant::now(), blocks));
        if !mem::replace(&mut idle.watched, true) {
            tokio::spawn(Arc::clone(self).free_idle());
        }
    }

    /// Frees what has been idle for long enough, until nothing is left.
    async fn free_idle(self: Arc<Self>) {
        while let Some(oldest) = self.oldest() {
            sleep_until(oldest + MAX_IDLE).await;
            let now = Instant::now();
            self.idle().pieces.retain(|(since, _)| *since + MAX_IDLE > now);
        }
    }

    /// Since when the oldest piece is idle; without one the watch ends.
    fn oldest(&self) -> Option<Instant> {
        let mut idle = self.idle();
        let oldest = idle.pieces.first().map(|(since, _)| *since);
        idle.watched = oldest.is_some();
        oldest
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Whole after every statement, so a panic elsewhere does no harm.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blocks of a pool. They are wiped when dropped, also by a panic.
#[derive(Debug)]
pub struct Loan {
    blocks: Vec<Block>,
    pool: Arc<BlockPool>,
}

impl Deref for Loan {
    type Target = [Block];

    fn deref(&self) -> &[Block] {
        &self.blocks
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [Block] {
        &mut self.blocks
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut blocks = mem::take(&mut self.blocks);
        // What is left of a hash halves the work of guessing against it. zeroize
        // writes word by word, a quarter of the hash's own time; a fill is the
        // memory's full speed, and the black box keeps it from being left out.
        blocks.fill(Block::new());
        black_box(blocks.as_mut_slice());
        if blocks.len() == self.pool.size {
            self.pool.keep(blocks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Arc<BlockPool> {
        Arc::new(BlockPool::new(8))
    }

    fn is_blank(blocks: &[Block]) -> bool {
        blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0))
    }

    #[tokio::test]
    async fn memory_is_lent_again_and_blank() {
        let pool = pool();
        let mut loan = pool.lend(5);
        assert_eq!(loan.len(), 8);
        for block in loan.iter_mut() {
            block.as_mut().fill(7);
        }
        let place = loan.as_ptr();
        drop(loan);

        let again = pool.lend(8);
        assert_eq!(again.as_ptr(), place);
        assert!(is_blank(&again));
    }

    #[tokio::test]
    async fn memory_of_a_heavy_hash_is_not_kept() {
        let pool = pool();
        let loan = pool.lend(9);
        assert_eq!(loan.len(), 9);
        drop(loan);
        assert!(pool.idle().pieces.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_memory_is_freed() {
        let pool = pool();
        let (first, second) = (pool.lend(8), pool.lend(8));
        drop(first);
        tokio::time::sleep(MAX_IDLE / 2).await;
        drop(second);
        assert_eq!(pool.idle().pieces.len(), 2);

        tokio::time::sleep(MAX_IDLE * 3 / 4).await;
        assert_eq!(pool.idle().pieces.len(), 1);
        tokio::time::sleep(MAX_IDLE * 3 / 4).await;
        assert!(pool.idle().pieces.is_empty());
        assert!(!pool.idle().watched);

        // And it is watched again.
        drop(pool.lend(8));
        tokio::time::sleep(MAX_IDLE * 2).await;
        assert!(pool.idle().pieces.is_empty());
    }
}
