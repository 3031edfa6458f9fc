//! The gatehouse server as a library, so that tests run the real one.

pub mod clock;
pub mod config;
pub mod entropy;
pub mod error;
pub mod hasher;
pub mod layer;
pub mod log;
pub mod tasks;
