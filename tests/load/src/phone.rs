//! The customer's phone.

use totp_rs::{Builder, Secret};

/// How long a code is shown.
pub const PERIOD_SECONDS: i64 = 30;

/// The code that an app with this secret shows during a time step, with the parameters that
/// gatehouse sets up: SHA-1, 6 digits, 30 seconds.
pub fn code(secret: &[u8], step: i64) -> String {
    let totp = Builder::new().with_secret(Secret::from(secret)).build_noncompliant();
    totp.generate(u64::try_from(step * PERIOD_SECONDS).unwrap_or_default()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn shows_the_codes_of_the_standard() {
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804")] {
            assert_eq!(code(b"12345678901234567890", seconds / PERIOD_SECONDS), expected);
        }
    }
}
