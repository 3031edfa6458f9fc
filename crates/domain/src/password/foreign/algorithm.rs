//! The functions, what each may cost, and what each does cost.

use std::time::Duration;

use argon2::{Argon2, Block, Params, Version};
use pbkdf2::{pbkdf2_hmac, pbkdf2_hmac_with_params};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::super::HashingFailed;
use super::super::hash::NANOS_OF_A_KIB;
use crate::field::Malformed;

/// As much as for our own hashes. OWASP's scrypt with N=2^17 and r=8 takes all of it.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
/// KiB filled over all passes. OWASP asks for about 40,000; Django's argon2 (100 MiB twice)
/// fills 204,800, the second choice of RFC 9106 (64 MiB three times) 196,608.
const MAX_ARGON2_WORK: u32 = 512 * 1024;
/// Django takes 8. They are computed one after the other.
const MAX_ARGON2_LANES: u32 = 16;
/// OWASP asks for at least 10, and 12 is the highest default in use. 14 is a second.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// OWASP asks for 600,000 of SHA-256 (210,000 of SHA-512, 1,300,000 of SHA-1), Django 6
/// takes 1,200,000. Fewer than 1,000 (NIST SP 800-132, section 5.2) are hardly a hash.
const PBKDF2_ITERATIONS: std::ops::RangeInclusive<u32> = 1_000..=2_000_000;
/// N r p. OWASP's N=2^17, r=8, p=1 is as much; Django's 2^14, 8, 5 is 655,360 and
/// better-auth's 2^14, 16, 1 is 262,144.
const MAX_SCRYPT_WORK: u64 = 1 << 20;
const MAX_SCRYPT_P: u32 = 16;

const ARGON2: Malformed = Malformed(
    "an argon2 hash with m up to 131072 KiB, m*t up to 524288, p up to 16 and at least 8*p KiB",
);
const BCRYPT: Malformed = Malformed("a bcrypt hash with a cost of 4 to 14");
const PBKDF2: Malformed = Malformed("a pbkdf2 hash with 1000 to 2000000 iterations");
pub(super) const SCRYPT: Malformed = Malformed(
    "a scrypt hash with 128*N*r up to 128 MiB, N a power of two, p up to 16, N*r*p up to 1048576",
);

/// A password hashing function with its cost, within the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RFC 9106, and its draft (version 0x10).
    Argon2 {
        variant: argon2::Algorithm,
        version: Version,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    },
    /// "A Future-Adaptable Password Scheme". 2a, 2b and 2y are one function to all who
    /// compute it rightly.
    Bcrypt { cost: u32 },
    /// RFC 8018, section 5.2.
    Pbkdf2 { digest: Digest, iterations: u32 },
    /// RFC 7914, N = 2^`log_n`.
    Scrypt { log_n: u8, r: u32, p: u32 },
}

/// What PBKDF2's HMAC is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl Algorithm {
    pub(super) fn argon2(
        variant: argon2::Algorithm,
        version: Version,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    ) -> Result<Self, Malformed> {
        let good = (1..=MAX_ARGON2_LANES).contains(&lanes)
            && (8 * lanes..=MAX_MEMORY_KIB).contains(&memory_kib)
            && passes >= 1
            && memory_kib.checked_mul(passes).is_some_and(|work| work <= MAX_ARGON2_WORK);
        let argon2 = Self::Argon2 { variant, version, memory_kib, passes, lanes };
        good.then_some(argon2).ok_or(ARGON2)
    }

    pub(super) fn bcrypt(cost: u32) -> Result<Self, Malformed> {
        BCRYPT_COSTS.contains(&cost).then_some(Self::Bcrypt { cost }).ok_or(BCRYPT)
    }

    pub(super) fn pbkdf2(digest: Digest, iterations: u32) -> Result<Self, Malformed> {
        let good = PBKDF2_ITERATIONS.contains(&iterations);
        good.then_some(Self::Pbkdf2 { digest, iterations }).ok_or(PBKDF2)
    }

    pub(super) fn scrypt(log_n: u8, r: u32, p: u32) -> Result<Self, Malformed> {
        let n = 1_u64.checked_shl(log_n.into()).unwrap_or(u64::MAX);
        let block = n.saturating_mul(r.into());
        let good = log_n >= 1
            && r >= 1
            && (1..=MAX_SCRYPT_P).contains(&p)
            && block.saturating_mul(p.into()) <= MAX_SCRYPT_WORK
            && block / 8 <= u64::from(MAX_MEMORY_KIB);
        good.then_some(Self::Scrypt { log_n, r, p }).ok_or(SCRYPT)
    }

    /// The word for it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Argon2 { variant, .. } => variant.as_str(),
            Self::Bcrypt { .. } => "bcrypt",
            Self::Pbkdf2 { digest: Digest::Sha1, .. } => "pbkdf2-sha1",
            Self::Pbkdf2 { digest: Digest::Sha256, .. } => "pbkdf2-sha256",
            Self::Pbkdf2 { digest: Digest::Sha512, .. } => "pbkdf2-sha512",
            Self::Scrypt { .. } => "scrypt",
        }
    }

    /// What of the lengths depends on the function.
    pub(super) fn check_lengths(&self, salt: usize, output: usize) -> Result<(), Malformed> {
        match self {
            Self::Bcrypt { .. } if (salt, output) != (16, 23) => Err(BCRYPT),
            _ => Ok(()),
        }
    }

    /// Of a longer hash. PBKDF2 computes each block of its digest's length apart, for as
    /// much work: the first one says all that there is to say.
    pub(super) const fn compared_bytes(&self) -> usize {
        match self {
            Self::Argon2 { .. } | Self::Scrypt { .. } => usize::MAX,
            Self::Bcrypt { .. } => 23,
            Self::Pbkdf2 { digest, .. } => digest.bytes(),
        }
    }

    pub(super) const fn memory_kib(&self) -> u32 {
        match self {
            Self::Argon2 { memory_kib, .. } => *memory_kib,
            // Of 128 r (N + p) bytes, rounded up.
            Self::Scrypt { log_n, r, p } => ((1 << *log_n) + *p).saturating_mul(*r).div_ceil(8),
            Self::Bcrypt { .. } | Self::Pbkdf2 { .. } => 5,
        }
    }

    pub(super) const fn blocks(&self) -> u32 {
        match self {
            Self::Argon2 { memory_kib, .. } => *memory_kib,
            _ => 0,
        }
    }

    /// Fills `output` with the hash of `password`.
    pub(super) fn hash_into(
        &self,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
        memory: &mut [Block],
    ) -> Result<(), HashingFailed> {
        match *self {
            Self::Argon2 { variant, version, memory_kib, passes, lanes } => {
                let params = Params::new(memory_kib, passes, lanes, Some(output.len()))?;
                let argon2 = Argon2::new(variant, version, params);
                argon2.hash_password_into_with_memory(password, salt, output, memory)?;
            }
            Self::Bcrypt { cost } => bcrypt_into(cost, password, salt, output)?,
            Self::Pbkdf2 { digest, iterations } => {
                let params = pbkdf2::Params::new(iterations)?;
                let of_sha2 = match digest {
                    Digest::Sha1 => None,
                    Digest::Sha256 => Some(pbkdf2::Algorithm::Pbkdf2Sha256),
                    Digest::Sha512 => Some(pbkdf2::Algorithm::Pbkdf2Sha512),
                };
                match of_sha2 {
                    Some(of) => pbkdf2_hmac_with_params(password, salt, of, params, output),
                    None => pbkdf2_hmac::<Sha1>(password, salt, iterations, output),
                }
            }
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p)?;
                scrypt::scrypt(password, salt, &params, output)?;
            }
        }
        Ok(())
    }

    /// On one core of an AMD EPYC guest of 2026 with release builds, rounded up.
    pub(super) fn expected_time(&self) -> Duration {
        let nanos = match *self {
            Self::Argon2 { memory_kib, passes, .. } => {
                NANOS_OF_A_KIB * u64::from(memory_kib * passes)
            }
            Self::Bcrypt { cost } => 60_000 << cost,
            // With the processor's instructions for SHA-1 and SHA-256.
            Self::Pbkdf2 { digest: Digest::Sha1 | Digest::Sha256, iterations } => {
                120 * u64::from(iterations)
            }
            Self::Pbkdf2 { digest: Digest::Sha512, iterations } => 480 * u64::from(iterations),
            Self::Scrypt { log_n, r, p } => (300 * u64::from(r) * u64::from(p)) << log_n,
        };
        Duration::from_nanos(nanos)
    }

    /// A cheap one for each constant above, but for SHA-1: it is never slower than SHA-256.
    pub(super) fn specimens() -> [Self; 5] {
        [
            Self::Argon2 {
                variant: argon2::Algorithm::Argon2id,
                version: Version::V0x13,
                memory_kib: 16 * 1024,
                passes: 1,
                lanes: 1,
            },
            Self::Bcrypt { cost: 6 },
            Self::Pbkdf2 { digest: Digest::Sha256, iterations: 20_000 },
            Self::Pbkdf2 { digest: Digest::Sha512, iterations: 5_000 },
            Self::Scrypt { log_n: 13, r: 8, p: 1 },
        ]
    }
}

/// A password is a C string of at most 72 bytes to bcrypt, its end included where that
/// has room. A NUL within is a byte like others, as bcrypt for Node and for Python have it.
fn bcrypt_into(
    cost: u32,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), HashingFailed> {
    const MAX_BYTES: usize = 72;
    let salt = salt.try_into().map_err(|_| HashingFailed::Salt)?;
    let mut key = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    key.extend(password.iter().chain(&[0]).take(MAX_BYTES));
    let hash = Zeroizing::new(bcrypt::bcrypt(cost, salt, &key));
    for (into, byte) in output.iter_mut().zip(hash.iter()) {
        *into = *byte;
    }
    Ok(())
}
