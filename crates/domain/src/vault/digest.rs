//! Keyed digests: what is stored instead of a token, and looked up by.

use super::key_ring::KeyId;

/// HMAC-SHA256 (RFC 2104) under a key that is not in the database: whoever
/// reads it there can neither use it as a token nor test a guess with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    key_id: KeyId,
    bytes: [u8; 32],
}

impl Digest {
    pub(super) const fn new(key_id: KeyId, bytes: [u8; 32]) -> Self {
        Self { key_id, bytes }
    }

    /// Which key of the ring it is under: without that key nothing is found by it.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The form it is stored in.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a digest is of. Each kind has its own key: the digest of one is never
/// found as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// The key of a portal or an administrator.
    ApiKey,
    /// The token of a sign-in whose password has been proven.
    SignIn,
    /// The token of a session.
    Session,
    /// The token of an invitation.
    Invitation,
    /// What a budget of guesses is about.
    Throttle,
    /// A customer and a source they have signed in from.
    KnownSource,
}
