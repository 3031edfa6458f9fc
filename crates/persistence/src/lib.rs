//! Storage: the one place that knows sea-orm.
//!
//! [`Store`] hands out [`Tx`] for anything that writes and [`Read`] for single
//! reads. Rows never leave this crate: every function takes and gives domain
//! types, and a row that is not one is [`StoreError::Corrupt`].
//!
//! What must happen at most once is one guarded statement, judged by the rows it
//! affected: [`Tx::accept_time_step`], [`Tx::consume_backup_code`],
//! [`Tx::consume_invitation`], [`Tx::finish_sign_in`]. Reading first and writing
//! then loses under READ COMMITTED.

mod api_keys;
mod audit;
mod authentication;
mod backup;
mod backup_codes;
mod connection;
mod customers;
mod enrollments;
mod entity;
mod epoch;
mod error;
mod examination;
mod factors;
mod fault;
mod housekeeping;
mod invitations;
mod joined;
mod keys;
mod leases;
mod location;
mod migration;
mod observer;
#[cfg(feature = "fault-injection")]
mod plan;
mod portals;
mod posture;
#[cfg(feature = "fault-injection")]
mod record;
mod row;
#[cfg(feature = "seed")]
mod seed;
mod servers;
mod sessions;
mod sign_ins;
mod store;
mod throttles;
mod watch;

pub use audit::list::AuditEventFilter;
pub use audit::{MOST_COUNTED, Numbering};
pub use authentication::{Authenticated, HeldSession, Presented};
pub use backup_codes::StoredBackupCode;
pub use customers::SealedPassword;
pub use customers::import::{IMPORTED_AT_ONCE, ImportedCustomer};
pub use customers::list::CustomerFilter;
pub use epoch::EndedEpoch;
pub use error::StoreError;
pub use examination::Engine;
pub use factors::SealedSecret;
#[cfg(feature = "fault-injection")]
pub use fault::{Fault, Faults, Held};
pub use housekeeping::SESSION_RETENTION;
pub use joined::WithCustomer;
pub use keys::sealed::{SealedColumn, SealedCursor, SealedPage, SealedRow, SealedValue};
pub use keys::{Canary, KeyUse};
pub use leases::Lease;
pub use location::{DatabaseLocation, UnknownDatabase};
pub use migration::SchemaState;
pub use observer::{Observed, Outcome, PoolState, StatementKind};
pub use portals::PortalCounts;
pub use posture::Posture;
#[cfg(feature = "fault-injection")]
pub use record::{Counts, Sent};
#[cfg(feature = "seed")]
pub use seed::{SEEDED_AT_ONCE, SeededCustomer};
pub use servers::RunningServer;
pub use sessions::Sessions;
pub use store::{DatabaseSettings, Queries, Read, Store, Tx};
pub use throttles::StoredThrottle;
pub use watch::Condition;
