//! The attack suite: what gatehouse withstands. A file for each group of cases, a test for each
//! case, named after the rule that it holds gatehouse to; what it guards against stands beside
//! it. SECURITY.md says which promise is held by which test, here and elsewhere.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

mod admin;
mod audit_watch;
mod backup_codes;
mod clock;
mod credentials;
mod enrollment;
mod ground;
mod otp;
mod overload;
mod policy;
mod protocol;
mod secrets;
mod sessions;
mod tenants;
