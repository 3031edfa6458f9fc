//! What gatehouse knows about signing in, with no input or output of its own.

pub mod api_key;
pub mod audit;
pub mod backup_code;
pub mod client;
pub mod customer;
pub mod email;
pub mod enrollment;
pub mod field;
pub mod id;
pub mod lockout;
mod page_token;
pub mod password;
pub mod portal;
pub mod saml;
pub mod session;
pub mod sign_in;
pub mod sign_in_start;
pub mod text;
pub mod throttle;
pub mod time;
pub mod totp;
pub mod vault;
