//! Kinds of settings, by the heading that they have in a command's help: a command goes by
//! some of them, and the others mean nothing to it.

/// Where the server is, which a command on the same machine also goes by.
pub const ADDRESS: &str = "Address of the server";
/// What is kept, and where.
pub const STORAGE: &str = "Storage";
/// What only a server does.
pub const SERVING: &str = "Serving";
/// What a command says of itself.
pub const LOG: &str = "Log";
