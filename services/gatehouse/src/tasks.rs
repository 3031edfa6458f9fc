//! Work that its caller cannot cancel.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatehouse_domain::id::PortalId;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::error::AppError;
use crate::traces::within_call;

/// A place is free again about this soon.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// One place in so many is for administrators alone.
const KEPT_ONE_IN: usize = 16;

/// Runs mutating use cases in tasks of their own. tonic drops a handler when
/// its client cancels: a guesser must not be able to stop the work between
/// verifying and counting, nor have more of it going on than there are places.
///
/// A portal gets a place only while it has fewer than are free for portals: however it
/// floods, it leaves as many as it has to the others. A sixteenth is kept for
/// administrators, who may take any: they are needed while portals flood.
pub struct Tasks {
    places: Arc<Mutex<Places>>,
    tracker: TaskTracker,
}

/// Places, and who has how many.
struct Places {
    free: usize,
    /// Of these, for administrators alone.
    kept: usize,
    taken: HashMap<Whose, usize>,
}

/// A portal's; or the administrators', who have none.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Whose(Option<PortalId>);

impl Places {
    fn take(&mut self, whose: &Whose) -> bool {
        let taken = self.taken.get(whose).copied().unwrap_or_default();
        let is_refused = match whose.0 {
            Some(_) => taken >= self.free.saturating_sub(self.kept),
            None => self.free == 0,
        };
        if is_refused {
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
        let kept = max_in_flight / KEPT_ONE_IN;
        let places = Places { free: max_in_flight, kept, taken: HashMap::new() };
        Self { places: Arc::new(Mutex::new(places)), tracker: TaskTracker::new() }
    }

    /// Runs `work` to its end, even if the caller stops waiting for it. Work
    /// holds its place until then, one of the portal `whose` key the caller has, or of
    /// administrators.
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
            .spawn(within_call(task).in_current_span())
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
    fn however_portals_flood_there_are_places_for_others_and_for_administrators() {
        let tasks = Tasks::new(34);
        let fill = |id: Option<&str>| {
            let whose = Whose(id.map(|id| id.parse().unwrap()));
            std::iter::from_fn(|| Place::take(&tasks.places, whose.clone())).collect::<Vec<_>>()
        };
        let flood = fill(Some("flood"));
        assert_eq!(flood.len(), 16);
        let others = ["a", "b", "c", "d", "e", "f"].map(|id| fill(Some(id)));
        assert_eq!(others.each_ref().map(Vec::len), [8, 4, 2, 1, 1, 0]);
        assert!(fill(Some("flood")).is_empty());
        let administrators = fill(None);
        assert_eq!(administrators.len(), 2);

        drop((flood, others, administrators));
        let places = lock(&tasks.places);
        assert_eq!((places.free, places.taken.len()), (34, 0));
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
