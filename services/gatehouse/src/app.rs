//! All that a use case needs.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gatehouse_domain::id::ServerId;
use gatehouse_domain::vault::Vault;
use gatehouse_persistence::Store;
use tokio::sync::Semaphore;

use crate::caller::Lookups;
use crate::clock::Clock;
use crate::database_watch::DatabaseWatch;
use crate::entropy::Entropy;
use crate::error::AppError;
use crate::hasher::Hasher;
use crate::key_ring::ServerKeyRing;
use crate::metrics::Metrics;
use crate::tasks::Tasks;
use crate::traces::Traces;
use crate::trail::Trail;
use crate::usecase::audit::retention::Retention;
use crate::usecase::tries::Tries;

/// One server's state. Nothing that decides a sign-in lives in memory: any
/// number of these may stand over one database.
pub struct App {
    /// The database.
    pub store: Store,
    /// Whether the database is there, and goes by the same time.
    pub database_watch: DatabaseWatch,
    /// The keys that secrets are sealed under.
    pub key_ring: ServerKeyRing,
    /// Computes password hashes, so many at once.
    pub hasher: Hasher,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Looks up who calls.
    pub lookups: Lookups,
    /// Runs what a caller must not cancel.
    pub tasks: Tasks,
    /// Refused proofs that it has counted and not written yet.
    pub tries: Tries,
    /// What operators see of it.
    pub metrics: Arc<Metrics>,
    /// Traces calls, where that is asked for.
    pub traces: Traces,
    /// By which servers over one database tell each other apart.
    pub server: ServerId,
    /// Lets so many read the audit trail at once: a filter that matches little goes
    /// through all of it, and must leave connections for everybody else.
    pub trail_readers: Semaphore,
    /// The trail as it grows, for those who watch it.
    pub trail: Trail,
    /// Which audit events are removed; none of them without it.
    pub audit_retention: Option<Retention>,
    /// Calls that came without a live key since the log last told of them.
    pub calls_without_key: AtomicU64,
}

impl App {
    /// Asks the database how it is.
    ///
    /// # Errors
    /// Why no sign-in can be served.
    pub async fn look_at_database(&self) -> Result<(), AppError> {
        self.database_watch.look(&self.store, &self.clock, &self.vault()).await
    }

    /// Seals secrets and makes digests, under the key ring as it is now.
    #[must_use]
    pub fn vault(&self) -> Arc<Vault> {
        self.key_ring.vault()
    }
}
