//! What the documents say of the code holds.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

mod architecture;
mod envoy;
mod metrics;
mod security;
