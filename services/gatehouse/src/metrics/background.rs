//! Work that nobody asks for.

use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Numbering;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, Registry, Result};

use super::catalog;

/// Counts runs.
pub struct BackgroundMetrics {
    runs: IntCounterVec,
    success: GaugeVec,
    items: IntCounterVec,
    audit_lag: Gauge,
    audit_unnumbered: Gauge,
    audit_head: Gauge,
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
            audit_unnumbered: catalog::AUDIT_UNNUMBERED.gauge()?,
            audit_head: catalog::AUDIT_HEAD.gauge()?,
        })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.runs.clone()))?;
        registry.register(Box::new(self.success.clone()))?;
        registry.register(Box::new(self.items.clone()))?;
        registry.register(Box::new(self.audit_lag.clone()))?;
        registry.register(Box::new(self.audit_unnumbered.clone()))?;
        registry.register(Box::new(self.audit_head.clone()))
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

    /// How far numbering had come at `now`.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 events")]
    pub fn numbering(&self, numbering: &Numbering, now: Timestamp) {
        let age = numbering.oldest.map(|oldest| now.since(oldest).as_secs_f64());
        self.audit_lag.set(age.unwrap_or(0.0));
        self.audit_unnumbered.set(numbering.waiting as f64);
        self.audit_head.set(numbering.last as f64);
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
