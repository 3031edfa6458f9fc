//! When a wrong password is answered where hashes of several costs are compared.
//!
//! Our own hashes are made up to the same work. Those of other systems are of functions
//! that no work of ours amounts to, so that refusals are made up to the same time: in a
//! portal that has any, all of them are answered at multiples of one interval, which is
//! longer than the dearest hash of the portal takes on this machine.

use std::time::Duration;

use argon2::Block;
use gatehouse_domain::password::{ForeignHash, HashingFailed};
use tokio::time::Instant;

use super::{HashError, Hasher, to_usize};

/// How much longer than the dearest hash is measured to take. Twice: for what a busy
/// machine adds, and because the next multiple, though it is as uniform, comes late.
const HASH_MARGIN: u32 = 2;
/// For what is read and written around the hash.
const REST_MARGIN: Duration = Duration::from_millis(25);
/// Times that each specimen is computed; the fastest counts, as load only adds.
const MEASUREMENTS: usize = 3;
/// Whatever is measured. A machine as slow as this answers no call in time.
const MAX_SLOWNESS: f64 = 10.0;

impl Hasher {
    /// The time between two moments at which wrong passwords are answered in a portal whose
    /// dearest hash of another system takes `dearest` where figures were measured. Measures
    /// this machine the first time, by some 50 ms of hashes.
    ///
    /// # Errors
    /// If there is no measurement.
    pub async fn refusal_interval(&self, dearest: Duration) -> Result<Duration, HashError> {
        let slowness = *self.0.slowness.get_or_try_init(|| self.measure()).await?;
        let longest = dearest.max(self.0.parameters.expected_time());
        Ok(HASH_MARGIN * longest.mul_f64(slowness) + REST_MARGIN)
    }

    /// How many times as long as expected hashes take here: of all functions the one that
    /// takes the longest, so that the interval may be too long for a portal, and never
    /// too short.
    async fn measure(&self) -> Result<f64, HashError> {
        let permit = self.0.permits.clone().acquire_owned().await?;
        let measured = self.0.threads.run(move || {
            let _permit = permit;
            slowness()
        });
        Ok(measured.await??)
    }
}

fn slowness() -> Result<f64, HashingFailed> {
    let mut slowest = 0.0_f64;
    for specimen in ForeignHash::specimens() {
        let mut memory = vec![Block::new(); to_usize(specimen.blocks())];
        let mut fastest = f64::INFINITY;
        for _ in 0..MEASUREMENTS {
            let begun = std::time::Instant::now();
            specimen.rehearse(&mut memory)?;
            let took = begun.elapsed().as_secs_f64();
            fastest = fastest.min(took / specimen.expected_time().as_secs_f64());
        }
        slowest = slowest.max(fastest);
    }
    Ok(slowest.min(MAX_SLOWNESS))
}

/// The next moment after now that is a whole number of intervals after `begun`.
#[must_use]
pub fn next_moment(begun: Instant, interval: Duration) -> Instant {
    let interval = interval.max(Duration::from_millis(1));
    let intervals = begun.elapsed().as_nanos() / interval.as_nanos() + 1;
    begun + interval * u32::try_from(intervals).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn whatever_took_less_than_an_interval_is_answered_at_its_end() {
        let begun = Instant::now();
        for millis in [0, 1, 99] {
            tokio::time::sleep_until(begun + Duration::from_millis(millis)).await;
            assert_eq!(next_moment(begun, INTERVAL), begun + INTERVAL, "{millis}");
        }
        for (millis, intervals) in [(100, 2), (199, 2), (200, 3), (1_050, 11)] {
            tokio::time::sleep_until(begun + Duration::from_millis(millis)).await;
            assert_eq!(next_moment(begun, INTERVAL), begun + INTERVAL * intervals, "{millis}");
        }
    }
}
