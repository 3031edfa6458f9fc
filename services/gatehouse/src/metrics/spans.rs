//! Spans of traces, by what became of them.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::{IntCounter, IntCounterVec, Registry, Result};

use super::catalog;

/// Counts spans that were made to be exported.
#[derive(Debug)]
pub struct SpanMetrics {
    all: IntCounterVec,
    exported: IntCounter,
    failed: IntCounter,
    dropped: IntCounter,
    dropped_lately: AtomicU64,
}

impl SpanMetrics {
    pub(crate) fn new() -> Result<Self> {
        let all = catalog::SPANS.counters()?;
        Ok(Self {
            exported: all.get_metric_with_label_values(&["exported"])?,
            failed: all.get_metric_with_label_values(&["failed"])?,
            dropped: all.get_metric_with_label_values(&["dropped"])?,
            all,
            dropped_lately: AtomicU64::new(0),
        })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.all.clone()))
    }

    /// The collector took so many.
    pub fn were_exported(&self, spans: usize) {
        self.exported.inc_by(spans as u64);
    }

    /// How many the collector took so far.
    #[cfg(test)]
    pub fn exported(&self) -> u64 {
        self.exported.get()
    }

    /// It did not take so many, and they are gone.
    pub fn have_failed(&self, spans: usize) {
        self.failed.inc_by(spans as u64);
    }

    /// One more would have had to wait than may.
    pub fn was_dropped(&self) {
        self.dropped.inc();
        self.dropped_lately.fetch_add(1, Ordering::Relaxed);
    }

    /// Those that were dropped since this was last asked.
    pub fn take_dropped(&self) -> u64 {
        self.dropped_lately.swap(0, Ordering::Relaxed)
    }
}
