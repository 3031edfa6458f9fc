//! What no machine here is large enough for: sign-ins of millions of customers that wait for
//! a core to be hashed on. Arrivals are a Poisson process, every hash takes the same time, and
//! whoever would have to wait for longer than the server's limit is refused, as by the
//! server's own queue.

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::options::Simulate;

/// The longest wait for a hash that the server lets anybody in for.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// What became of the sign-ins.
#[derive(Debug)]
struct Outcome {
    /// How long those that were let in waited for a core, in microseconds.
    waits: Histogram<u64>,
    refused: u64,
}

/// Prints how long sign-ins wait, with so many cores.
pub fn run(options: &Simulate) -> Result<()> {
    ensure!(options.rate > 0.0 && options.cores > 0, "--rate and --cores must be above zero");
    let hash = Duration::from_secs_f64(options.hash_milliseconds / 1e3);
    let Outcome { waits, refused } = simulate(options.rate, options.cores, hash, options.sign_ins)?;
    let share = |count: u64| percent(count, options.sign_ins);
    writeln!(
        io::stdout(),
        "{} sign-ins a second on {} cores, {:.0} % busy: wait p50 {:.1} ms, p99 {:.1} ms, p99.9 \
         {:.1} ms; {:.2} % refused",
        options.rate,
        options.cores,
        100.0 * options.rate * hash.as_secs_f64() / f64::from(options.cores),
        milliseconds(waits.value_at_quantile(0.5)),
        milliseconds(waits.value_at_quantile(0.99)),
        milliseconds(waits.value_at_quantile(0.999)),
        share(refused),
    )?;
    Ok(())
}

fn simulate(rate: f64, cores: u32, hash: Duration, sign_ins: u64) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut waits = Histogram::new(3)?;
    let mut refused = 0;
    // When each core is free, in seconds from the start.
    let mut free = vec![0.0_f64; usize::try_from(cores)?];
    let mut now = 0.0_f64;
    for _ in 0..sign_ins {
        // Between two events of a Poisson process: exponentially distributed.
        now -= (1.0 - rng.random::<f64>()).ln() / rate;
        let Some(core) = free.iter_mut().min_by(|a, b| a.total_cmp(b)) else { break };
        let wait = Duration::from_secs_f64((*core - now).max(0.0));
        if wait > MAX_WAIT {
            refused += 1;
            continue;
        }
        *core = core.max(now) + hash.as_secs_f64();
        waits.record(u64::try_from(wait.as_micros())?)?;
    }
    Ok(Outcome { waits, refused })
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53 microseconds")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53 sign-ins")]
fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: Duration = Duration::from_millis(20);

    /// The mean wait of M/D/1 (Pollaczek and Khinchine): ρD / 2(1 − ρ).
    #[test]
    fn one_core_keeps_sign_ins_waiting_as_long_as_the_formula_says() {
        for load in [0.5, 0.8, 0.9] {
            let outcome = simulate(load / HASH.as_secs_f64(), 1, HASH, 400_000).unwrap();
            let expected = load * HASH.as_secs_f64() * 1e6 / (2.0 * (1.0 - load));
            let ratio = outcome.waits.mean() / expected;
            assert!((0.9..1.1).contains(&ratio), "{load}: {ratio}");
            assert_eq!(outcome.refused, 0);
        }
    }

    #[test]
    fn what_is_too_much_is_refused_and_the_rest_waits_no_longer_than_the_limit() {
        // Twice what two cores can do.
        let outcome = simulate(200.0, 2, HASH, 100_000).unwrap();
        assert!((45.0..55.0).contains(&percent(outcome.refused, 100_000)), "{outcome:?}");
        assert!(outcome.waits.max() <= 2_002_000, "within the histogram's three digits");
    }
}
