//! The chain that makes a change of the trail evident: every numbered event
//! carries a digest of itself and of all before it.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::stored::StoredEvent;
use crate::field::Malformed;
use crate::vault::{ChainKey, KeyId, Vault};

/// A digest of one event and, through the digest before it, of all earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainDigest([u8; 32]);

impl ChainDigest {
    /// From the form it is stored in, 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The form it is stored in.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In lower-case hexadecimal.
impl fmt::Display for ChainDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for ChainDigest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        bytes
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or(Malformed("a digest must be 64 lower-case hexadecimal digits"))
    }
}

/// How far a chain reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The number of the last event. Numbers begin at 1 and have no gaps.
    pub number: i64,
    /// The digest that the last event carries.
    pub digest: ChainDigest,
}

impl ChainEnd {
    /// Of a chain without events.
    pub const START: Self = Self { number: 0, digest: ChainDigest([0; 32]) };

    /// With one more event, under `key`, or without one as earlier versions did it.
    ///
    /// The digest is HMAC-SHA-256 (RFC 2104), or without a key SHA-256, over the digest
    /// before it, the number in 8 bytes, and for each column a 0 if it is NULL, else a 1,
    /// its length in 8 bytes and itself. All numbers are big-endian.
    #[must_use]
    pub fn next(&self, key: Option<&ChainKey>, event: &StoredEvent) -> Self {
        let number = self.number.saturating_add(1);
        let mut message = self.digest.as_bytes().to_vec();
        message.extend(number.to_be_bytes());
        event.encode(&mut message);
        let digest = match key {
            Some(key) => key.event(&message),
            None => Sha256::digest(&message).into(),
        };
        Self { number, digest: ChainDigest(digest) }
    }
}

/// `NUMBER:DIGEST`.
impl fmt::Display for ChainEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.digest)
    }
}

impl FromStr for ChainEnd {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const SHAPE: Malformed = Malformed("must be NUMBER:DIGEST, as `audit head` prints it");
        let (number, digest) = text.split_once(':').ok_or(SHAPE)?;
        let number = number.parse().ok().filter(|number| *number >= 0).ok_or(SHAPE)?;
        Ok(Self { number, digest: digest.parse()? })
    }
}

/// A numbered event as it stands in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedEvent {
    /// The number that it has been given.
    pub number: i64,
    /// The digest that it carries; none where what stands there is no digest.
    pub digest: Option<ChainDigest>,
    /// The key that the digest is made under; none for one of an earlier version.
    pub key: Option<KeyId>,
    /// What it says; none where a column holds what is no value of its kind.
    pub event: Option<StoredEvent>,
}

impl ChainedEvent {
    /// Whether anybody can have made its digest, and no version did that had no key: those
    /// numbered up to `unkeyed_until`, which their operator knows.
    #[must_use]
    pub const fn lacks_key(&self, unkeyed_until: i64) -> bool {
        self.key.is_none() && self.number > unkeyed_until
    }

    /// The chain from `end` on to this event, if it is the next one and as it was when it was
    /// numbered. Of one under a key that the ring does not have that is not known.
    #[must_use]
    pub fn follows(&self, end: &ChainEnd, vault: &Vault) -> Option<ChainEnd> {
        let key = match self.key {
            None => None,
            Some(id) => Some(vault.chain_of(id)?),
        };
        let next = end.next(key, self.event.as_ref()?);
        (self.number == next.number && self.digest == Some(next.digest)).then_some(next)
    }
}

/// Where the trail begins once old events have been removed: the end of what was removed, and
/// what proves that a server has removed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailStart {
    /// The last event that was removed.
    pub removed: ChainEnd,
    /// The key that it is vouched for under.
    pub key: KeyId,
    /// Proves it.
    pub proof: [u8; 32],
}

impl TrailStart {
    /// All up to `removed` has been removed.
    #[must_use]
    pub fn after(removed: ChainEnd, key: &ChainKey) -> Self {
        Self { removed, key: key.id(), proof: prove(&removed, key) }
    }

    /// Whether it was made under a key of the ring.
    #[must_use]
    pub fn is_vouched_for(&self, vault: &Vault) -> bool {
        vault.chain_of(self.key).is_some_and(|key| prove(&self.removed, key) == self.proof)
    }
}

/// HMAC-SHA-256 over the number, in 8 bytes, and the digest.
fn prove(removed: &ChainEnd, key: &ChainKey) -> [u8; 32] {
    let mut message = removed.number.to_be_bytes().to_vec();
    message.extend(removed.digest.as_bytes());
    key.start(&message)
}

#[cfg(test)]
pub(super) mod tests;
