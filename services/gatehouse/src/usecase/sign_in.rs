//! Signing in, a file for each step.

mod finish;
mod held;
mod invitation;
mod issue;
mod password;
mod proceed;
mod second_factor;
mod start;
mod under_way;
mod view;

pub use finish::finish;
pub use held::Held;
pub use invitation::accept_invitation;
pub use password::verify_password;
pub use second_factor::verify_second_factor;
pub use start::{get, start};
pub use view::{EnrollmentView, IssuedSession, NextView, SecondFactorView, SignInView, TotpSetup};

pub(super) use under_way::UnderWay;
pub(super) use view::{enrollment_view, view};
