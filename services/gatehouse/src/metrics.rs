//! What operators see of a server in Prometheus: counted where it happens, by handles that
//! are made once, and given out on a port of its own ([`listener`]).
//!
//! Every server has a registry of its own, so that several in one process count apart. A
//! histogram is a few atomic numbers, never a list of what was measured: it costs the same
//! whether or not anybody looks. No label holds what a caller chose, but for portals' ids,
//! of which there are at most [`posture::MAX_PORTALS`].

mod background;
mod calls;
pub mod catalog;
mod database;
mod events;
mod hasher;
pub mod listener;
pub mod posture;
mod spans;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_domain::audit::Event;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{Observed, Store};
use prometheus::{Gauge, Registry, Result, TextEncoder};

use crate::app::App;
use crate::hasher::Hasher;
use crate::traces;

pub use background::{BackgroundMetrics, TaskMetrics};
pub(crate) use calls::reason_word;
pub use calls::{Answered, CallMetrics, CallUnderWay};
pub use hasher::{HasherMetrics, HasherState};
pub use posture::PostureMetrics;
pub use spans::SpanMetrics;

use database::DatabaseMetrics;
use events::EventMetrics;
use hasher::HasherGauges;

/// All that a server counts.
pub struct Metrics {
    /// Calls.
    pub calls: Arc<CallMetrics>,
    /// What it does by itself.
    pub background: BackgroundMetrics,
    /// How the customers of each portal are protected.
    pub posture: PostureMetrics,
    /// Spans of traced calls.
    pub spans: Arc<SpanMetrics>,
    hasher: HasherGauges,
    stored: Arc<Stored>,
    ready: Gauge,
    clock_offset: Gauge,
    key_ring_keys: Gauge,
    audit_watchers: Gauge,
    certificate_end: Gauge,
    client_connections: Gauge,
    client_connections_max: Gauge,
    registry: Registry,
    /// Whether anybody can ever see them.
    is_served: AtomicBool,
    /// Held while gauges are read or set that belong together.
    together: Mutex<()>,
}

/// What the store tells.
struct Stored {
    database: DatabaseMetrics,
    events: EventMetrics,
}

impl Metrics {
    /// Those of a server with this `hasher`.
    ///
    /// # Errors
    /// A defect of the definitions.
    pub fn new(hasher: &Hasher) -> Result<Self> {
        let metrics = Self {
            calls: Arc::new(CallMetrics::new()?),
            background: BackgroundMetrics::new()?,
            posture: PostureMetrics::new()?,
            spans: Arc::new(SpanMetrics::new()?),
            hasher: HasherGauges::new()?,
            stored: Arc::new(Stored {
                database: DatabaseMetrics::new()?,
                events: EventMetrics::new()?,
            }),
            ready: catalog::READY.gauge()?,
            clock_offset: catalog::CLOCK_OFFSET.gauge()?,
            key_ring_keys: catalog::KEY_RING_KEYS.gauge()?,
            audit_watchers: catalog::AUDIT_WATCHERS.gauge()?,
            certificate_end: catalog::CERTIFICATE_END.gauge()?,
            client_connections: catalog::CLIENT_CONNECTIONS.gauge()?,
            client_connections_max: catalog::CLIENT_CONNECTIONS_MAX.gauge()?,
            registry: Registry::new(),
            is_served: AtomicBool::new(false),
            together: Mutex::default(),
        };
        let registry = &metrics.registry;
        metrics.calls.register(registry)?;
        metrics.background.register(registry)?;
        metrics.posture.register(registry)?;
        metrics.spans.register(registry)?;
        metrics.hasher.register(hasher, registry)?;
        metrics.stored.database.register(registry)?;
        metrics.stored.events.register(registry)?;
        let Self { ready, clock_offset, key_ring_keys, audit_watchers, certificate_end, .. } =
            &metrics;
        for gauge in [ready, clock_offset, key_ring_keys, audit_watchers, certificate_end] {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(metrics.client_connections.clone()))?;
        registry.register(Box::new(metrics.client_connections_max.clone()))?;
        let build = catalog::BUILD_INFO.gauges()?;
        build.get_metric_with_label_values(&[env!("CARGO_PKG_VERSION")])?.set(1.0);
        registry.register(Box::new(build))?;
        // Of /proc: elsewhere there are none.
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Counts what `store` does from now on, and notes it in the traces of the calls that wait
    /// for it. `system` is the database's name there.
    pub fn follow(&self, store: &Store, system: &'static str) {
        let stored = Arc::clone(&self.stored);
        store.observe(move |observed| match observed {
            Observed::Statement { kind, took, outcome } => {
                stored.database.count(kind, took, outcome);
                traces::statement(system, kind, took, outcome);
            }
            Observed::Committed(event) => stored.events.count(event),
        });
    }

    /// Counts a refused proof that has no event of its own.
    pub(crate) fn count_try(&self, event: &Event) {
        self.stored.events.count_proof(event);
    }

    /// Whether they are served: what costs the database something is counted only then.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.is_served.load(Ordering::Relaxed)
    }

    /// They are served from now on.
    pub fn note_served(&self) {
        self.is_served.store(true, Ordering::Relaxed);
    }

    /// New connections are shown a certificate that ends at `not_after`.
    pub fn note_certificate(&self, not_after: Timestamp) {
        self.certificate_end.set(seconds(not_after));
    }

    /// What counts the connections of clients, of which there may be `most`.
    pub(crate) fn client_connections(&self, most: u32) -> Gauge {
        self.client_connections_max.set(most.into());
        self.client_connections.clone()
    }

    /// Sets gauges that belong together, between two renderings.
    pub(crate) fn together<T>(&self, set: impl FnOnce() -> T) -> T {
        let _held = self.together.lock().unwrap_or_else(PoisonError::into_inner);
        set()
    }
}

/// All metrics of `app` in Prometheus' text format. Asks nobody but this process.
///
/// # Errors
/// A defect of the definitions.
pub fn render(app: &App) -> Result<String> {
    let metrics = &app.metrics;
    metrics.together(|| {
        metrics.ready.set(f64::from(u8::from(*app.database_watch.subscribe().borrow())));
        metrics.clock_offset.set(app.database_watch.clock_offset(&app.clock));
        let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics.key_ring_keys.set(count(app.vault().key_ids().count()));
        metrics.audit_watchers.set(count(app.trail.watchers()));
        metrics.hasher.look(&app.hasher);
        metrics.stored.database.look(&app.store);
        TextEncoder::new().encode_to_string(&metrics.registry.gather())
    })
}

/// Seconds since 1970, as Prometheus counts time.
fn seconds(at: Timestamp) -> f64 {
    at.since(Timestamp::EPOCH).as_secs_f64()
}
