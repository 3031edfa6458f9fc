//! Statements, as the store tells of them.

use std::time::Duration;

use gatehouse_persistence::{Outcome, StatementKind, Store};
use prometheus::{GaugeVec, Histogram, HistogramVec, IntCounterVec, Registry, Result};

use super::catalog;

pub(super) struct DatabaseMetrics {
    seconds: HistogramVec,
    /// Of each of [`StatementKind::ALL`], in its order.
    by_kind: [Histogram; 5],
    failures: IntCounterVec,
    connections: GaugeVec,
    connections_max: GaugeVec,
}

impl DatabaseMetrics {
    pub(super) fn new() -> Result<Self> {
        let seconds = catalog::STATEMENT_SECONDS.histograms()?;
        let failures = catalog::STATEMENT_FAILURES.counters()?;
        for kind in StatementKind::ALL {
            for failure in Outcome::FAILURES {
                failures.get_metric_with_label_values(&[kind.as_str(), failure.as_str()])?;
            }
        }
        Ok(Self {
            by_kind: StatementKind::ALL.map(|kind| seconds.with_label_values(&[kind.as_str()])),
            seconds,
            failures,
            connections: catalog::CONNECTIONS.gauges()?,
            connections_max: catalog::CONNECTIONS_MAX.gauges()?,
        })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.seconds.clone()))?;
        registry.register(Box::new(self.failures.clone()))?;
        registry.register(Box::new(self.connections.clone()))?;
        registry.register(Box::new(self.connections_max.clone()))
    }

    pub(super) fn count(&self, kind: StatementKind, took: Duration, outcome: Outcome) {
        let [read, lock, write, begin, commit] = &self.by_kind;
        let seconds = match kind {
            StatementKind::Read => read,
            StatementKind::Lock => lock,
            StatementKind::Write => write,
            StatementKind::Begin => begin,
            StatementKind::Commit => commit,
        };
        seconds.observe(took.as_secs_f64());
        if outcome != Outcome::Done {
            self.failures.with_label_values(&[kind.as_str(), outcome.as_str()]).inc();
        }
    }

    /// How the pools are now.
    pub(super) fn look(&self, store: &Store) {
        for (pool, state) in store.pools() {
            let in_use = state.open.saturating_sub(state.idle);
            self.connections.with_label_values(&[pool, "in_use"]).set(in_use.into());
            self.connections.with_label_values(&[pool, "idle"]).set(state.idle.into());
            self.connections_max.with_label_values(&[pool]).set(state.max.into());
        }
    }
}
