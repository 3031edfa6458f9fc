//! Looks up who calls, for many calls by one statement.
//!
//! A call joins only a statement that has not been sent: what it is told was read after
//! it came, so that a key or a session that has ended is refused from the next call on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatehouse_persistence::{Authenticated, Presented};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::app::App;
use crate::error::AppError;

/// Statements under way at most. While one is under way others of few calls do not
/// begin: at a load where that matters, waiting for it makes fewer and larger ones.
const MAX_STATEMENTS: usize = 4;
/// Calls that are worth another statement beside those under way.
const WORTH_ANOTHER: usize = 32;
/// Calls that share a statement at most: it takes a fraction of a millisecond.
const MAX_CALLS: usize = 64;
/// Whoever has waited for so long has another one begun, however few wait: one may be under
/// way on a connection that hangs.
const PATIENCE: Duration = Duration::from_millis(50);

/// Calls that wait to be looked up.
#[derive(Default)]
pub struct Lookups(Mutex<Line>);

#[derive(Default)]
struct Line {
    waiting: Vec<Waiter>,
    statements: usize,
}

struct Waiter {
    presented: Presented,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Option<Authenticated>, AppError>;

impl Lookups {
    /// Looks up what a call presents. None for a key that is not there.
    ///
    /// # Errors
    /// [`AppError::StoreUnavailable`].
    pub async fn find(app: &Arc<App>, presented: Presented) -> Answer {
        let (answer, mut answered) = oneshot::channel();
        Statement::begin(Statement::join(app, Waiter { presented, answer }));
        let answer = if let Ok(answer) = timeout(PATIENCE, &mut answered).await {
            answer
        } else {
            Statement::begin(Statement::overtake(app));
            answered.await
        };
        answer.unwrap_or_else(|lost| Err(AppError::Internal(lost.into())))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Nothing panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the statements that may be under way.
struct Statement {
    app: Arc<App>,
    /// Whether it is counted.
    is_under_way: bool,
}

impl Statement {
    /// Adds a call to the line, and gives a statement to be run where there is need
    /// of one.
    fn join(app: &Arc<App>, waiter: Waiter) -> Option<Self> {
        let mut line = app.lookups.line();
        line.waiting.push(waiter);
        let is_due = match line.statements {
            0 => true,
            MAX_STATEMENTS.. => false,
            _ => line.waiting.len() >= WORTH_ANOTHER,
        };
        is_due.then(|| Self::of(app, &mut line))
    }

    /// Gives one more, where somebody waits and not too many are under way.
    fn overtake(app: &Arc<App>) -> Option<Self> {
        let mut line = app.lookups.line();
        let is_due = line.statements < MAX_STATEMENTS && !line.waiting.is_empty();
        is_due.then(|| Self::of(app, &mut line))
    }

    fn of(app: &Arc<App>, line: &mut Line) -> Self {
        line.statements += 1;
        Self { app: Arc::clone(app), is_under_way: true }
    }

    /// In a task of its own: whose call has begun it may go away.
    fn begin(statement: Option<Self>) {
        if let Some(statement) = statement {
            tokio::spawn(statement.run());
        }
    }

    /// Runs until nobody waits.
    async fn run(mut self) {
        // Calls that are read from the same packets come along.
        yield_now().await;
        while let Some(batch) = self.next() {
            let (presented, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|waiter| (waiter.presented, waiter.answer)).unzip();
            match self.app.store.read().authenticate(&presented).await {
                Ok(found) => {
                    for (answer, found) in answers.into_iter().zip(found) {
                        // Its call may have gone away.
                        drop(answer.send(found.map_err(AppError::from)));
                    }
                }
                Err(error) => {
                    let error = Arc::new(error);
                    for answer in answers {
                        drop(answer.send(Err(Arc::clone(&error).into())));
                    }
                }
            }
        }
    }

    /// Calls to be looked up; or none, and this is over.
    fn next(&mut self) -> Option<Vec<Waiter>> {
        let mut line = self.app.lookups.line();
        line.waiting.retain(|waiter| !waiter.answer.is_closed());
        let count = line.waiting.len().min(MAX_CALLS);
        if count == 0 {
            // Before anybody joins: they are to find that nothing is under way.
            line.statements -= 1;
            self.is_under_way = false;
            return None;
        }
        Some(line.waiting.drain(..count).collect())
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        if self.is_under_way {
            self.app.lookups.line().statements -= 1;
        }
    }
}
