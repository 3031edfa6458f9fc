//! Watching the trail: what has been numbered since, then what is numbered from now on.

use std::sync::Arc;

use gatehouse_domain::audit::{EventType, RecordedEvent};
use gatehouse_domain::id::name;
use gatehouse_persistence::AuditEventFilter;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::caller::Caller;
use crate::error::AppError;
use crate::trail::{self, BATCH, Numbered, Place, Position, Told, Trail};

/// One who watches. Nothing goes on for it but while it is asked for what is next: a reader
/// that does not read holds its place, and what was sent to it.
pub struct Watch {
    app: Arc<App>,
    caller: Caller,
    filter: AuditEventFilter,
    /// All up to here has been given.
    position: Position,
    phase: Phase,
    /// When it has been silent for too long.
    silent_at: Instant,
    /// When its key is to be looked up again.
    look_at: Instant,
    place: Arc<Place>,
}

/// How near to the end of the trail it is.
enum Phase {
    /// There may be more than this page, which has been read.
    Page(Vec<Numbered>),
    /// There may be more, to be read by itself.
    Behind,
    /// It has read all that there was.
    AtEnd,
    /// It is told what comes.
    Joined(broadcast::Receiver<Told>),
}

/// What a watcher is to know: events, or that there were none, and where to go on.
#[derive(Debug)]
pub struct Progress {
    /// In the order of their numbers.
    pub events: Vec<RecordedEvent>,
    /// After them.
    pub position: Position,
}

impl Watch {
    /// Begins where an earlier one ended, or with what is numbered from now on.
    ///
    /// # Errors
    /// [`AppError::ResumeTokenExpired`] where events after `from` are not kept any more, or
    /// `from` is of another trail than this database's. [`AppError::StoreUnavailable`].
    pub async fn begin(
        place: Place,
        app: &Arc<App>,
        caller: Caller,
        filter: AuditEventFilter,
        from: Option<Position>,
    ) -> Result<Self, AppError> {
        let place = Arc::new(place);
        let (position, phase) = if let Some(position) = from {
            (position, Phase::Page(page(&place, app, position).await?))
        } else {
            let last = app.store.read().last_numbered_event().await?;
            let end = last
                .map_or(Position::START, |(number, event)| Position { number, event: Some(event) });
            (end, Phase::AtEnd)
        };
        let now = Instant::now();
        let look_at = now + app.trail.pace().heartbeat;
        // The first message comes at once.
        let app = Arc::clone(app);
        Ok(Self { app, caller, filter, position, phase, silent_at: now, look_at, place })
    }

    /// What comes next, or a sign of life after some silence.
    ///
    /// # Errors
    /// [`AppError::ReaderTooSlow`] if it was asked for too late, [`AppError::ShuttingDown`],
    /// [`AppError::ResumeTokenExpired`] if it was overtaken by what is removed,
    /// [`AppError::StoreUnavailable`]; and whatever is wrong with the caller's key by now.
    pub async fn next(&mut self) -> Result<Progress, AppError> {
        loop {
            if Instant::now() >= self.look_at {
                self.look_again().await?;
            }
            if let Some(events) = self.step().await? {
                return self.give(events);
            }
            if Instant::now() >= self.silent_at {
                return self.give(Vec::new());
            }
        }
    }

    /// Goes on by one step: gives the events that it met with and that pass the filter, if
    /// any.
    async fn step(&mut self) -> Result<Option<Vec<RecordedEvent>>, AppError> {
        let app = Arc::clone(&self.app);
        match &mut self.phase {
            Phase::Page(page) => {
                let events = std::mem::take(page);
                self.phase = if events.len() == BATCH { Phase::Behind } else { Phase::AtEnd };
                self.meet(&events).await
            }
            Phase::Behind => {
                let page = tokio::select! {
                    biased;
                    () = app.trail.closed() => return Err(AppError::ShuttingDown),
                    page = page(&self.place, &app, self.position) => page?,
                };
                self.phase = Phase::Page(page);
                Ok(None)
            }
            Phase::AtEnd => {
                let told = Trail::join(&app, self.position.number);
                self.phase = told.map_or(Phase::Behind, Phase::Joined);
                Ok(None)
            }
            Phase::Joined(told) => {
                let told = tokio::select! {
                    biased;
                    () = app.trail.closed() => return Err(AppError::ShuttingDown),
                    told = told.recv() => told,
                    () = sleep_until(self.silent_at.min(self.look_at)) => return Ok(None),
                };
                match told {
                    Ok(Told::Events(events)) => self.meet(&events).await,
                    Ok(Told::Failed(error)) => Err(error.into()),
                    Err(RecvError::Lagged(_)) => Err(AppError::ReaderTooSlow),
                    // It goes with the server.
                    Err(RecvError::Closed) => Err(AppError::ShuttingDown),
                }
            }
        }
    }

    /// Goes on after `events`; gives those that pass the filter, if any.
    async fn meet(&mut self, events: &[Numbered]) -> Result<Option<Vec<RecordedEvent>>, AppError> {
        if self.ends_key(events) {
            self.look_again().await?;
        }
        let before = self.position.number;
        if let Some(last) = events.last().filter(|last| last.number > before) {
            self.position = last.position();
        }
        let new = events.iter().filter(|event| event.number > before);
        let passed = new.map(|new| &new.event).filter(|event| self.filter.matches(event));
        let passed = passed.cloned().collect::<Vec<_>>();
        Ok((!passed.is_empty()).then_some(passed))
    }

    fn give(&mut self, events: Vec<RecordedEvent>) -> Result<Progress, AppError> {
        self.caller.require_unexpired(self.app.clock.now())?;
        self.silent_at = Instant::now() + self.app.trail.pace().heartbeat;
        Ok(Progress { events, position: self.position })
    }

    async fn look_again(&mut self) -> Result<(), AppError> {
        self.look_at = Instant::now() + self.app.trail.pace().heartbeat;
        self.caller.look_again(&self.app).await
    }

    /// Whether one of `events` is the end of the caller's key, whoever may see that.
    fn ends_key(&self, events: &[Numbered]) -> bool {
        let ends = |event: &RecordedEvent| {
            event.kind == EventType::ApiKeyRevoked.as_str()
                && event.attributes.get("key") == Some(&name::api_key(self.caller.key_id()))
        };
        events.iter().any(|numbered| ends(&numbered.event))
    }
}

/// What follows on `position`: at most [`BATCH`] events.
///
/// # Errors
/// [`AppError::ResumeTokenExpired`] where the next event is not the one that was next.
async fn page(
    place: &Arc<Place>,
    app: &Arc<App>,
    position: Position,
) -> Result<Vec<Numbered>, AppError> {
    let (place, app) = (Arc::clone(place), Arc::clone(app));
    // In a task of its own: a client that lets nothing more be sent to it stops what it waits
    // for half way, which would keep a connection to the database.
    let read = tokio::spawn(async move {
        // Whoever breaks off and comes again is not let in past the reads that still wait.
        let _place = place;
        // Never closed.
        let turn = app.trail_readers.acquire().await;
        let _turn = turn.map_err(|error| AppError::Internal(error.into()))?;
        // With the event that it is the place after, where that is kept.
        Ok(trail::read(&app, position.number - 1, BATCH + 1).await?)
    });
    let mut events = read.await.unwrap_or_else(|lost| Err(AppError::Internal(lost.into())))?;
    if !follows(position, events.first()) {
        return Err(AppError::ResumeTokenExpired);
    }
    if events.first().is_some_and(|first| first.number == position.number) {
        events.remove(0);
    }
    events.truncate(BATCH);
    Ok(events)
}

/// Whether nothing is missing between `position` and the first event that is kept from there on:
/// that is the last one before it, or the next one. None is kept before the first event there is.
fn follows(position: Position, first: Option<&Numbered>) -> bool {
    match first {
        None => position == Position::START,
        Some(first) if first.number == position.number => Some(first.event.id) == position.event,
        Some(first) => first.number == position.number + 1,
    }
}
