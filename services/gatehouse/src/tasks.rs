//! Work that its caller cannot cancel.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatehouse_domain::id::PortalId;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::error::AppError;

/// A place is free again about this soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Runs mutating use cases in tasks of their own. tonic drops a handler when
/// its client cancels: a guesser must not be able to stop the work between
/// verifying and counting, nor have more of it going on than there are places.
///
/// A portal gets a place only while it has fewer than are free: however it floods,
/// it leaves as many as it has to the others, and some always to a newcomer.
pub struct Tasks {
    places: Arc<Mutex<Places>>,
    tracker: TaskTracker,
}

/// Places, and who has how many.
struct Places {
    free: usize,
    taken: HashMap<Whose, usize>,
}

/// A portal's; or the administrators', who are like one portal more.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Whose(Option<PortalId>);

impl Places {
    fn take(&mut self, whose: &Whose) -> bool {
        let taken = self.taken.get(whose).copied().unwrap_or_default();
        if taken >= self.free {
            return false;
        }
        self.free -= 1;
        self.taken.insert(whose.clone(), taken + 1);
        true
    }

    fn give_back(&mut self, whose: &Whose) {
        self.free += 1;
        match self.taken.get_mut(whose) {
            Some(more @ 2..) => *more -= 1,
            // Its last one: nothing is remembered of it.
            _ => drop(self.taken.remove(whose)),
        }
    }
}

/// One place, given back when dropped.
struct Place {
    of: Arc<Mutex<Places>>,
    whose: Whose,
}

impl Place {
    fn take(of: &Arc<Mutex<Places>>, whose: Whose) -> Option<Self> {
        lock(of).take(&whose).then(|| Self { of: Arc::clone(of), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.of).give_back(&self.whose);
    }
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    // Numbers; nothing panics half way.
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tasks {
    /// With places for `max_in_flight` tasks at once.
    #[must_use]
    pub fn new(max_in_flight: usize) -> Self {
        let places = Places { free: max_in_flight, taken: HashMap::new() };
        Self { places: Arc::new(Mutex::new(places)), tracker: TaskTracker::new() }
    }

    /// Runs `work` to its end, even if the caller stops waiting for it. Work
    /// holds its place until then, one of the portal `whose` key the caller has;
    /// administrators share theirs.
    ///
    /// # Errors
    /// Those of `work`; [`AppError::Overloaded`] if no place is free, and then
    /// nothing has been done; [`AppError::Internal`] if `work` panics.
    pub async fn run<T, F>(&self, whose: Option<PortalId>, work: F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, AppError>> + Send + 'static,
        T: Send + 'static,
    {
        let place = Place::take(&self.places, Whose(whose))
            .ok_or(AppError::Overloaded { retry_after: RETRY_AFTER })?;
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
            _ = tasks.run(None, work) => unreachable!("it has not been told to end"),
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
            _ = tasks.run(None, abandoned) => unreachable!("it has not been told to end"),
            begun = has_begun => begun.unwrap(),
        }
        let refused = tasks.run(None, async { Ok(()) }).await;
        assert!(matches!(refused, Err(AppError::Overloaded { .. })));

        end.send(()).unwrap();
        tasks.close_and_wait().await;
        tasks.run(None, async { Ok(()) }).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_the_place() {
        let tasks = Tasks::new(1);
        for _ in 0..2 {
            let result = tasks.run::<(), _>(None, async { panic!("a defect") }).await;
            assert!(matches!(result, Err(AppError::Internal(_))));
        }
    }

    #[test]
    fn a_portal_that_takes_all_it_gets_leaves_places_to_every_other() {
        let places = Arc::new(Mutex::new(Places { free: 16, taken: HashMap::new() }));
        let fill = |id: Option<&str>| {
            let whose = Whose(id.map(|id| id.parse().unwrap()));
            std::iter::from_fn(|| Place::take(&places, whose.clone())).collect::<Vec<_>>()
        };
        let flood = fill(Some("flood"));
        assert_eq!(flood.len(), 8);
        let others = [fill(Some("a")), fill(None), fill(Some("b")), fill(Some("c"))];
        assert_eq!(others.each_ref().map(Vec::len), [4, 2, 1, 1]);
        assert!(fill(Some("flood")).is_empty());

        drop((flood, others));
        let places = lock(&places);
        assert_eq!((places.free, places.taken.len()), (16, 0));
    }

    #[tokio::test]
    async fn closing_waits_for_abandoned_work() {
        let tasks = Tasks::new(1);
        let (work, has_begun, end) = work();
        tokio::select! {
            _ = tasks.run(None, work) => unreachable!("it has not been told to end"),
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
