//! Password hashes: argon2id (RFC 9106) in PHC strings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Password;
use crate::field::Malformed;

/// What verifying one stored hash may cost, whoever wrote it.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 4;

/// Of argon2, once over, with more of them than the caches hold: on one core of an AMD EPYC
/// guest of 2026 with release builds, rounded up.
pub(super) const NANOS_OF_A_KIB: u64 = 600;

/// Bytes of the hashes made here; RFC 9106, section 4, recommends 32.
const OUTPUT_BYTES: usize = 32;
/// A stored hash of fewer bytes than this could be hit by chance.
pub(super) const MIN_OUTPUT_BYTES: usize = 16;

/// How much work a hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl HashParameters {
    /// `memory_kib` KiB of memory (at least 8 a lane, at most 128 MiB), filled
    /// `passes` times (1 to 10) in `lanes` lanes (1 to 4).
    ///
    /// # Errors
    /// Anything outside these ranges.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Malformed> {
        let good = (1..=MAX_LANES).contains(&lanes)
            && (1..=MAX_PASSES).contains(&passes)
            && (8 * lanes..=MAX_MEMORY_KIB).contains(&memory_kib);
        if good {
            Ok(Self { memory_kib, passes, lanes })
        } else {
            Err(Malformed("argon2id with m up to 131072 KiB, t up to 10 and p up to 4"))
        }
    }

    /// KiB of memory that one hash needs, which is also its number of [`Block`]s.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// KiB filled over all passes: what a guess costs an attacker.
    #[must_use]
    pub const fn cost(&self) -> u32 {
        self.memory_kib * self.passes
    }

    /// How long one hash takes, as [`super::ForeignHash::expected_time`] has it.
    #[must_use]
    pub fn expected_time(&self) -> Duration {
        Duration::from_nanos(NANOS_OF_A_KIB * u64::from(self.cost()))
    }

    /// Fills `output` with the hash of `password`.
    fn hash_into(
        &self,
        password: &Password,
        salt: &[u8],
        output: &mut [u8],
        memory: &mut [Block],
    ) -> Result<(), HashingFailed> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(output.len()))?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
            password.as_str().as_bytes(),
            salt,
            output,
            memory,
        )?;
        Ok(())
    }
}

impl Default for HashParameters {
    /// The first choice of OWASP's password storage cheat sheet for servers
    /// short of memory.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// No hash came out, which says nothing about the password. With parameters and
/// hashes from this module only memory that is too small does that.
#[derive(Debug, thiserror::Error)]
pub enum HashingFailed {
    /// argon2 refused.
    #[error("argon2: {0}")]
    Argon2(#[from] argon2::Error),
    /// PBKDF2 refused its parameters.
    #[error("pbkdf2: {0}")]
    Pbkdf2(#[from] argon2::password_hash::Error),
    /// scrypt refused its parameters.
    #[error("scrypt: {0}")]
    ScryptParameters(#[from] scrypt::errors::InvalidParams),
    /// scrypt refused the length of the hash.
    #[error("scrypt: {0}")]
    ScryptLength(#[from] scrypt::errors::InvalidOutputLen),
    /// bcrypt takes salts of one length.
    #[error("bcrypt: a salt that is not of 16 bytes")]
    Salt,
}

/// A password's hash with everything that is needed to verify it, within the
/// bounds of [`HashParameters::new`]. Wiped when dropped, and never printed.
#[derive(PartialEq, Eq)]
pub struct PasswordHash {
    parameters: HashParameters,
    salt: Zeroizing<Vec<u8>>,
    output: Zeroizing<Vec<u8>>,
}

impl PasswordHash {
    /// Hashes `password`. `memory` has at least [`HashParameters::memory_kib`]
    /// blocks; what stands in it does not matter, and it is not wiped.
    ///
    /// # Errors
    /// If `memory` is too small.
    pub fn generate(
        password: &Password,
        salt: [u8; 16],
        parameters: HashParameters,
        memory: &mut [Block],
    ) -> Result<Self, HashingFailed> {
        let mut output = Zeroizing::new(vec![0; OUTPUT_BYTES]);
        parameters.hash_into(password, &salt, &mut output, memory)?;
        Ok(Self { parameters, salt: Zeroizing::new(salt.to_vec()), output })
    }

    /// A hash for when there is none: as much work as a real one, and no known
    /// password has it. An unknown email must take the time of a known one.
    #[must_use]
    pub fn decoy(parameters: HashParameters) -> Self {
        Self {
            parameters,
            salt: Zeroizing::new(vec![0; 16]),
            output: Zeroizing::new(vec![0; OUTPUT_BYTES]),
        }
    }

    /// Whether `password` has this hash; the comparison takes constant time.
    /// `memory` has at least [`PasswordHash::memory_kib`] blocks, as for
    /// [`PasswordHash::generate`].
    ///
    /// # Errors
    /// If `memory` is too small.
    pub fn verify(&self, password: &Password, memory: &mut [Block]) -> Result<bool, HashingFailed> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        self.parameters.hash_into(password, &self.salt, &mut output, memory)?;
        Ok(self.output.ct_eq(&output).into())
    }

    /// KiB of memory, or blocks, that verifying needs: at most 128 MiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        self.parameters.memory_kib
    }

    /// Whether guessing against this hash is cheaper than `configured` asks for.
    #[must_use]
    pub const fn needs_rehash(&self, configured: &HashParameters) -> bool {
        self.parameters.cost() < configured.cost()
    }

    /// What to do besides verifying against this hash for as much work as
    /// `configured` is, to a KiB a pass, in no more memory. Nothing if the hash
    /// is no cheaper, or by less than argon2 can do.
    #[must_use]
    pub fn missing_work(&self, configured: &HashParameters) -> Option<HashParameters> {
        let missing = configured.cost().saturating_sub(self.parameters.cost());
        let passes = missing.div_ceil(configured.memory_kib);
        HashParameters::new(missing.checked_div(passes)?, passes, configured.lanes).ok()
    }

    /// The PHC string, to be sealed and stored.
    #[must_use]
    pub fn to_phc(&self) -> Zeroizing<String> {
        let HashParameters { memory_kib, passes, lanes } = self.parameters;
        let salt = BASE64_NOPAD.encode(&self.salt);
        let output = Zeroizing::new(BASE64_NOPAD.encode(&self.output));
        Zeroizing::new(format!(
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${}",
            *output
        ))
    }
}

impl FromStr for PasswordHash {
    type Err = Malformed;

    /// Reads a PHC string: argon2id, version 19, no key and no associated data.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed =
            Malformed("a PHC string of argon2id, version 19, with a salt of at least 8 bytes");
        let phc = argon2::PasswordHash::new(text).map_err(|_| RULE)?;
        let argon2id = phc.algorithm == ARGON2ID_IDENT
            && phc.version == Some(Version::V0x13.into())
            && phc.params.iter().count() == 3; // each of the three below once, and no other
        if !argon2id {
            return Err(RULE);
        }
        let parameter = |name: &str| phc.params.get_decimal(name).ok_or(RULE);
        let parameters = HashParameters::new(parameter("m")?, parameter("t")?, parameter("p")?)?;
        let salt = phc.salt.ok_or(RULE)?;
        let output = phc.hash.filter(|output| output.len() >= MIN_OUTPUT_BYTES).ok_or(RULE)?;
        Ok(Self {
            parameters,
            salt: Zeroizing::new(salt.as_ref().to_vec()),
            output: Zeroizing::new(output.as_bytes().to_vec()),
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
