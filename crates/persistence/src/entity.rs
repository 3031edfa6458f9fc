//! Rows as the database has them. They leave this crate only as domain types.

pub(crate) mod api_key;
pub(crate) mod audit_event;
pub(crate) mod backup_code;
pub(crate) mod customer;
pub(crate) mod enrollment;
pub(crate) mod factor;
pub(crate) mod invitation;
pub(crate) mod key_canary;
pub(crate) mod known_source;
pub(crate) mod lease;
pub(crate) mod portal;
pub(crate) mod schema_requirement;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod throttle;
pub(crate) mod trail_start;
