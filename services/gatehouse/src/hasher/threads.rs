//! The threads that hashes burn on.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// How much less urgent a hash is than everything else, as `nice` counts. A hash takes
/// every core for milliseconds, and whatever else wants one wants it for microseconds; this
/// much leaves hashes a quarter of a core that others would fill.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Threads of their own for hashes, started when there is work and ended after ten
/// seconds without.
#[derive(Debug)]
pub struct HashThreads {
    pool: Handle,
    /// What the pool is of; it polls nothing. Taken when dropped.
    runtime: Option<Runtime>,
}

impl HashThreads {
    /// At most `count`, which is at least 1.
    ///
    /// # Errors
    /// If the system refuses what a runtime needs.
    pub fn new(count: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(count)
            .thread_name("hash")
            .on_thread_start(let_others_first)
            .build()?;
        Ok(Self { pool: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs `job` on the next thread that is free, within the runtime of the caller.
    pub fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let caller = Handle::current();
        self.pool.spawn_blocking(move || {
            let _within = caller.enter();
            job()
        })
    }
}

impl Drop for HashThreads {
    fn drop(&mut self) {
        // To wait for a hash, as a dropped runtime does, is not allowed in an asynchronous place.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A session check need not wait until the slice of a hash is used up.
fn let_others_first() {
    // Elsewhere this would be said of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "hashes are as urgent as calls");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Arc;

    use rustix::process::getpriority_process;
    use rustix::thread::gettid;

    use super::*;

    fn niceness() -> Option<i32> {
        getpriority_process(Some(gettid())).ok()
    }

    #[tokio::test]
    async fn a_hash_is_less_urgent_than_the_rest_of_the_process() {
        let before = niceness().unwrap();
        let threads = HashThreads::new(1).unwrap();
        let of_a_hash = threads.run(niceness).await.unwrap();
        assert_eq!(of_a_hash, Some((before + NICENESS).min(19)));
        assert_eq!(niceness(), Some(before));
    }

    #[tokio::test]
    async fn threads_can_be_dropped_while_a_hash_burns() {
        let threads = HashThreads::new(1).unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let burning = threads.run(move || released.recv());
        drop(threads);
        release.send(()).unwrap();
        burning.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn threads_can_be_dropped_by_the_last_hash() {
        let threads = Arc::new(HashThreads::new(1).unwrap());
        let (release, released) = std::sync::mpsc::channel::<()>();
        let last = Arc::clone(&threads);
        let burning = threads.run(move || {
            released.recv().unwrap();
            drop(last);
        });
        drop(threads);
        release.send(()).unwrap();
        burning.await.unwrap();
    }
}
