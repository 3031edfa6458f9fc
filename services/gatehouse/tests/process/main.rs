//! The program as its operators meet it: a process with arguments, files, signals and an exit
//! code, that may be killed at any moment.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

#[macro_use]
mod support;

mod admin;
mod admin_tls;
mod audit_trail;
mod backup;
mod command_line;
mod crash;
mod customer;
mod doctor;
mod durability;
mod first_start;
mod fleet;
mod history;
mod key_rotation;
mod metrics;
mod operations;
mod races;
mod readiness;
mod replicas;
mod runbooks;
mod secrets_at_rest;
mod service_manager;
mod settings;
mod shutdown;
mod tail;
mod tls;
mod tries;
mod upgrade;
