//! Authenticated encryption, bound to where the ciphertext belongs.
//!
//! Layout: `version (1) | algorithm (1) | key id (4) | nonce (24) | ciphertext
//! and tag`. All of it is authenticated, and so is the context.

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::key_ring::KeyId;
use super::subkeys::{SealPurpose, Subkeys};

const VERSION: u8 = 1;
/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): its nonces are long enough
/// to be random.
const XCHACHA20_POLY1305: u8 = 1;

const HEADER_BYTES: usize = 6;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// By how much a sealed value is longer than its plaintext.
pub(crate) const OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/// The place a sealed value belongs to: anywhere else it does not open.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Name of the table.
    pub table: &'a str,
    /// Name of the column.
    pub column: &'a str,
    /// The portal; empty where there is none.
    pub portal: &'a str,
    /// The customer; empty where there is none.
    pub customer: &'a str,
    /// What tells the row from others of the same customer.
    pub row: &'a str,
    /// Counts the values that replaced each other in that place.
    pub generation: i64,
}

impl Context<'_> {
    /// Lengths go first, so that no two contexts have the same encoding.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.generation.to_be_bytes().to_vec();
        for part in [self.table, self.column, self.portal, self.customer, self.row] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was sealed under a key that the ring does not have.
    #[error("the key ring has no key {0}")]
    UnknownKey(KeyId),
    /// It is too short, or of a version or algorithm not known here.
    #[error("not a sealed value")]
    Malformed,
    /// It was changed or moved, or the ring has another key under that id.
    #[error("the sealed value is not authentic")]
    Rejected,
}

pub(super) fn seal(
    key: &Subkeys,
    purpose: SealPurpose,
    rng: &mut impl CryptoRng,
    associated_data: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let header = header(key.id);
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let aad = [&header, associated_data].concat();
    #[expect(clippy::expect_used, reason = "fails only past 256 GiB")]
    let ciphertext = key
        .cipher(purpose)
        .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: &aad })
        .expect("below 256 GiB");
    [header.as_slice(), &nonce, &ciphertext].concat()
}

/// A sealed value in its parts.
pub(super) struct Sealed<'a> {
    key_id: KeyId,
    nonce: &'a [u8; NONCE_BYTES],
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let (header, rest) = bytes.split_first_chunk().ok_or(OpenError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(OpenError::Malformed)?;
        match *header {
            [VERSION, XCHACHA20_POLY1305, a, b, c, d] if ciphertext.len() >= TAG_BYTES => {
                let key_id = KeyId::from(u32::from_be_bytes([a, b, c, d]));
                Ok(Self { key_id, nonce, ciphertext })
            }
            _ => Err(OpenError::Malformed),
        }
    }

    pub(super) const fn key_id(&self) -> KeyId {
        self.key_id
    }

    pub(super) fn open(
        &self,
        key: &Subkeys,
        purpose: SealPurpose,
        associated_data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let aad = [&header(self.key_id), associated_data].concat();
        key.cipher(purpose)
            .decrypt(&XNonce::from(*self.nonce), Payload { msg: self.ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| OpenError::Rejected)
    }
}

fn header(key_id: KeyId) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = u32::from(key_id).to_be_bytes();
    [VERSION, XCHACHA20_POLY1305, a, b, c, d]
}
