//! Waiting for a password hash, and hashing.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, Registry, Result};

use super::catalog;
use crate::hasher::Hasher;

/// What the hasher counts itself: it hands these on when it is looked at. Clones share them.
#[derive(Clone, Debug)]
pub struct HasherMetrics {
    wait: Histogram,
    hash: Histogram,
    refused: IntCounterVec,
    full: IntCounter,
    late: IntCounter,
}

impl HasherMetrics {
    /// Nothing has happened yet.
    ///
    /// # Errors
    /// A defect of the definitions.
    pub fn new() -> Result<Self> {
        let refused = catalog::HASHER_REFUSED.counters()?;
        Ok(Self {
            wait: catalog::HASHER_WAIT_SECONDS.histogram()?,
            hash: catalog::HASHER_HASH_SECONDS.histogram()?,
            full: refused.get_metric_with_label_values(&["full"])?,
            late: refused.get_metric_with_label_values(&["late"])?,
            refused,
        })
    }

    /// Somebody's turn has come after `wait`.
    pub fn waited(&self, wait: Duration) {
        self.wait.observe(wait.as_secs_f64());
    }

    /// A hash has run for `time`.
    pub fn ran(&self, time: Duration) {
        self.hash.observe(time.as_secs_f64());
    }

    /// The queue was full.
    pub fn was_full(&self) {
        self.full.inc();
    }

    /// A turn did not come in time.
    pub fn was_late(&self) {
        self.late.inc();
    }

    fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.wait.clone()))?;
        registry.register(Box::new(self.hash.clone()))?;
        registry.register(Box::new(self.refused.clone()))
    }
}

/// How the hasher is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasherState {
    /// Hashes that may run at once.
    pub permits: u32,
    /// Permits in use.
    pub running: u32,
    /// Passwords in line.
    pub waiting: u32,
}

/// What is read of it when it is looked at.
pub(super) struct HasherGauges {
    permits: Gauge,
    running: Gauge,
    waiting: Gauge,
}

impl HasherGauges {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            permits: catalog::HASHER_PERMITS.gauge()?,
            running: catalog::HASHER_RUNNING.gauge()?,
            waiting: catalog::HASHER_WAITING.gauge()?,
        })
    }

    pub(super) fn register(&self, hasher: &Hasher, registry: &Registry) -> Result<()> {
        hasher.metrics().register(registry)?;
        for gauge in [&self.permits, &self.running, &self.waiting] {
            registry.register(Box::new(gauge.clone()))?;
        }
        Ok(())
    }

    pub(super) fn look(&self, hasher: &Hasher) {
        let HasherState { permits, running, waiting } = hasher.state();
        self.permits.set(permits.into());
        self.running.set(running.into());
        self.waiting.set(waiting.into());
    }
}
