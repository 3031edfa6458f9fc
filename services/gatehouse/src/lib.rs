//! The gatehouse server as a library, so that tests run the real one.

pub mod app;
pub mod background;
pub mod caller;
pub mod clock;
pub mod command;
pub mod config;
pub mod convert;
pub mod database_watch;
pub mod entropy;
pub mod error;
pub mod hasher;
pub mod key_ring;
pub mod layer;
pub mod log;
pub mod metrics;
pub mod rpc;
pub mod server;
pub mod shutdown;
pub mod startup;
pub mod tasks;
pub mod tls;
pub mod trail;
pub mod usecase;
