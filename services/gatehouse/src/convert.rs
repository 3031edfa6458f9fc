//! The only conversions between protobuf messages and domain types, a file for
//! each proto file. What is wrong with a request is collected here, field by
//! field, under the names that the caller used.

pub mod api_key;
pub mod audit;
pub mod client_context;
pub mod credential;
pub mod customer;
pub mod fields;
pub mod import;
pub mod invitation;
pub mod mfa;
pub mod page;
pub mod portal;
pub mod portal_mask;
pub mod proof;
pub mod resume;
pub mod session;
pub mod sign_in;
