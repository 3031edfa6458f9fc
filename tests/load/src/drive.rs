//! So many callers for so long: each at once after its last call, or all together at a
//! rate.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::measure::{Failure, Measured};

/// Before anything is counted, so that as much is under way at the beginning as at the end:
/// so long at most, and this part of the time that is counted.
const LONGEST_RAMP: Duration = Duration::from_millis(500);
const RAMP_SHARE: u32 = 4;
/// Callers that note what they did in one place.
const SHARDS: usize = 8;

/// What callers do.
pub trait Scenario: Send + Sync + 'static {
    /// Does the next thing of a caller, its `turn`-th, and says what it was.
    fn call(
        &self,
        caller: usize,
        turn: u64,
    ) -> impl Future<Output = Result<&'static str, Failure>> + Send;
}

/// When a call begins.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When the caller's last one has ended: the server sets the pace.
    Closed,
    /// So many a second, whatever becomes of those before. How long one takes is counted
    /// from when it was to begin, also where every caller was still waiting then.
    Open(f64),
}

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Callers; of an open loop, how many calls can be under way.
    pub callers: usize,
    /// When they call.
    pub pace: Pace,
    /// How long is counted.
    pub time: Duration,
}

/// A process whose CPU time is looked at: its name, and how to.
pub type Probe<'a> = (&'static str, &'a (dyn Fn() -> Result<Duration> + Sync));

struct Run<S> {
    scenario: Arc<S>,
    shards: [Mutex<Measured>; SHARDS],
    /// What ended in between is counted.
    counted_from: Instant,
    until: Instant,
    is_over: AtomicBool,
}

/// Lets callers call, and counts what ended within the time.
pub async fn drive<S: Scenario>(
    scenario: &Arc<S>,
    load: &Load,
    probes: &[Probe<'_>],
) -> Result<Measured> {
    let start = Instant::now();
    let ramp = (load.time / RAMP_SHARE).min(LONGEST_RAMP);
    let run = Arc::new(Run {
        scenario: Arc::clone(scenario),
        shards: [const { Mutex::new(Measured::new()) }; SHARDS],
        counted_from: start + ramp,
        until: start + ramp + load.time,
        is_over: AtomicBool::new(false),
    });
    let mut callers = JoinSet::new();
    let mut schedule = None;
    match load.pace {
        Pace::Closed => {
            for caller in 0..load.callers {
                callers.spawn(Arc::clone(&run).closed(caller));
            }
        }
        Pace::Open(per_second) => {
            let due = schedule.insert(Arc::new(Schedule::new(start, per_second)));
            for caller in 0..load.callers {
                callers.spawn(Arc::clone(&run).open(caller, Arc::clone(due)));
            }
            let (due, until) = (Arc::clone(due), run.until);
            thread::spawn(move || due.release(until));
        }
    }
    sleep_until(run.counted_from.into()).await;
    let (before, counted_from) = (read(probes)?, Instant::now());
    sleep_until(run.until.into()).await;
    let (after, until) = (read(probes)?, Instant::now());
    run.is_over.store(true, Ordering::Relaxed);
    while callers.join_next().await.is_some() {}

    let mut measured = Measured::new();
    for shard in &run.shards {
        measured.add_part(&lock(shard))?;
    }
    // Permits that nobody took.
    measured.backlog = schedule.map_or(0, |schedule| schedule.due.available_permits() as u64);
    measured.time = load.time;
    // Looked at a moment late, where the processors are busy.
    let share = load.time.as_secs_f64() / (until - counted_from).as_secs_f64();
    for (((name, _), before), after) in probes.iter().zip(before).zip(after) {
        measured.cpu.insert((*name).to_owned(), after.saturating_sub(before).mul_f64(share));
    }
    Ok(measured)
}

fn read(probes: &[Probe<'_>]) -> Result<Vec<Duration>> {
    probes.iter().map(|(_, cpu)| cpu()).collect()
}

fn lock(shard: &Mutex<Measured>) -> MutexGuard<'_, Measured> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Scenario> Run<S> {
    async fn closed(self: Arc<Self>, caller: usize) {
        let mut turn = 0;
        // Once at least, however short the time is.
        loop {
            let begun = Instant::now();
            if let Err(failure) = self.one(caller, turn, begun).await {
                if matches!(failure, Failure::Exhausted) {
                    return;
                }
                // Until then it would be refused again, and keep others from the processors.
                let again = begun + failure.retry_after();
                sleep_until(again.min(self.until).into()).await;
            }
            if self.is_over.load(Ordering::Relaxed) || Instant::now() >= self.until {
                return;
            }
            turn += 1;
        }
    }

    async fn open(self: Arc<Self>, caller: usize, schedule: Arc<Schedule>) {
        let mut turn = 0;
        while let Some(due) = schedule.next().await {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            if let Err(Failure::Exhausted) = self.one(caller, turn, due).await {
                return;
            }
            turn += 1;
        }
    }

    async fn one(&self, caller: usize, turn: u64, begun: Instant) -> Result<(), Failure> {
        let outcome = self.scenario.call(caller, turn).await;
        let ended = Instant::now();
        let [first, ..] = &self.shards;
        let mut seen = lock(self.shards.get(caller % SHARDS).unwrap_or(first));
        // What went wrong is counted whenever it was.
        match outcome {
            Ok(kind) => {
                seen.done += 1;
                if (self.counted_from..self.until).contains(&ended) {
                    seen.record(kind, ended - begun);
                }
                Ok(())
            }
            Err(failure) => {
                seen.fail(&failure);
                Err(failure)
            }
        }
    }
}

/// When the calls of an open loop are due.
struct Schedule {
    start: Instant,
    per_second: f64,
    /// Those that are due, and not begun.
    due: Semaphore,
    begun: AtomicU64,
}

impl Schedule {
    const fn new(start: Instant, per_second: f64) -> Self {
        Self { start, per_second, due: Semaphore::const_new(0), begun: AtomicU64::new(0) }
    }

    /// When the call `number` is due, counted from 0.
    fn time_of(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(crate::measure::to_f64(number) / self.per_second)
    }

    /// When the next call was to begin, once it is; `None` after the last.
    async fn next(&self) -> Option<Instant> {
        self.due.acquire().await.ok()?.forget();
        Some(self.time_of(self.begun.fetch_add(1, Ordering::Relaxed)))
    }

    /// On a thread of its own, which sleeps more exactly than tokio's timer, whose
    /// resolution is a millisecond.
    fn release(&self, until: Instant) {
        for number in 0.. {
            let due = self.time_of(number);
            if due >= until {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.due.add_permits(1);
        }
        self.due.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_an_open_loop_are_due_at_equal_distances() {
        let schedule = Schedule::new(Instant::now(), 4.0);
        for (number, expected) in [(0, 0), (1, 250), (4, 1_000), (400, 100_000)] {
            let after = schedule.time_of(number) - schedule.start;
            assert_eq!(after.as_millis(), expected, "{number}");
        }
    }

    /// Takes longer than the distance between two calls.
    struct Slow(Duration);

    impl Scenario for Slow {
        async fn call(&self, _: usize, _: u64) -> Result<&'static str, Failure> {
            tokio::time::sleep(self.0).await;
            Ok("slow")
        }
    }

    #[tokio::test]
    async fn a_call_that_has_to_wait_for_a_caller_is_counted_from_when_it_was_due() {
        let slow = Arc::new(Slow(Duration::from_millis(40)));
        let time = Duration::from_millis(300);
        // One caller does 25 a second of the 100 that are asked for.
        let load = Load { callers: 1, pace: Pace::Open(100.0), time };
        let open = drive(&slow, &load, &[]).await.unwrap();
        let closed = drive(&slow, &Load { pace: Pace::Closed, ..load }, &[]).await.unwrap();
        assert!(open.backlog > 0 && closed.backlog == 0);
        let [open, closed] = [open, closed].map(|measured| measured.latency().unwrap().p50);
        assert!(open > 4.0 * closed, "{open} ms, {closed} ms");
    }

    /// Refuses at once.
    struct Full;

    impl Scenario for Full {
        async fn call(&self, _: usize, _: u64) -> Result<&'static str, Failure> {
            Err(Failure::Busy(Duration::from_millis(20)))
        }
    }

    #[tokio::test]
    async fn who_is_refused_waits_as_told() {
        let load = Load { callers: 4, pace: Pace::Closed, time: Duration::from_millis(100) };
        let measured = drive(&Arc::new(Full), &load, &[]).await.unwrap();
        // In 125 ms seven times at most, and once at least.
        assert!((4..=28).contains(&measured.errors["OVERLOADED"]), "{:?}", measured.errors);
    }

    /// Has an end.
    struct Finite(AtomicU64);

    impl Scenario for Finite {
        async fn call(&self, _: usize, _: u64) -> Result<&'static str, Failure> {
            if self.0.fetch_add(1, Ordering::Relaxed) < 10 {
                Ok("one")
            } else {
                Err(Failure::Exhausted)
            }
        }
    }

    #[tokio::test]
    async fn says_that_there_was_nothing_left_to_do() {
        let load = Load { callers: 3, pace: Pace::Closed, time: Duration::from_millis(10) };
        let measured = drive(&Arc::new(Finite(AtomicU64::new(0))), &load, &[]).await.unwrap();
        assert_eq!(measured.errors["no customers left"], 3);
    }
}
