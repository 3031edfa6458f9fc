//! The customer's phone.

use gatehouse::clock::Clock;
use totp_rs::{Builder, Secret, Totp};

use crate::history::Id;

/// In seconds, of every authenticator that gatehouse sets up.
const PERIOD: u64 = 30;

/// The time step of this moment. Servers take those beside it too.
pub fn current_step() -> u64 {
    u64::try_from(Clock::system().now().as_seconds()).unwrap() / PERIOD
}

/// An authenticator app that has been given a secret.
#[derive(Clone)]
pub struct Authenticator {
    totp: Totp,
    /// Of the enrollment that shows the secret.
    pub enrollment: Id,
    /// Of the factor that it becomes.
    pub factor: Id,
}

impl Authenticator {
    pub fn new(base32: &str, enrollment: Id, factor: Id) -> Self {
        let secret = Secret::try_from_base32(base32).unwrap();
        Self { totp: Builder::new().with_secret(secret).build().unwrap(), enrollment, factor }
    }

    pub fn code(&self, step: u64) -> String {
        self.totp.generate(step * PERIOD).to_string()
    }

    /// Codes that are wrong for minutes.
    pub fn wrong_codes(&self) -> impl Iterator<Item = String> + use<> {
        let now = current_step();
        let right: Vec<_> = (now - 5..now + 20).map(|step| self.code(step)).collect();
        (0..1_000_000).map(|code| format!("{code:06}")).filter(move |code| !right.contains(code))
    }
}
