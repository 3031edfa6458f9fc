//! Work that its caller cannot cancel.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::error::AppError;

/// A place is free again about this soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Runs mutating use cases in tasks of their own. tonic drops a handler when
/// its client cancels: a guesser must not be able to stop the work between
/// verifying and counting, nor have more of it going on than there are places.
pub struct Tasks {
    places: Arc<Semaphore>,
    tracker: TaskTracker,
}

impl Tasks {
    /// With places for `max_in_flight` tasks at once.
    #[must_use]
    pub fn new(max_in_flight: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(max_in_flight)), tracker: TaskTracker::new() }
    }

    /// Runs `work` to its end, even if the caller stops waiting for it. Work
    /// holds its place until then.
    ///
    /// # Errors
    /// Those of `work`; [`AppError::Overloaded`] if no place is free, and then
    /// nothing has been done; [`AppError::Internal`] if `work` panics.
    pub async fn run<T, F>(&self, work: F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, AppError>> + Send + 'static,
        T: Send + 'static,
    {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| AppError::Overloaded { retry_after: RETRY_AFTER })?;
        let task = async move {
            let result = work.await;
            drop(place);
            result
        };
        self.tracker
            .spawn(task.in_current_span())
            .await
            .unwrap_or_else(|defect| Err(AppError::Internal(defect.into())))
    }

    /// Waits until every task has ended. Call it when no new ones can come.
    pub async fn close_and_wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    /// Work that has begun when the first receiver hears of it, and ends when
    /// the sender says so.
    fn work() -> (
        impl Future<Output = Result<(), AppError>> + Send + 'static,
        oneshot::Receiver<()>,
        oneshot::Sender<()>,
    ) {
        let (begun, has_begun) = oneshot::channel();
        let (end, may_end) = oneshot::channel();
        let work = async move {
            begun.send(()).unwrap();
            may_end.await.unwrap();
            Ok(())
        };
        (work, has_begun, end)
    }

    #[tokio::test]
    async fn a_dropped_caller_cancels_nothing() {
        let tasks = Tasks::new(1);
        let (work, has_begun, end) = work();
        let (done, is_done) = oneshot::channel();
        let work = async move {
            work.await?;
            done.send(()).unwrap();
            Ok(())
        };
        tokio::select! {
            _ = tasks.run(work) => unreachable!("it has not been told to end"),
            begun = has_begun => begun.unwrap(),
        }
        end.send(()).unwrap();
        is_done.await.unwrap();
    }

    #[tokio::test]
    async fn abandoned_work_keeps_its_place() {
        let tasks = Tasks::new(1);
        let (abandoned, has_begun, end) = work();
        tokio::select! {
            _ = tasks.run(abandoned) => unreachable!("it has not been told to end"),
            begun = has_begun => begun.unwrap(),
        }
        let refused = tasks.run(async { Ok(()) }).await;
        assert!(matches!(refused, Err(AppError::Overloaded { .. })));

        end.send(()).unwrap();
        tasks.close_and_wait().await;
        tasks.run(async { Ok(()) }).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_the_place() {
        let tasks = Tasks::new(1);
        for _ in 0..2 {
            let result = tasks.run::<(), _>(async { panic!("a defect") }).await;
            assert!(matches!(result, Err(AppError::Internal(_))));
        }
    }

    #[tokio::test]
    async fn closing_waits_for_abandoned_work() {
        let tasks = Tasks::new(1);
        let (work, has_begun, end) = work();
        tokio::select! {
            _ = tasks.run(work) => unreachable!("it has not been told to end"),
            begun = has_begun => begun.unwrap(),
        }
        tokio::select! {
            biased;
            () = tasks.close_and_wait() => unreachable!("work is under way"),
            () = tokio::task::yield_now() => {}
        }
        end.send(()).unwrap();
        tasks.close_and_wait().await;
    }
}
