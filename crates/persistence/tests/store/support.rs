//! Databases, races and example rows.

mod database;
pub mod example;
mod race;

pub use database::TestDatabase;
pub use race::{at_once, race};
