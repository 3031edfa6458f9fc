//! A file for each target.

mod calls;
mod clients;
mod codes;
mod cookies;
mod emails;
mod key_rings;
mod masks;
mod names;
mod otpauth;
mod password_hashes;
mod passwords;
mod saml;
mod sealed;
mod tokens;

use crate::Target;

macro_rules! all {
    ($($name:ident,)*) => {
        /// Every target there is.
        pub const ALL: &[Target] =
            &[$(Target { name: stringify!($name), check: $name::check },)*];

        /// Gives the names of all targets to a macro.
        #[macro_export]
        macro_rules! for_each_target {
            ($apply:ident) => {
                $apply! { $($name)* }
            };
        }
    };
}

all! {
    calls,
    clients,
    codes,
    cookies,
    emails,
    key_rings,
    masks,
    names,
    otpauth,
    password_hashes,
    passwords,
    saml,
    sealed,
    tokens,
}
