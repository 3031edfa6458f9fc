//! Sealed values: XChaCha20-Poly1305 under a subkey of the ring.
//!
//! ```text
//! version (1) | algorithm (1) | key id (4) | nonce (24) | ciphertext and tag
//! ```
//!
//! The header and the place the value belongs to are authenticated with it: a
//! ciphertext that is moved to another row does not open.

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{KeyId, Subkeys, Vault};

const VERSION: u8 = 1;
const XCHACHA20_POLY1305: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 6;
/// How much longer a sealed value is than what it holds.
pub(crate) const OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_BYTES + 16;

/// The place that a sealed value belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The table, or what stands for it.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The portal.
    pub portal: &'a str,
    /// The customer within it.
    pub customer: &'a str,
    /// The row, where its customer has several.
    pub row: &'a str,
    /// Which of the values that have been in this place.
    pub generation: i64,
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was sealed under a key that the ring does not have.
    #[error("the key ring has no key {0}")]
    UnknownKey(KeyId),
    /// It is not of the form of a sealed value.
    #[error("not a sealed value")]
    Malformed,
    /// It was changed, belongs somewhere else, or the key is another one.
    #[error("a sealed value was changed, moved, or sealed under another key")]
    Rejected,
}

impl Vault {
    /// Seals `plaintext` under the primary key, for this place alone.
    #[must_use]
    pub fn seal(
        &self,
        rng: &mut impl CryptoRng,
        context: &Context<'_>,
        plaintext: &[u8],
    ) -> Vec<u8> {
        #[expect(clippy::expect_used, reason = "a ring has a primary key")]
        self.keys.first().expect("a key").seal(rng, context, plaintext)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        &self,
        context: &Context<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (header, rest) =
            sealed.split_first_chunk::<HEADER_BYTES>().ok_or(OpenError::Malformed)?;
        let (nonce, ciphertext) =
            rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Malformed)?;
        let [VERSION, XCHACHA20_POLY1305, id @ ..] = *header else {
            return Err(OpenError::Malformed);
        };
        let key = self.key(KeyId::from(u32::from_be_bytes(id)))?;
        let payload = Payload { msg: ciphertext, aad: &context.encode(header) };
        let plaintext = key.seal.decrypt(&XNonce::from(*nonce), payload);
        plaintext.map(Zeroizing::new).map_err(|_| OpenError::Rejected)
    }
}

impl Subkeys {
    pub(super) fn seal(
        &self,
        rng: &mut impl CryptoRng,
        context: &Context<'_>,
        plaintext: &[u8],
    ) -> Vec<u8> {
        let [a, b, c, d] = u32::from(self.id).to_be_bytes();
        let header = [VERSION, XCHACHA20_POLY1305, a, b, c, d];
        // Random nonces do not collide: 192 bits.
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let payload = Payload { msg: plaintext, aad: &context.encode(&header) };
        #[expect(clippy::expect_used, reason = "the limit is 256 GiB (RFC 8439, section 2.8)")]
        let ciphertext = self.seal.encrypt(&XNonce::from(nonce), payload).expect("short");
        [header.as_slice(), &nonce, &ciphertext].concat()
    }
}

impl Context<'_> {
    /// Lengths go before texts, so that no two places are written alike.
    fn encode(&self, header: &[u8; HEADER_BYTES]) -> Vec<u8> {
        let mut encoded = header.to_vec();
        for text in [self.table, self.column, self.portal, self.customer, self.row] {
            encoded.extend_from_slice(&(text.len() as u64).to_be_bytes());
            encoded.extend_from_slice(text.as_bytes());
        }
        encoded.extend_from_slice(&self.generation.to_be_bytes());
        encoded
    }
}
