//! Signing in, a file for each step.

mod failure;
mod finish;
mod guess;
mod issue;
mod load;
mod password;
mod second_factor;
mod start;
mod view;

pub use finish::finish;
pub use password::verify_password;
pub use second_factor::{SecondFactor, verify_second_factor};
pub use start::{get, start};
pub use view::{EnrollmentView, IssuedSession, NextView, SecondFactorView, SignInView, TotpSetup};

pub(super) use guess::address_key;
pub(super) use load::Loaded;
pub(super) use second_factor::check_length;
pub(super) use view::view;
