//! Password hashes that other systems made, until our own take their place.
//!
//! [`ForeignHash::import`] reads them as those systems export them; what is stored is one
//! text of ours for all of them. Their cost is bounded when they come, as one row must
//! not be able to hold a server up. All bounds lie above what OWASP's password
//! storage cheat sheet asks for and what the named systems do by default.

mod algorithm;
mod django;
mod encoding;
mod keycloak;
mod modular;
mod text;

use std::fmt;
use std::time::Duration;

use argon2::Block;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::hash::MIN_OUTPUT_BYTES;
use super::{HashingFailed, Password};
use crate::field::Malformed;

use algorithm::Algorithm;

/// Above every format there is; what is longer is not looked at. Keycloak's are JSON.
const MAX_TEXT_BYTES: usize = 4_096;
/// Salts, in bytes: Django's first ones had 12, and RFC 9106 allows no fewer than 8.
const SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// Keycloak keeps 1,024 bits of some.
const MAX_OUTPUT_BYTES: usize = 128;

const EMPTY: Malformed = Malformed("a password hash; leave it out for a customer without one");
const TOO_LONG: Malformed = Malformed("a password hash of at most 4096 bytes");
const UNKNOWN: Malformed = Malformed(
    "a password hash in one of the formats of docs/importing.md: PHC (argon2id, argon2i, \
     pbkdf2-sha256, pbkdf2-sha512, scrypt), bcrypt, Django, Keycloak or better-auth",
);
const SALT: Malformed = Malformed("a password hash with a salt of 8 to 64 bytes");
const OUTPUT: Malformed = Malformed("a password hash of 16 to 128 bytes");

/// What a system did to a password before it hashed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparation {
    /// Nothing: its bytes in UTF-8, as they were typed.
    Raw,
    /// Normalized to NFKC, as we do.
    Nfkc,
    /// SHA-256 in lower-case hex, so that bcrypt sees all of a long one (Django).
    Sha256Hex,
}

/// A password's hash as another system made it, with everything that is needed to
/// verify it, within the bounds of this module. Wiped when dropped, and never printed.
#[derive(PartialEq, Eq)]
pub struct ForeignHash {
    preparation: Preparation,
    algorithm: Algorithm,
    salt: Zeroizing<Vec<u8>>,
    output: Zeroizing<Vec<u8>>,
}

impl ForeignHash {
    /// Reads a hash as another system exports it.
    ///
    /// # Errors
    /// What is wrong with it, in the words of its format: not one of those known, damaged,
    /// or dearer to verify than the bounds allow.
    pub fn import(text: &str) -> Result<Self, Malformed> {
        match text.as_bytes() {
            [] => Err(EMPTY),
            bytes if bytes.len() > MAX_TEXT_BYTES => Err(TOO_LONG),
            [b'{', ..] => keycloak::parse(text),
            [b'$', ..] => modular::parse(text),
            _ if text.contains('$') => django::parse(text),
            _ if text.contains(':') => modular::parse_better_auth(text),
            _ => Err(UNKNOWN),
        }
    }

    fn new(
        preparation: Preparation,
        algorithm: Algorithm,
        salt: Zeroizing<Vec<u8>>,
        mut output: Zeroizing<Vec<u8>>,
    ) -> Result<Self, Malformed> {
        if !SALT_BYTES.contains(&salt.len()) {
            return Err(SALT);
        }
        if !(MIN_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&output.len()) {
            return Err(OUTPUT);
        }
        algorithm.check_lengths(salt.len(), output.len())?;
        output.truncate(algorithm.compared_bytes());
        Ok(Self { preparation, algorithm, salt, output })
    }

    /// Whether `password` has this hash; the comparison takes constant time. `memory`
    /// has at least [`Self::blocks`] blocks; what stands in it does not matter, and it
    /// is not wiped.
    ///
    /// # Errors
    /// If `memory` is too small.
    pub fn verify(&self, password: &Password, memory: &mut [Block]) -> Result<bool, HashingFailed> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        let prepared = match self.preparation {
            Preparation::Raw => Zeroizing::new(password.as_typed().to_owned()),
            Preparation::Nfkc => Zeroizing::new(password.as_str().to_owned()),
            Preparation::Sha256Hex => {
                let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password.as_typed())));
                Zeroizing::new(HEXLOWER.encode(&*digest))
            }
        };
        self.algorithm.hash_into(prepared.as_bytes(), &self.salt, &mut output, memory)?;
        Ok(self.output.ct_eq(&output).into())
    }

    /// Does the work of verifying, for its time alone.
    ///
    /// # Errors
    /// If `memory` is too small.
    pub fn rehearse(&self, memory: &mut [Block]) -> Result<(), HashingFailed> {
        let mut output = vec![0; self.output.len()];
        self.algorithm.hash_into(b"no password", &self.salt, &mut output, memory)
    }

    /// KiB of memory that verifying needs: at most 128 MiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.algorithm.memory_kib()
    }

    /// The part of it that is lent, in [`Block`]s.
    #[must_use]
    pub const fn blocks(&self) -> u32 {
        self.algorithm.blocks()
    }

    /// The function, in a word: `pbkdf2-sha256`.
    #[must_use]
    pub const fn function(&self) -> &'static str {
        self.algorithm.name()
    }

    /// How long verifying takes on one core of the machine that the figures of this module
    /// were measured on; at most a second. Others differ by a factor, which
    /// [`Self::specimens`] are for.
    #[must_use]
    pub fn expected_time(&self) -> Duration {
        self.algorithm.expected_time()
    }

    /// One cheap hash, of no known password, for each function whose time relates to
    /// [`Self::expected_time`] in a way of its own: what a machine has to be measured with.
    #[must_use]
    pub fn specimens() -> Vec<Self> {
        let specimen = |algorithm: Algorithm| Self {
            preparation: Preparation::Raw,
            algorithm,
            salt: Zeroizing::new(vec![0; 16]),
            output: Zeroizing::new(vec![0; algorithm.compared_bytes().min(32)]),
        };
        Algorithm::specimens().into_iter().map(specimen).collect()
    }
}

/// The function and its cost alone.
impl fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignHash").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
