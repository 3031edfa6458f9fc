//! Secrets at rest: sealed values, keyed digests and tokens.
//!
//! The vault protects against somebody who reads the database or a backup of
//! it, not against one who writes it or holds the server.

mod chain_key;
mod digest;
mod key_ring;
mod seal;
mod subkeys;
mod token;

use std::{fmt, iter};

use rand::CryptoRng;
use zeroize::Zeroizing;

pub use self::chain_key::ChainKey;
pub use self::digest::{Digest, DigestKind};
pub use self::key_ring::{KeyId, KeyRing, KeyRingError, RingChangeError};
pub(crate) use self::seal::OVERHEAD_BYTES;
use self::seal::Sealed;
pub use self::seal::{Context, OpenError};
pub(crate) use self::subkeys::SealPurpose;
use self::subkeys::Subkeys;
pub use self::token::{Token, TokenKind};

/// What a canary says. It only has to be authentic.
const CANARY: &[u8] = b"gatehouse";

/// Seals and digests under the primary key of a ring; opens and looks up under
/// all of them.
pub struct Vault {
    primary: Subkeys,
    others: Vec<Subkeys>,
    /// Of retired keys.
    chains: Vec<ChainKey>,
}

impl Vault {
    /// Derives what it needs of the ring, once.
    #[must_use]
    pub fn new(ring: &KeyRing) -> Self {
        Self {
            primary: Subkeys::derive(ring.primary_key()),
            others: ring.other_keys().iter().map(Subkeys::derive).collect(),
            chains: ring.chain_secrets().map(|(id, secret)| ChainKey::derive(id, secret)).collect(),
        }
    }

    /// The key that seals.
    #[must_use]
    pub const fn primary(&self) -> KeyId {
        self.primary.id
    }

    /// The ids of its keys, the primary first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(|key| key.id)
    }

    /// Encrypts `plaintext` for the place `context`, 46 bytes longer.
    #[must_use]
    pub fn seal(
        &self,
        rng: &mut impl CryptoRng,
        context: &Context<'_>,
        plaintext: &[u8],
    ) -> Vec<u8> {
        self.seal_for(SealPurpose::Row, rng, &context.encode(), plaintext)
    }

    /// Decrypts what was sealed for the same `context`.
    ///
    /// # Errors
    /// [`OpenError::Rejected`] for another context too: which of key, context and
    /// ciphertext is wrong cannot be told.
    pub fn open(
        &self,
        context: &Context<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.open_for(SealPurpose::Row, &context.encode(), sealed)
    }

    /// The digest to store.
    #[must_use]
    pub fn digest(&self, kind: DigestKind, bytes: &[u8]) -> Digest {
        self.primary.digest(kind, bytes)
    }

    /// Every digest to look for, the one under the primary key first.
    #[must_use]
    pub fn digests(&self, kind: DigestKind, bytes: &[u8]) -> Vec<Digest> {
        self.keys().map(|key| key.digest(kind, bytes)).collect()
    }

    /// Whether `sealed` names the primary key as the one that it is sealed under.
    #[must_use]
    pub fn seals(&self, sealed: &[u8]) -> bool {
        Sealed::parse(sealed).is_ok_and(|sealed| sealed.key_id() == self.primary.id)
    }

    /// What the events of the audit trail are chained under from now on.
    #[must_use]
    pub const fn chain(&self) -> &ChainKey {
        &self.primary.chain
    }

    /// What events were chained under while the key `id` was the primary one, also if it is
    /// retired.
    #[must_use]
    pub fn chain_of(&self, id: KeyId) -> Option<&ChainKey> {
        let live = self.keys().map(|key| &key.chain);
        live.chain(&self.chains).find(|chain| chain.id() == id)
    }

    /// A text sealed under the key `id`. Left in the database, it tells at the
    /// next start whether the ring still has that key.
    ///
    /// # Errors
    /// [`OpenError::UnknownKey`].
    pub fn canary(&self, rng: &mut impl CryptoRng, id: KeyId) -> Result<Vec<u8>, OpenError> {
        let key = self.key(id)?;
        Ok(seal::seal(key, SealPurpose::Canary, rng, &[], CANARY))
    }

    /// Whether the key `id` is the one that left this canary.
    ///
    /// # Errors
    /// [`OpenError::UnknownKey`] if the ring has no key of that id,
    /// [`OpenError::Rejected`] if it has another one.
    pub fn check_canary(&self, id: KeyId, canary: &[u8]) -> Result<(), OpenError> {
        let key = self.key(id)?;
        let sealed = Sealed::parse(canary)?;
        if sealed.key_id() != id {
            return Err(OpenError::Rejected);
        }
        sealed.open(key, SealPurpose::Canary, &[]).map(drop)
    }

    pub(crate) fn seal_for(
        &self,
        purpose: SealPurpose,
        rng: &mut impl CryptoRng,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        seal::seal(&self.primary, purpose, rng, associated_data, plaintext)
    }

    pub(crate) fn open_for(
        &self,
        purpose: SealPurpose,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let sealed = Sealed::parse(sealed)?;
        sealed.open(self.key(sealed.key_id())?, purpose, associated_data)
    }

    fn keys(&self) -> impl Iterator<Item = &Subkeys> {
        iter::once(&self.primary).chain(&self.others)
    }

    fn key(&self, id: KeyId) -> Result<&Subkeys, OpenError> {
        self.keys().find(|key| key.id == id).ok_or(OpenError::UnknownKey(id))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("primary", &self.primary.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
