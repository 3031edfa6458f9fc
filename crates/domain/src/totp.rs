//! Time-based one-time passwords (RFC 6238).

mod code;
mod secret;
mod uri;

use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::field::Malformed;
use crate::time::Timestamp;

pub use code::TotpCode;
pub use secret::TotpSecret;
pub use uri::{otpauth_uri, qr_svg};

/// The hash function of the HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpAlgorithm {
    /// HMAC-SHA-1, the one that every authenticator app honors.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl TotpAlgorithm {
    const fn of_crate(self) -> Algorithm {
        match self {
            Self::Sha1 => Algorithm::SHA1,
            Self::Sha256 => Algorithm::SHA256,
            Self::Sha512 => Algorithm::SHA512,
        }
    }
}

/// How codes follow from a secret and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotpParameters {
    algorithm: TotpAlgorithm,
    digits: u8,
    period_seconds: u32,
}

impl TotpParameters {
    /// Codes of 6 to 8 digits (RFC 4226, section 5.3), a new one every 15 to 300
    /// seconds.
    ///
    /// # Errors
    /// Anything outside these ranges.
    pub fn new(
        algorithm: TotpAlgorithm,
        digits: u8,
        period_seconds: u32,
    ) -> Result<Self, Malformed> {
        if !(6..=8).contains(&digits) {
            return Err(Malformed("6 to 8 digits"));
        }
        if !(15..=300).contains(&period_seconds) {
            return Err(Malformed("a period of 15 to 300 seconds"));
        }
        Ok(Self { algorithm, digits, period_seconds })
    }

    /// The hash function.
    #[must_use]
    pub const fn algorithm(&self) -> TotpAlgorithm {
        self.algorithm
    }

    /// Digits of a code, 6 to 8.
    #[must_use]
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// Seconds that a time step lasts, 15 to 300.
    #[must_use]
    pub const fn period_seconds(&self) -> u32 {
        self.period_seconds
    }
}

/// SHA-1, 6 digits, 30 seconds: some apps ignore any others.
impl Default for TotpParameters {
    fn default() -> Self {
        Self { algorithm: TotpAlgorithm::Sha1, digits: 6, period_seconds: 30 }
    }
}

/// A time step: how many whole periods after the epoch (RFC 6238, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeStep(i64);

impl TimeStep {
    /// From the form it is stored in.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The form it is stored in.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The last step whose code a server may accept at `now`, whatever the portal's
    /// window: the one after the present (RFC 6238, section 5.2).
    #[must_use]
    pub fn last_acceptable(now: Timestamp, period_seconds: u32) -> Self {
        Self(now.as_seconds().div_euclid(i64::from(period_seconds.max(1))) + 1)
    }
}

/// What a code proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpVerdict {
    /// It is the code of `step`, which must be recorded as accepted in the same
    /// transaction as what it leads to.
    Accepted {
        /// Later than the last accepted one.
        step: TimeStep,
    },
    /// It was right, but for no step later than the last accepted one. The
    /// outside must not see the difference from a wrong one.
    Replayed,
    /// It is no code of the window.
    Rejected,
}

/// A secret with its parameters: all it takes to judge codes.
#[derive(Debug)]
pub struct TotpFactor(Totp);

impl TotpFactor {
    /// Judges codes made of `secret` with `parameters`.
    #[must_use]
    pub fn new(secret: TotpSecret, parameters: TotpParameters) -> Self {
        let totp = Builder::new()
            .with_algorithm(parameters.algorithm.of_crate())
            .with_digits(parameters.digits)
            .with_step_duration(parameters.period_seconds.into())
            .with_secret(secret.into_inner())
            // The other `build` also refuses secrets below 128 bits, which
            // factors from elsewhere may have.
            .build_noncompliant();
        Self(totp)
    }

    /// Judges `code` at `now`, for a clock up to `skew_steps` off either way
    /// (RFC 6238, section 5.2). Steps up to `last_accepted` are never accepted
    /// again, nor is any step before the epoch.
    ///
    /// Should the code be that of several steps, it is that of the latest: the
    /// same digits must not be accepted once for each (RFC 6238, section 5.2).
    #[must_use]
    pub fn verify(
        &self,
        code: &TotpCode,
        now: Timestamp,
        skew_steps: u8,
        last_accepted: Option<TimeStep>,
    ) -> TotpVerdict {
        let Ok(seconds) = u64::try_from(now.as_seconds()) else {
            return TotpVerdict::Rejected;
        };
        let current = seconds / self.0.step();
        let skew = u64::from(skew_steps);
        // Every step is compared, whichever matches, so that the time taken does
        // not tell how far off the clock of the customer is.
        let latest = (current.saturating_sub(skew)..=current + skew)
            .filter(|number| bool::from(self.code(*number).as_bytes().ct_eq(code.as_bytes())))
            .map(|number| TimeStep(number.cast_signed()))
            .max();
        match latest {
            Some(step) if last_accepted < Some(step) => TotpVerdict::Accepted { step },
            Some(_) => TotpVerdict::Replayed,
            None => TotpVerdict::Rejected,
        }
    }

    /// The code of the time step `number`.
    fn code(&self, number: u64) -> Zeroizing<String> {
        Zeroizing::new(self.0.generate(number * self.0.step()).to_string())
    }
}

#[cfg(test)]
mod tests;
