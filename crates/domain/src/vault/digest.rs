//! Keyed digests: what is looked up by one cannot be made without the ring.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Vault;

/// What is digested; each kind has a subkey of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// The token of an API key.
    ApiKey,
    /// The token of a sign-in whose password has been proven.
    SignIn,
    /// The token of a session.
    Session,
    /// The token of an invitation.
    Invitation,
    /// What a budget of wrong passwords is about.
    Throttle,
    /// A source that a customer has signed in from.
    KnownSource,
}

impl DigestKind {
    pub(super) const ALL: [Self; 6] = [
        Self::ApiKey,
        Self::SignIn,
        Self::Session,
        Self::Invitation,
        Self::Throttle,
        Self::KnownSource,
    ];

    pub(super) const fn purpose(self) -> &'static str {
        match self {
            Self::ApiKey => "digest api_key",
            Self::SignIn => "digest sign_in",
            Self::Session => "digest session",
            Self::Invitation => "digest invitation",
            Self::Throttle => "digest throttle",
            Self::KnownSource => "digest known_source",
        }
    }
}

/// HMAC-SHA-256 under a subkey of the ring.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The form it is stored in.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Vault {
    /// The digest to store, under the primary key.
    #[must_use]
    pub fn digest(&self, kind: DigestKind, bytes: &[u8]) -> Digest {
        // A ring has a primary key, so there is a first.
        self.digests(kind, bytes).swap_remove(0)
    }

    /// The digests to look up: under every key, the primary's first.
    #[must_use]
    pub fn digests(&self, kind: DigestKind, bytes: &[u8]) -> Vec<Digest> {
        let keyed = |key: &super::Subkeys| {
            let [api_key, sign_in, session, invitation, throttle, known_source] = &key.digests;
            match kind {
                DigestKind::ApiKey => api_key,
                DigestKind::SignIn => sign_in,
                DigestKind::Session => session,
                DigestKind::Invitation => invitation,
                DigestKind::Throttle => throttle,
                DigestKind::KnownSource => known_source,
            }
            .clone()
        };
        let digest =
            |mac: Hmac<Sha256>| Digest(mac.chain_update(bytes).finalize().into_bytes().into());
        self.keys.iter().map(|key| digest(keyed(key))).collect()
    }
}

pub(super) fn keyed(subkey: &[u8; 32]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    Hmac::new_from_slice(subkey).expect("any length")
}
