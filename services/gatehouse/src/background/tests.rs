use std::sync::atomic::AtomicUsize;

use tokio::sync::mpsc;

use super::*;
use crate::startup::tests::TestApp;

const PACE: Pace = Pace {
    job: "a job",
    task: "a_job",
    interval: Duration::from_mins(1),
    full_batch: 2,
    max_batches: 3,
};

fn idle() -> Background {
    Background { stop: CancellationToken::new().drop_guard(), jobs: TaskTracker::new() }
}

/// An app, opened before time stands still: a database answers in real time.
async fn open() -> TestApp {
    let app = TestApp::open().await;
    tokio::time::pause();
    app
}

/// Does one run of batches that give these numbers; gives how many it did.
async fn batches(app: &TestApp, sizes: &'static [usize]) -> usize {
    let done = Arc::new(AtomicUsize::new(0));
    let batch = |_, _| {
        let size = sizes.get(done.fetch_add(1, Ordering::SeqCst)).copied();
        async move { Ok(size.unwrap_or_default()) }
    };
    run(&app.app, PACE, batch, &CancellationToken::new()).await.unwrap();
    done.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_run_goes_on_while_batches_are_full_and_not_for_ever() {
    let app = open().await;
    assert_eq!(batches(&app, &[0]).await, 1);
    assert_eq!(batches(&app, &[2, 1, 2]).await, 2);
    assert_eq!(batches(&app, &[2, 2, 2, 2]).await, 3);
}

#[tokio::test]
async fn a_job_goes_on_after_errors_and_panics() {
    let app = open().await;
    let background = idle();
    let (ran, mut runs) = mpsc::unbounded_channel();
    let turn = AtomicUsize::new(0);
    background.spawn(&app.app, PACE, move |_, _| {
        ran.send(()).unwrap();
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        async move {
            match turn {
                0 => Err(AppError::StoreUnavailable("away".into())),
                1 => panic!("a defect"),
                _ => Ok(0),
            }
        }
    });
    for _ in 0..4 {
        runs.recv().await.unwrap();
    }
}

#[tokio::test]
async fn the_end_waits_for_the_batch_under_way_and_no_other() {
    let app = open().await;
    let background = idle();
    let (begun, mut has_begun) = mpsc::unbounded_channel();
    let (end, may_end) = mpsc::unbounded_channel::<()>();
    let may_end = Arc::new(tokio::sync::Mutex::new(may_end));
    background.spawn(&app.app, PACE, move |_, _| {
        begun.send(()).unwrap();
        let may_end = Arc::clone(&may_end);
        async move {
            may_end.lock().await.recv().await;
            Ok(PACE.full_batch)
        }
    });
    background.jobs.close();
    has_begun.recv().await.unwrap();
    let mut stopped = Box::pin(background.stop());
    tokio::select! {
        biased;
        () = &mut stopped => unreachable!("a batch is under way"),
        () = tokio::task::yield_now() => {}
    }
    end.send(()).unwrap();
    stopped.await;
    assert!(has_begun.recv().await.is_none());
}

#[test]
fn an_outage_is_told_of_once() {
    let fails = || Err(AppError::StoreUnavailable("away".into()));
    assert!(log("a job", false, fails()));
    assert!(log("a job", true, fails()));
    assert!(!log("a job", true, Ok(())));
}
