//! The audit trail as it grows: read once for all that watch it on this server.
//!
//! While anybody watches, one task reads what is numbered anew and tells all of them. Whoever
//! joins reads by itself up to where that task is, and joins at that very place: nothing can
//! come between. Nothing is kept for a watcher that is slow but its place in a ring of fixed
//! length, which it loses when the ring has gone round.

mod places;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatehouse_domain::audit::RecordedEvent;
use gatehouse_domain::id::{ApiKeyId, AuditEventId};
use gatehouse_persistence::StoreError;
use tokio::sync::{Notify, broadcast};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::AppError;

use places::Places;

/// Events that are read, and told, at once: a message of them stays far below the 4 MiB that
/// clients take.
pub const BATCH: usize = 100;
/// One watcher for so many changes that may be under way: each costs about as much memory.
const CHANGES_FOR_ONE: usize = 2;
/// Somebody stops watching about this soon.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often what happens, and how much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks for events that other servers have numbered.
    pub poll: Duration,
    /// Silence after which a watcher is given a sign of life, and time after which its key is
    /// looked up again.
    pub heartbeat: Duration,
    /// Batches that a watcher may be behind.
    pub backlog: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll: Duration::from_millis(500), heartbeat: Duration::from_secs(30), backlog: 64 }
    }
}

/// A place in the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of the last event before it; 0 at the beginning.
    pub number: i64,
    /// That event: in a database that was restored another one may have the number.
    pub event: Option<AuditEventId>,
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self { number: 0, event: None };
}

/// An event with its number.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The number.
    pub number: i64,
    /// The event.
    pub event: RecordedEvent,
}

impl Numbered {
    /// The place after it.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { number: self.number, event: Some(self.event.id) }
    }
}

/// What the task that follows the trail tells those who watch.
#[derive(Clone, Debug)]
pub enum Told {
    /// What came next, in the order of the numbers; at least one.
    Events(Arc<[Numbered]>),
    /// It can follow the trail no longer.
    Failed(Arc<StoreError>),
}

/// The trail, for those who watch it.
pub struct Trail {
    pace: Pace,
    /// The number up to which all has been told; none while nobody follows.
    at: Mutex<Option<i64>>,
    told: broadcast::Sender<Told>,
    woken: Notify,
    closing: CancellationToken,
    places: Mutex<Places>,
}

impl Trail {
    /// Nobody watches it. Half as many may as `max_in_flight`.
    #[must_use]
    pub fn new(pace: Pace, max_in_flight: usize) -> Self {
        Self {
            at: Mutex::default(),
            told: broadcast::Sender::new(pace.backlog),
            woken: Notify::new(),
            closing: CancellationToken::new(),
            places: Mutex::new(Places::new(max_in_flight / CHANGES_FOR_ONE)),
            pace,
        }
    }

    /// How often what happens.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// How many watch.
    #[must_use]
    pub fn watchers(&self) -> usize {
        lock(&self.places).taken()
    }

    /// Says that there are new events.
    pub fn wake(&self) {
        // Nobody is to find it said before they came.
        if lock(&self.at).is_some() {
            self.woken.notify_one();
        }
    }

    /// Ends every watch, and lets none begin.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Ready once it is closed.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// A place for a watcher with this key: while it has fewer than are free, so that however
    /// many one key opens, others have as many left.
    ///
    /// # Errors
    /// [`AppError::Overloaded`] without one, and [`AppError::ShuttingDown`].
    pub fn enter(app: &Arc<App>, key: ApiKeyId) -> Result<Place, AppError> {
        let trail = &app.trail;
        if trail.closing.is_cancelled() {
            return Err(AppError::ShuttingDown);
        }
        if !lock(&trail.places).take(key) {
            return Err(AppError::Overloaded { retry_after: RETRY_AFTER });
        }
        Ok(Place { app: Arc::clone(app), key })
    }

    /// All that comes after `number`, and perhaps some before it; or none, where that has been
    /// told in part: then what is missing is to be read first. Begins to follow the trail
    /// where nobody does yet.
    #[must_use]
    pub fn join(app: &Arc<App>, number: i64) -> Option<broadcast::Receiver<Told>> {
        let trail = &app.trail;
        let mut at = lock(&trail.at);
        match *at {
            Some(at) if at > number => return None,
            Some(_) => {}
            None => {
                *at = Some(number);
                let follower = Follower { app: Arc::clone(app), number, is_over: false };
                tokio::spawn(follower.run());
            }
        }
        // While it is locked: nothing is told meanwhile.
        Some(trail.told.subscribe())
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers; nothing panics half way.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A watcher's place, given back when dropped.
pub struct Place {
    app: Arc<App>,
    key: ApiKeyId,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.app.trail.places).give_back(self.key);
    }
}

/// Numbered events after `number`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(app: &App, number: i64, limit: usize) -> Result<Vec<Numbered>, StoreError> {
    let events = app.store.read().events_after(number, limit as u64).await?;
    Ok(events.into_iter().map(|(number, event)| Numbered { number, event }).collect())
}

/// Reads the trail for all.
struct Follower {
    app: Arc<App>,
    /// All up to it has been told.
    number: i64,
    is_over: bool,
}

impl Follower {
    /// Runs until nobody watches, or the trail cannot be read.
    async fn run(mut self) {
        let pace = self.app.trail.pace;
        loop {
            // Whichever comes first.
            let woken = self.app.trail.woken.notified();
            drop(tokio::time::timeout(pace.poll, woken).await);
            while !self.ends_alone() {
                match read(&self.app, self.number, BATCH).await {
                    Ok(events) => {
                        let is_full = events.len() == BATCH;
                        self.tell(events);
                        if !is_full {
                            break;
                        }
                    }
                    Err(error) => return self.end(error),
                }
                yield_now().await;
            }
            if self.is_over {
                return;
            }
        }
    }

    /// Ends where nobody watches any more.
    fn ends_alone(&mut self) -> bool {
        let trail = &self.app.trail;
        let mut at = lock(&trail.at);
        if trail.told.receiver_count() == 0 {
            *at = None;
            self.is_over = true;
        }
        self.is_over
    }

    fn tell(&mut self, events: Vec<Numbered>) {
        let Some(last) = events.last() else { return };
        self.number = last.number;
        let trail = &self.app.trail;
        let mut at = lock(&trail.at);
        *at = Some(self.number);
        // Those who watch may have gone away.
        drop(trail.told.send(Told::Events(events.into())));
    }

    fn end(&mut self, error: StoreError) {
        let trail = &self.app.trail;
        let mut at = lock(&trail.at);
        *at = None;
        self.is_over = true;
        drop(trail.told.send(Told::Failed(Arc::new(error))));
    }
}

impl Drop for Follower {
    /// A defect does not leave those who watch waiting for what will not come.
    fn drop(&mut self) {
        if !self.is_over {
            self.end(StoreError::Internal("the trail is not followed any more".into()));
        }
    }
}
