//! A password's hash as it is stored: ours, or one from another system.

use std::str::FromStr;

use argon2::Block;
use zeroize::Zeroizing;

use super::{ForeignHash, HashParameters, HashingFailed, Password, PasswordHash};
use crate::field::Malformed;

/// What a customer's password is compared with. Never printed.
#[derive(Debug, PartialEq, Eq)]
pub enum StoredHash {
    /// Made here.
    Own(PasswordHash),
    /// Imported, until the first sign-in with it.
    Foreign(ForeignHash),
}

impl StoredHash {
    /// Whether `password` has this hash; the comparison takes constant time. `memory`
    /// has at least [`Self::blocks`] blocks.
    ///
    /// # Errors
    /// If `memory` is too small.
    pub fn verify(&self, password: &Password, memory: &mut [Block]) -> Result<bool, HashingFailed> {
        match self {
            Self::Own(hash) => hash.verify(password, memory),
            Self::Foreign(hash) => hash.verify(password, memory),
        }
    }

    /// KiB of memory that verifying needs: at most 128 MiB.
    #[must_use]
    pub const fn memory_kib(&self) -> u32 {
        match self {
            Self::Own(hash) => hash.memory_kib(),
            Self::Foreign(hash) => hash.memory_kib(),
        }
    }

    /// The part of it that has to be lent, in [`Block`]s: other functions than argon2
    /// take theirs by themselves.
    #[must_use]
    pub const fn blocks(&self) -> u32 {
        match self {
            Self::Own(hash) => hash.memory_kib(),
            Self::Foreign(hash) => hash.blocks(),
        }
    }

    /// Whether it is to be replaced once the password is known: if guessing against it
    /// is cheaper than `configured` asks for, and if it is not ours, always.
    #[must_use]
    pub const fn needs_rehash(&self, configured: &HashParameters) -> bool {
        match self {
            Self::Own(hash) => hash.needs_rehash(configured),
            Self::Foreign(_) => true,
        }
    }

    /// As [`PasswordHash::missing_work`]. None for one of another system: no work here
    /// amounts to one there, so that refusals are made up to one time instead.
    #[must_use]
    pub fn missing_work(&self, configured: &HashParameters) -> Option<HashParameters> {
        match self {
            Self::Own(hash) => hash.missing_work(configured),
            Self::Foreign(_) => None,
        }
    }

    /// The text to be sealed and stored. A program that knows hashes of its own alone
    /// reads no foreign one as such.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        match self {
            Self::Own(hash) => hash.to_phc(),
            Self::Foreign(hash) => hash.to_text(),
        }
    }
}

impl From<PasswordHash> for StoredHash {
    fn from(hash: PasswordHash) -> Self {
        Self::Own(hash)
    }
}

impl From<ForeignHash> for StoredHash {
    fn from(hash: ForeignHash) -> Self {
        Self::Foreign(hash)
    }
}

impl FromStr for StoredHash {
    type Err = Malformed;

    /// Reads what [`Self::to_text`] gave.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        if ForeignHash::is_text_of_one(text) {
            text.parse().map(Self::Foreign)
        } else {
            text.parse().map(Self::Own)
        }
    }
}
