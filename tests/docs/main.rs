//! What the documents say of the code holds.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

mod architecture;
mod blocks;
mod dashboard;
mod deploy;
mod envoy;
mod mentions;
mod metrics;
mod security;
