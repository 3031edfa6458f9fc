//! The chain that makes a change of the trail evident: every numbered event
//! carries a digest of itself and of all before it.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

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

    /// With one more event, of which `columns` are all that is stored, in an
    /// order that never changes.
    ///
    /// The digest is SHA-256 over the digest before it, the number in 8 bytes,
    /// and for each column a 0 if it is NULL, else a 1, its length in 8 bytes
    /// and itself. All numbers are big-endian.
    #[must_use]
    pub fn next(&self, columns: &[Option<&[u8]>]) -> Self {
        let number = self.number.saturating_add(1);
        let mut hash = Sha256::new();
        hash.update(self.digest.as_bytes());
        hash.update(number.to_be_bytes());
        for column in columns {
            match column {
                None => hash.update([0]),
                Some(column) => {
                    hash.update([1]);
                    hash.update((column.len() as u64).to_be_bytes());
                    hash.update(column);
                }
            }
        }
        Self { number, digest: ChainDigest(hash.finalize().into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's hashlib: whoever has the rows can check the chain.
    #[test]
    fn a_digest_is_of_the_documented_bytes() {
        let one = ChainEnd::START.next(&[Some(b"a"), None, Some(b"")]);
        assert_eq!(one.number, 1);
        assert_eq!(one.digest.to_string(), ONE);
        let two = one.next(&[Some(b"b")]);
        assert_eq!((two.number, two.digest.to_string().as_str()), (2, TWO));
    }

    const ONE: &str = "8a5da387a45d6bb2669ed12e5e79be11f1a6f831652f2158dd03b0624c783cc8";
    const TWO: &str = "1e8382bc218d6ca0f4755e5c56e9dc15144fdaa8785f9659d46b3f576e2a8f07";

    #[test]
    fn no_two_rows_are_encoded_alike() {
        let rows: [&[Option<&[u8]>]; 6] = [
            &[Some(b"ab"), Some(b"")],
            &[Some(b"a"), Some(b"b")],
            &[Some(b""), Some(b"ab")],
            &[Some(b"ab"), None],
            &[None, Some(b"ab")],
            &[Some(b"ab")],
        ];
        let digests = rows.map(|row| ChainEnd::START.next(row).digest.to_string());
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "{:?}", rows[at]);
        }
    }

    #[test]
    fn a_digest_has_32_bytes() {
        let digest = ChainEnd::START.next(&[]).digest;
        assert_eq!(ChainDigest::from_bytes(digest.as_bytes()), Some(digest));
        for length in [0, 31, 33] {
            assert_eq!(ChainDigest::from_bytes(&vec![0; length]), None);
        }
    }
}
