//! How foreign hashes are stored: one form for all of them, whatever they came in.
//!
//! `foreign:raw:pbkdf2-sha256:27500:salt:hash`, salt and hash in base64. It begins like no
//! PHC string, so that a program that knows those alone refuses it instead of comparing
//! what another system hashed with what it would hash.

use std::str::FromStr;

use argon2::Version;
use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Digest};
use super::encoding::{base64, number, parts};
use super::{ForeignHash, Preparation};
use crate::field::Malformed;

const PREFIX: &str = "foreign:";
const RULE: Malformed = Malformed("a stored hash of another system");

impl ForeignHash {
    /// Whether it is one that [`Self::to_text`] gave, damaged or not.
    pub(in super::super) fn is_text_of_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The text to be sealed and stored.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let preparation = match self.preparation {
            Preparation::Raw => "raw",
            Preparation::Nfkc => "nfkc",
            Preparation::Sha256Hex => "sha256-hex",
        };
        let function = self.function();
        let cost = match self.algorithm {
            Algorithm::Argon2 { version, memory_kib, passes, lanes, .. } => {
                format!("{},{memory_kib},{passes},{lanes}", u32::from(version))
            }
            Algorithm::Bcrypt { cost } => cost.to_string(),
            Algorithm::Pbkdf2 { iterations, .. } => iterations.to_string(),
            Algorithm::Scrypt { log_n, r, p } => format!("{log_n},{r},{p}"),
        };
        let salt = BASE64_NOPAD.encode(&self.salt);
        let output = Zeroizing::new(BASE64_NOPAD.encode(&self.output));
        Zeroizing::new(format!("{PREFIX}{preparation}:{function}:{cost}:{salt}:{}", *output))
    }
}

impl FromStr for ForeignHash {
    type Err = Malformed;

    /// Reads what [`Self::to_text`] gave.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = text.strip_prefix(PREFIX).ok_or(RULE)?;
        let [preparation, function, cost, salt, output] = parts(text, ':').ok_or(RULE)?;
        let preparation = match preparation {
            "raw" => Preparation::Raw,
            "nfkc" => Preparation::Nfkc,
            "sha256-hex" => Preparation::Sha256Hex,
            _ => return Err(RULE),
        };
        let pbkdf2 = |digest| Algorithm::pbkdf2(digest, number(cost).ok_or(RULE)?);
        let algorithm = match function {
            "argon2id" => argon2(argon2::Algorithm::Argon2id, cost)?,
            "argon2i" => argon2(argon2::Algorithm::Argon2i, cost)?,
            "bcrypt" => Algorithm::bcrypt(number(cost).ok_or(RULE)?)?,
            "pbkdf2-sha1" => pbkdf2(Digest::Sha1)?,
            "pbkdf2-sha256" => pbkdf2(Digest::Sha256)?,
            "pbkdf2-sha512" => pbkdf2(Digest::Sha512)?,
            "scrypt" => {
                let [log_n, r, p] = numbers(cost)?;
                Algorithm::scrypt(log_n.try_into().map_err(|_| RULE)?, r, p)?
            }
            _ => return Err(RULE),
        };
        let (salt, output) = base64(salt).zip(base64(output)).ok_or(RULE)?;
        Self::new(preparation, algorithm, salt, output)
    }
}

fn argon2(variant: argon2::Algorithm, cost: &str) -> Result<Algorithm, Malformed> {
    let [version, memory_kib, passes, lanes] = numbers(cost)?;
    let version = Version::try_from(version).map_err(|_| RULE)?;
    Algorithm::argon2(variant, version, memory_kib, passes, lanes)
}

fn numbers<const N: usize>(text: &str) -> Result<[u32; N], Malformed> {
    let mut numbers = [0; N];
    for (into, part) in numbers.iter_mut().zip(parts::<N>(text, ',').ok_or(RULE)?) {
        *into = number(part).ok_or(RULE)?;
    }
    Ok(numbers)
}
