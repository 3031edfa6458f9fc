//! What was measured: how many, how long each took, what went wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::{CreationError, Histogram};
use serde::{Deserialize, Serialize};
use tonic::Status;
use tonic_types::StatusExt as _;

/// Nanoseconds that are told apart, a minute at most, to three digits.
const LONGEST: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// Why a call was not what it should have been.
#[derive(Debug)]
pub enum Failure {
    /// The server refused it.
    Refused(Box<Status>),
    /// A limit has no room, and will have some after this time.
    Busy(Duration),
    /// The answer is not the right one.
    WrongAnswer(&'static str),
    /// Every customer has been used who could be. Ends the run.
    Exhausted,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl Failure {
    /// How long a caller waits who does as they are told: RetryInfo says so.
    pub fn retry_after(&self) -> Duration {
        /// Where nothing is said: it failed at once, and would again.
        const PAUSE: Duration = Duration::from_millis(10);
        let told = match self {
            Self::Refused(status) => {
                status.get_details_retry_info().and_then(|info| info.retry_delay)
            }
            Self::Busy(time) => Some(*time),
            Self::WrongAnswer(_) | Self::Exhausted => None,
        };
        told.unwrap_or(PAUSE).max(PAUSE)
    }
}

/// As it is counted: by the reason in google.rpc.ErrorInfo.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => match status.get_details_error_info() {
                Some(info) => {
                    f.write_str(info.reason.strip_prefix("ERROR_REASON_").unwrap_or(&info.reason))
                }
                None => write!(f, "{:?} without a reason", status.code()),
            },
            Self::Busy(_) => f.write_str("OVERLOADED"),
            Self::WrongAnswer(expected) => write!(f, "wrong answer: {expected}"),
            Self::Exhausted => f.write_str("no customers left"),
        }
    }
}

/// What so many callers did within some time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// How long was counted.
    pub time: Duration,
    /// How many went well, also before and after what was counted.
    pub done: u64,
    /// How many of an open loop were due and had not begun at the end: how long they would
    /// have taken is not counted.
    pub backlog: u64,
    /// How long each took that went well, in nanoseconds, by what it was.
    kinds: BTreeMap<String, Times>,
    /// How many went wrong, by reason.
    pub errors: BTreeMap<String, u64>,
    /// Processor time of the processes that were looked at.
    pub cpu: BTreeMap<String, Duration>,
}

/// How long calls of one kind took. Written as pairs of a time and how many took it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Vec<(u64, u64)>", try_from = "Vec<(u64, u64)>")]
struct Times(Histogram<u64>);

impl Times {
    fn new() -> Result<Self, CreationError> {
        Histogram::new_with_bounds(1, LONGEST, DIGITS).map(Self)
    }
}

impl From<Times> for Vec<(u64, u64)> {
    fn from(times: Times) -> Self {
        let recorded = times.0.iter_recorded();
        recorded.map(|time| (time.value_iterated_to(), time.count_at_value())).collect()
    }
}

impl TryFrom<Vec<(u64, u64)>> for Times {
    type Error = CreationError;

    fn try_from(pairs: Vec<(u64, u64)>) -> Result<Self, CreationError> {
        let mut times = Self::new()?;
        for (nanos, count) in pairs {
            times.0.saturating_record_n(nanos, count);
        }
        Ok(times)
    }
}

impl Measured {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            time: Duration::ZERO,
            done: 0,
            backlog: 0,
            kinds: BTreeMap::new(),
            errors: BTreeMap::new(),
            cpu: BTreeMap::new(),
        }
    }

    /// Counts one that went well.
    pub fn record(&mut self, kind: &'static str, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if !self.kinds.contains_key(kind) {
            // Fails for no bounds that stand here.
            let Ok(times) = Times::new() else { return };
            self.kinds.insert(kind.to_owned(), times);
        }
        if let Some(times) = self.kinds.get_mut(kind) {
            times.0.saturating_record(nanos);
        }
    }

    /// Counts one that went wrong.
    pub fn fail(&mut self, failure: &Failure) {
        *self.errors.entry(failure.to_string()).or_default() += 1;
    }

    /// Counts what another part of the same time saw.
    pub fn add_part(&mut self, part: &Self) -> Result<()> {
        for (kind, times) in &part.kinds {
            match self.kinds.get_mut(kind) {
                Some(sum) => sum.0.add(&times.0)?,
                None => {
                    self.kinds.insert(kind.clone(), times.clone());
                }
            }
        }
        self.done += part.done;
        self.backlog += part.backlog;
        for (reason, count) in &part.errors {
            *self.errors.entry(reason.clone()).or_default() += count;
        }
        Ok(())
    }

    /// Counts another time after this one.
    pub fn add_round(&mut self, round: &Self) -> Result<()> {
        self.add_part(round)?;
        self.time += round.time;
        for (process, time) in &round.cpu {
            *self.cpu.entry(process.clone()).or_default() += *time;
        }
        Ok(())
    }

    /// How many went well.
    pub fn calls(&self) -> u64 {
        self.kinds.values().map(|times| times.0.len()).sum()
    }

    /// How many went well a second.
    pub fn per_second(&self) -> f64 {
        ratio(to_f64(self.calls()), self.time.as_secs_f64())
    }

    /// Processor time of a process for each that went well, in milliseconds.
    pub fn cpu_per_call(&self, process: &str) -> Option<f64> {
        let time = self.cpu.get(process)?;
        Some(ratio(time.as_secs_f64() * 1e3, to_f64(self.calls())))
    }

    /// All that went well together.
    pub fn latency(&self) -> Result<Latency> {
        let mut all = Times::new()?;
        for times in self.kinds.values() {
            all.0.add(&times.0)?;
        }
        Ok(Latency::of(&all))
    }

    /// What went well, by what it was.
    pub fn latency_by_kind(&self) -> impl Iterator<Item = (&str, u64, Latency)> {
        let kinds = self.kinds.iter();
        kinds.map(|(kind, times)| (kind.as_str(), times.0.len(), Latency::of(times)))
    }
}

/// How long calls took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Of half of them at most.
    pub p50: f64,
    /// Of 99 in 100.
    pub p99: f64,
    /// Of 999 in 1,000.
    pub p999: f64,
}

impl Latency {
    fn of(times: &Times) -> Self {
        let at = |quantile| to_f64(times.0.value_at_quantile(quantile)) / 1e6;
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

/// Counts here stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of minutes")]
pub const fn to_f64(count: u64) -> f64 {
    count as f64
}

/// Zero where there is nothing to compare with.
pub fn ratio(of: f64, to: f64) -> f64 {
    if to > 0.0 { of / to } else { 0.0 }
}

/// The middle of `values`; of an even number, the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (above, below) = (sorted.len() / 2, sorted.len().saturating_sub(1) / 2);
    match (sorted.get(below), sorted.get(above)) {
        (Some(one), Some(other)) => f64::midpoint(*one, *other),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn close(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= expected / 500.0
    }

    #[test]
    fn parts_of_one_time_and_rounds_after_each_other_are_added_up() {
        let (mut one, mut other) = (Measured::new(), Measured::new());
        for number in 1..=50 {
            one.record("a", number * MS);
            other.record("a", (50 + number) * MS);
        }
        other.fail(&Failure::WrongAnswer("x"));
        let mut whole = Measured::new();
        whole.add_part(&one).unwrap();
        whole.add_part(&other).unwrap();
        whole.time = Duration::from_secs(2);
        whole.cpu.insert("server".to_owned(), 100 * MS);
        assert_eq!((whole.calls(), whole.errors.len()), (100, 1));
        assert!(close(whole.per_second(), 50.0));
        assert!(close(whole.cpu_per_call("server").unwrap(), 1.0));
        let latency = whole.latency().unwrap();
        assert!(close(latency.p50, 50.0) && close(latency.p99, 99.0), "{latency:?}");

        let mut rounds = Measured::new();
        rounds.add_round(&whole).unwrap();
        rounds.add_round(&whole).unwrap();
        assert_eq!(rounds.calls(), 200);
        assert!(close(rounds.per_second(), 50.0));
        assert!(close(rounds.cpu_per_call("server").unwrap(), 1.0));
        assert_eq!(rounds.errors["wrong answer: x"], 2);
    }

    #[test]
    fn what_another_process_measured_arrives_as_it_was() {
        let mut one = Measured::new();
        (1..=1_000).for_each(|number| one.record("a", number * MS));
        let other: Measured = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(other.calls(), 1_000);
        assert_eq!(other.latency().unwrap(), one.latency().unwrap());
    }

    #[test]
    fn nothing_measured_is_nothing_a_second() {
        assert_eq!(Measured::new().per_second().to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in
            [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0, 2.0, 3.0], 2.5), (&[7.0], 7.0), (&[], 0.0)]
        {
            assert!((median(values) - expected).abs() < 1e-9, "{values:?}");
        }
    }
}
