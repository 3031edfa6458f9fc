//! Work that nobody asks for.

use gatehouse_domain::time::Timestamp;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, Registry, Result};

use super::catalog;

/// Counts runs.
pub struct BackgroundMetrics {
    runs: IntCounterVec,
    success: GaugeVec,
    items: IntCounterVec,
    audit_lag: Gauge,
}

/// Those of one task.
pub struct TaskMetrics {
    done: IntCounter,
    failed: IntCounter,
    success: Gauge,
    items: IntCounter,
}

impl BackgroundMetrics {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            runs: catalog::BACKGROUND_RUNS.counters()?,
            success: catalog::BACKGROUND_SUCCESS.gauges()?,
            items: catalog::BACKGROUND_ITEMS.counters()?,
            audit_lag: catalog::AUDIT_LAG.gauge()?,
        })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.runs.clone()))?;
        registry.register(Box::new(self.success.clone()))?;
        registry.register(Box::new(self.items.clone()))?;
        registry.register(Box::new(self.audit_lag.clone()))
    }

    /// Those of the task of this name.
    #[must_use]
    pub fn task(&self, name: &'static str) -> TaskMetrics {
        TaskMetrics {
            done: self.runs.with_label_values(&[name, "done"]),
            failed: self.runs.with_label_values(&[name, "failed"]),
            success: self.success.with_label_values(&[name]),
            items: self.items.with_label_values(&[name]),
        }
    }

    /// The oldest event without a number was recorded at `oldest`.
    pub fn audit_lag(&self, oldest: Option<Timestamp>, now: Timestamp) {
        self.audit_lag.set(oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64()));
    }
}

impl TaskMetrics {
    /// A run has ended well at `now`.
    pub fn done(&self, now: Timestamp) {
        self.done.inc();
        self.success.set(super::seconds(now));
    }

    /// A run has failed.
    pub fn failed(&self) {
        self.failed.inc();
    }

    /// A batch did so much.
    pub fn did(&self, items: usize) {
        self.items.inc_by(u64::try_from(items).unwrap_or(u64::MAX));
    }
}
