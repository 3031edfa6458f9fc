//! The customer's phone.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// The period of every authenticator that gatehouse sets up.
pub const PERIOD: Duration = Duration::from_secs(30);

/// An authenticator app that has been given a secret.
#[derive(Clone)]
pub struct Authenticator(Totp);

impl Authenticator {
    /// With a secret as it was typed in.
    pub fn with_secret(base32: &str) -> Self {
        let secret = Secret::try_from_base32(base32).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    /// Set up for another system, with what that one had chosen.
    pub fn of_another_system(base32: &str, algorithm: Algorithm, digits: u8, period: u64) -> Self {
        let totp = Builder::new()
            .with_secret(Secret::try_from_base32(base32).unwrap())
            .with_algorithm(algorithm)
            .with_digits(digits)
            .with_step_duration(period);
        Self(totp.build_noncompliant())
    }

    /// What it shows at `at`.
    pub fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.as_seconds()).unwrap()).to_string()
    }

    /// What it shows next: accepted already, by a clock that may be a step off.
    pub fn next_code(&self, at: Timestamp) -> String {
        self.code(at + PERIOD)
    }

    /// A code that it shows at no time near `at`.
    pub fn wrong_code(&self, at: Timestamp) -> String {
        self.wrong_codes(at).next().unwrap()
    }

    /// All codes that it shows at no time near `at`.
    pub fn wrong_codes(&self, at: Timestamp) -> impl Iterator<Item = String> + use<> {
        let start = at - 10 * PERIOD;
        let shown: Vec<_> = (0..20).map(|step| self.code(start + step * PERIOD)).collect();
        (0..1_000_000).map(|code| format!("{code:06}")).filter(move |code| !shown.contains(code))
    }
}
