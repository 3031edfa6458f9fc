//! What gatehouse knows about signing in, with no input or output of its own:
//! no async, no clock, no database, no gRPC. Time and randomness are arguments.
//!
//! # Words
//!
//! - **Portal**: the tenant. Everything else belongs to exactly one.
//! - **Customer**: a person who signs in to one portal. Never a user.
//! - **Sign-in**: on its way to a session; never accepted as one. Never a login.
//! - **Session**: a customer signed in on one device, after success only.
//! - **Factor**: a second factor in force. **Enrollment**: one that is not yet.
//! - **Invitation**: a one-time right to set a password, the first or a forgotten one.
//! - **Backup code**: one of five that each work once; NIST 800-63B's look-up
//!   secret. Never a recovery code.
//! - **Time step**, **period**: as in RFC 6238.
//! - **Verify** gives a verdict on a proof; **check** finds out whether a value
//!   keeps a rule; **parse** makes a type of a text.
//! - **Charge**: count a guess before it is judged. **Take back**: uncount the
//!   charge of a right one.
//! - **Throttle**: slow guessing of passwords. **Lock**: stop guessing of codes.
//! - **Sealed**: encrypted and bound to its place. **Digest**: a keyed hash.
//!
//! # Where things are
//!
//! [`portal`], [`customer`], [`session`], [`invitation`], [`api_key`] and [`audit`] are the nouns;
//! [`sign_in`] decides what a sign-in asks next and [`enrollment`] how a factor
//! comes into force; [`password`], [`totp`] and [`backup_code`] judge proofs;
//! [`throttle`] and [`lockout`] bound guessing, which [`shared_address`] tells when it slows
//! everybody down; [`vault`] keeps secrets.

pub mod api_key;
pub mod audit;
pub mod backup_code;
pub mod client;
pub mod customer;
pub mod email;
pub mod enrollment;
pub mod field;
pub mod id;
pub mod invitation;
pub mod lockout;
mod page_token;
pub mod password;
pub mod portal;
pub mod saml;
pub mod session;
pub mod shared_address;
pub mod sign_in;
pub mod sign_in_start;
pub mod text;
pub mod throttle;
pub mod time;
pub mod totp;
pub mod vault;
