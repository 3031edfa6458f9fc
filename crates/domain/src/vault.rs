//! The key ring at work: seals what must be read again, and makes digests of
//! what must only be recognized.
//!
//! Every key of the ring is split by HKDF (RFC 5869) into one subkey for each
//! purpose, so that no two purposes ever share one.

mod digest;
mod key_ring;
mod seal;
mod token;

use chacha20poly1305::aead::KeyInit;
use chacha20poly1305::{Key, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::Hmac;
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

pub use digest::{Digest, DigestKind};
pub use key_ring::{KeyId, KeyRing, KeyRingError};
pub(crate) use seal::OVERHEAD_BYTES;
pub use seal::{Context, OpenError};
pub use token::{Token, TokenKind};

/// Seals and makes digests under the primary key; opens and recognizes under
/// every key of the ring.
pub struct Vault {
    /// The primary first.
    keys: Vec<Subkeys>,
}

/// One key of the ring, split by purpose.
struct Subkeys {
    id: KeyId,
    seal: XChaCha20Poly1305,
    /// Keyed once and cloned for each digest, in the order of [`DigestKind::ALL`].
    digests: [Hmac<Sha256>; DigestKind::ALL.len()],
}

impl Vault {
    /// Puts a key ring to use.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        Self { keys: ring.keys().map(|(id, key)| Subkeys::derive(id, key)).collect() }
    }

    /// Keys that can open, the primary first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|key| key.id)
    }

    /// A fixed text sealed under one key, to be left in the database: a ring
    /// with another key of that id is then noticed at the start, not at a sign-in.
    ///
    /// # Errors
    /// [`OpenError::UnknownKey`] if the ring has no such key.
    pub fn canary(&self, id: KeyId, rng: &mut impl CryptoRng) -> Result<Vec<u8>, OpenError> {
        Ok(self.key(id)?.seal(rng, &CANARY_CONTEXT, CANARY))
    }

    /// Whether this ring has the very key that a canary was sealed under.
    ///
    /// # Errors
    /// [`OpenError::UnknownKey`] if it has none of that id,
    /// [`OpenError::Rejected`] if it has another one.
    pub fn check_canary(&self, id: KeyId, sealed: &[u8]) -> Result<(), OpenError> {
        self.key(id)?;
        self.open(&CANARY_CONTEXT, sealed).map(drop)
    }

    fn key(&self, id: KeyId) -> Result<&Subkeys, OpenError> {
        self.keys.iter().find(|key| key.id == id).ok_or(OpenError::UnknownKey(id))
    }
}

const CANARY: &[u8] = b"gatehouse";
const CANARY_CONTEXT: Context<'static> = Context {
    table: "key_canary",
    column: "sealed",
    portal: "",
    customer: "",
    row: "",
    generation: 0,
};

impl Subkeys {
    fn derive(id: KeyId, key: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, key);
        Self {
            id,
            seal: XChaCha20Poly1305::new(&Key::from(*subkey(&hkdf, "seal"))),
            digests: DigestKind::ALL.map(|kind| digest::keyed(&subkey(&hkdf, kind.purpose()))),
        }
    }
}

fn subkey(hkdf: &Hkdf<Sha256>, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut subkey = Zeroizing::new([0; 32]);
    let info = [b"gatehouse v1 ", purpose.as_bytes()].concat();
    #[expect(clippy::expect_used, reason = "RFC 5869 gives up to 8,160 bytes")]
    hkdf.expand(&info, subkey.as_mut_slice()).expect("32 bytes");
    subkey
}

#[cfg(test)]
mod tests;
