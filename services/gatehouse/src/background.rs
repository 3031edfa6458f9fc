//! What a server does besides answering: it watches the database, follows its key
//! ring and its certificate, numbers audit events, writes how many refused tries it has
//! counted, removes what has expired and old events, seals anew what is sealed under an old
//! key, and tells of callers without an API key or TLS.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::error::AppError;
use crate::tls::ServerTls;
use crate::usecase::{audit, housekeeping, keys, posture, tries};

/// How a job is done over and over.
#[derive(Clone, Copy)]
struct Pace {
    /// What it is called in the log.
    job: &'static str,
    /// What it is called in metrics.
    task: &'static str,
    /// Between two runs.
    interval: Duration,
    /// What a batch holds if there may be more to do.
    full_batch: usize,
    /// Batches of one run, so that one that never comes to its end gives way.
    max_batches: u32,
}

const WATCHING: Pace = Pace {
    job: "watching the database",
    task: "database_watch",
    interval: Duration::from_secs(1),
    full_batch: 1,
    max_batches: 1,
};
const SHARING: Pace = Pace {
    job: "following the key ring",
    task: "key_ring",
    interval: Duration::from_secs(2),
    full_batch: 1,
    max_batches: 1,
};
const CERTIFYING: Pace = Pace {
    job: "following the TLS certificate",
    task: "tls_certificate",
    interval: Duration::from_secs(2),
    full_batch: 1,
    max_batches: 1,
};
const RESEALING: Pace = Pace {
    job: "sealing anew under the primary key",
    task: "resealing",
    interval: Duration::from_secs(5),
    full_batch: keys::BATCH,
    max_batches: 1_000,
};
const NUMBERING: Pace = Pace {
    job: "numbering audit events",
    task: "numbering",
    interval: Duration::from_secs(1),
    full_batch: audit::BATCH,
    max_batches: 1_000,
};
const RETAINING: Pace = Pace {
    job: "removing old audit events",
    task: "retention",
    interval: Duration::from_mins(1),
    full_batch: audit::retention::BATCH,
    max_batches: 1_000,
};
const HOUSEKEEPING: Pace = Pace {
    job: "housekeeping",
    task: "housekeeping",
    interval: Duration::from_mins(1),
    full_batch: housekeeping::BATCH,
    max_batches: 200,
};
const WRITING: Pace = Pace {
    job: "writing how many refused tries were counted",
    task: "refused_tries",
    interval: Duration::from_mins(1),
    full_batch: tries::BATCH,
    max_batches: 100,
};
const TELLING: Pace = Pace {
    job: "counting calls without a valid key and handshakes without an end",
    task: "calls_without_key",
    interval: Duration::from_mins(1),
    full_batch: 1,
    max_batches: 1,
};

/// Every so often it is looked whether it is time again ([`posture::INTERVAL`]), and whether
/// the server is gone that did it.
const COUNTING: Pace = Pace {
    job: "counting customers for metrics",
    task: "posture",
    interval: Duration::from_mins(1),
    // Every portal at once: there is never more to do.
    full_batch: usize::MAX,
    max_batches: 1,
};

/// For batches under way at the end. Each ends in seconds where its database and disk
/// answer, and any of them may be cut off.
const LAST_BATCH: Duration = Duration::from_secs(10);

/// The work that goes on while a server serves. It ends with [`Self::stop`], or
/// without a wait when this is dropped.
pub struct Background {
    stop: DropGuard,
    jobs: TaskTracker,
}

impl Background {
    /// Starts every job, `tls` being what the server makes handshakes with. None of them
    /// runs at once, so that a start is not slowed.
    #[must_use]
    pub fn start(app: &Arc<App>, tls: Option<Arc<ServerTls>>) -> Self {
        let background =
            Self { stop: CancellationToken::new().drop_guard(), jobs: TaskTracker::new() };
        background
            .spawn(app, WATCHING, |app, _| async move { app.look_at_database().await.map(|()| 0) });
        let announced = Arc::new(Mutex::new(None));
        background.spawn(app, SHARING, move |app, now| {
            let announced = Arc::clone(&announced);
            async move { keys::share(&app, &mut *announced.lock().await, now).await.map(|()| 0) }
        });
        let walk = Arc::new(Mutex::new(keys::Walk::default()));
        background.spawn(app, RESEALING, move |app, now| {
            let walk = Arc::clone(&walk);
            async move { keys::reseal_batch(&app, &mut *walk.lock().await, now).await }
        });
        background.spawn(
            app,
            NUMBERING,
            |app, now| async move { audit::number_batch(&app, now).await },
        );
        background.spawn(app, HOUSEKEEPING, |app, now| async move {
            housekeeping::remove_batch(&app, now).await
        });
        if let Some(retention) = app.audit_retention {
            background.spawn(app, RETAINING, move |app, now| async move {
                audit::retention::remove_batch(&app, retention, now).await
            });
        }
        background.spawn(
            app,
            WRITING,
            |app, now| async move { tries::write_batch(&app, now).await },
        );
        let next = Arc::new(Mutex::new(None));
        background.spawn(app, COUNTING, move |app, now| {
            let next = Arc::clone(&next);
            async move { posture::count(&app, &mut *next.lock().await, now).await }
        });
        let handshakes = tls.clone();
        background.spawn(app, TELLING, move |app, _| {
            let tls = handshakes.clone();
            async move {
                tell_of_calls_without_a_key(&app);
                tell_of_dropped_spans(&app);
                if let Some(tls) = &tls {
                    tell_of_failed_handshakes(tls);
                }
                Ok(0)
            }
        });
        if let Some(tls) = tls {
            background.spawn(app, CERTIFYING, move |app, _| {
                let tls = Arc::clone(&tls);
                async move {
                    let followed = tls.follow().await;
                    app.metrics.note_certificate(tls.not_after());
                    followed.map(|()| 0).map_err(|error| AppError::Internal(error.into()))
                }
            });
        }
        background.jobs.close();
        background
    }

    fn spawn<F>(
        &self,
        app: &Arc<App>,
        pace: Pace,
        batch: impl Fn(Arc<App>, Timestamp) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<usize, AppError>> + Send + 'static,
    {
        let (app, stop) = (Arc::clone(app), self.stop.token().clone());
        let metrics = app.metrics.background.task(pace.task);
        self.jobs.spawn(async move {
            let mut is_failing = false;
            while stop.run_until_cancelled(tokio::time::sleep(pace.interval)).await.is_some() {
                let ran = run(&app, pace, &batch, &stop).await;
                match &ran {
                    Ok(()) => metrics.done(app.clock.now()),
                    Err(_) => metrics.failed(),
                }
                is_failing = log(pace.job, is_failing, ran);
            }
        });
    }

    /// Stops every job once its batch under way has ended, or does not end in time.
    pub async fn stop(self) {
        drop(self.stop);
        if tokio::time::timeout(LAST_BATCH, self.jobs.wait()).await.is_err() {
            tracing::warn!("work in the background was cut off");
        }
    }
}

/// Does batches until one is not full, or it is time to stop.
async fn run<F>(
    app: &Arc<App>,
    pace: Pace,
    batch: impl Fn(Arc<App>, Timestamp) -> F,
    stop: &CancellationToken,
) -> Result<(), AppError>
where
    F: Future<Output = Result<usize, AppError>> + Send + 'static,
{
    let metrics = app.metrics.background.task(pace.task);
    for _ in 0..pace.max_batches {
        // In a task of its own: a defect in one batch does not end the job.
        let done = tokio::spawn(batch(Arc::clone(app), app.clock.now())).await;
        let done = done.unwrap_or_else(|defect| Err(AppError::Internal(defect.into())))?;
        metrics.did(done);
        if done < pace.full_batch || stop.is_cancelled() {
            break;
        }
    }
    Ok(())
}

/// Says once that a job fails, and once that it does not any more; gives whether
/// it does.
fn log(job: &str, was_failing: bool, ran: Result<(), AppError>) -> bool {
    match ran {
        Ok(()) => {
            if was_failing {
                tracing::info!("{job} works again");
            }
            false
        }
        Err(error) => {
            if !was_failing {
                let error: &dyn Error = &error;
                tracing::error!(error, "{job} fails; it will be tried again and again");
            }
            true
        }
    }
}

fn tell_of_calls_without_a_key(app: &App) {
    let calls = app.calls_without_key.swap(0, Ordering::Relaxed);
    if calls > 0 {
        tracing::warn!("{calls} calls without a valid key in the last minute");
    }
}

fn tell_of_dropped_spans(app: &App) {
    let dropped = app.metrics.spans.take_dropped();
    if dropped > 0 {
        tracing::warn!("{dropped} spans of traces dropped in the last minute: too many waited");
    }
}

fn tell_of_failed_handshakes(tls: &ServerTls) {
    let failed = tls.take_failed_handshakes();
    if failed > 0 {
        tracing::warn!("{failed} TLS handshakes failed in the last minute");
    }
}
