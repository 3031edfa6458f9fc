//! What gatehouse knows about signing in, with no input or output of its own.

pub mod field;
pub mod id;
pub mod time;
