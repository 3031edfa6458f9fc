//! Databases, races and example rows.

mod database;
pub mod example;
mod race;

pub use database::TestDatabase;
use gatehouse_test_postgres::ISOLATION;
pub use race::{at_once, race};

/// Whether PostgreSQL's transactions are serializable, and not READ COMMITTED.
pub fn is_serializable() -> bool {
    std::env::var_os(ISOLATION).is_some_and(|level| level == "serializable")
}
