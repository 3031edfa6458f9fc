//! The customer's phone.

use gatehouse::clock::Clock;
use totp_rs::{Builder, Secret, Totp};

/// In seconds, of every authenticator that gatehouse sets up.
const PERIOD: u64 = 30;

/// An authenticator app. The server's clock is the real one: codes are those
/// of the time step in which the app was given its secret, and later.
pub struct Phone {
    totp: Totp,
    /// As it was typed in.
    pub secret: String,
    set_up_at: u64,
}

impl Phone {
    pub fn with_secret(base32: &str) -> Self {
        let secret = Secret::try_from_base32(base32).unwrap();
        Self {
            totp: Builder::new().with_secret(secret).build().unwrap(),
            secret: base32.to_owned(),
            set_up_at: Clock::system().now().as_seconds().try_into().unwrap(),
        }
    }

    /// The code to set up with.
    pub fn first_code(&self) -> String {
        self.code(0)
    }

    /// The code after that, which is right at once and for a minute: servers
    /// look one step ahead and one back.
    pub fn second_code(&self) -> String {
        self.code(1)
    }

    /// A code that is wrong for minutes.
    pub fn wrong_code(&self) -> String {
        let right: Vec<_> = (0..20).map(|step| self.code(step)).collect();
        let mut codes = (0..).map(|code| format!("{code:06}"));
        codes.find(|code| !right.contains(code)).unwrap()
    }

    fn code(&self, step: u64) -> String {
        self.totp.generate(self.set_up_at + step * PERIOD).to_string()
    }
}
