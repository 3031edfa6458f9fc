//! End-to-end tests: the real server, called over gRPC as its users call it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

// With what makes cases of it.
#[macro_use]
mod faults;

mod audit;
mod audit_list;
mod audit_trail;
mod audit_watch;
mod background;
mod bad_input;
mod budget;
mod charges;
mod collisions;
mod cube;
mod customer_changes;
mod customers;
mod envoy;
mod import;
mod invitations;
mod key_ring;
mod lists;
mod meanwhile;
mod metrics;
mod my_account;
mod plans;
mod portal_deletion;
mod portals;
mod races;
mod reasons;
mod reauthentication;
mod request_ids;
mod sequences;
mod session_administration;
mod steps;
mod traces;
mod tries;
mod whole_sign_in;
