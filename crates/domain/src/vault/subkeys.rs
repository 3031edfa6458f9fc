//! What is derived of one key of the ring: a key for each purpose.

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit as _;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::chain_key::ChainKey;
use super::digest::{Digest, DigestKind};
use super::key_ring::{KeyId, RingKey};

pub(super) type HmacSha256 = Hmac<Sha256>;

/// What a ciphertext is for. One sealed for one purpose does not open for another.
#[derive(Clone, Copy)]
pub(crate) enum SealPurpose {
    /// A value in a row of the database.
    Row,
    /// The state that is the token of a started sign-in.
    SignInStart,
    /// Where the next page of a list begins.
    PageToken,
    /// Proof that the key is in the ring.
    Canary,
}

pub(super) struct Subkeys {
    pub(super) id: KeyId,
    rows: XChaCha20Poly1305,
    sign_in_starts: XChaCha20Poly1305,
    page_tokens: XChaCha20Poly1305,
    canaries: XChaCha20Poly1305,
    api_keys: HmacSha256,
    sign_ins: HmacSha256,
    sessions: HmacSha256,
    invitations: HmacSha256,
    throttles: HmacSha256,
    known_sources: HmacSha256,
    pub(super) chain: ChainKey,
}

/// What chains the audit trail under a key of the ring. It outlives the key.
pub(super) fn chain_secret(key: &RingKey) -> Zeroizing<[u8; 32]> {
    expand(&hkdf(key.secret()), "gatehouse.v1 audit chain")
}

impl Subkeys {
    pub(super) fn derive(key: &RingKey) -> Self {
        let hkdf = hkdf(key.secret());
        let cipher = |purpose| XChaCha20Poly1305::new((&*expand(&hkdf, purpose)).into());
        let mac = |purpose| mac(&expand(&hkdf, purpose));
        // The labels are part of the storage format.
        Self {
            id: key.id(),
            rows: cipher("gatehouse.v1 seal row"),
            sign_in_starts: cipher("gatehouse.v1 seal sign-in start"),
            page_tokens: cipher("gatehouse.v1 seal page token"),
            canaries: cipher("gatehouse.v1 seal canary"),
            api_keys: mac("gatehouse.v1 digest api key"),
            sign_ins: mac("gatehouse.v1 digest sign-in"),
            sessions: mac("gatehouse.v1 digest session"),
            invitations: mac("gatehouse.v1 digest invitation"),
            throttles: mac("gatehouse.v1 digest throttle"),
            known_sources: mac("gatehouse.v1 digest known source"),
            chain: ChainKey::derive(key.id(), &chain_secret(key)),
        }
    }

    pub(super) const fn cipher(&self, purpose: SealPurpose) -> &XChaCha20Poly1305 {
        match purpose {
            SealPurpose::Row => &self.rows,
            SealPurpose::SignInStart => &self.sign_in_starts,
            SealPurpose::PageToken => &self.page_tokens,
            SealPurpose::Canary => &self.canaries,
        }
    }

    pub(super) fn digest(&self, kind: DigestKind, bytes: &[u8]) -> Digest {
        let mac = match kind {
            DigestKind::ApiKey => &self.api_keys,
            DigestKind::SignIn => &self.sign_ins,
            DigestKind::Session => &self.sessions,
            DigestKind::Invitation => &self.invitations,
            DigestKind::Throttle => &self.throttles,
            DigestKind::KnownSource => &self.known_sources,
        };
        Digest::new(self.id, mac.clone().chain_update(bytes).finalize().into_bytes().into())
    }
}

/// Keys of the ring are uniformly random: no salt is needed (RFC 5869, section 3.1).
pub(super) fn hkdf(secret: &[u8]) -> Hkdf<Sha256> {
    Hkdf::new(None, secret)
}

pub(super) fn expand(hkdf: &Hkdf<Sha256>, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut subkey = Zeroizing::new([0; 32]);
    #[expect(clippy::expect_used, reason = "fails only past 255 times 32 bytes")]
    hkdf.expand(purpose.as_bytes(), subkey.as_mut()).expect("32 bytes");
    subkey
}

pub(super) fn mac(key: &[u8; 32]) -> HmacSha256 {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    HmacSha256::new_from_slice(key).expect("any length")
}
