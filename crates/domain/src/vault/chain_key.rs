//! What chains the audit trail: a part of each key of the ring, that can do nothing else.

use hmac::Mac as _;

use super::key_ring::KeyId;
use super::subkeys::{HmacSha256, expand, hkdf, mac};

/// Makes the digests of the trail under one key of the ring (HMAC-SHA-256, RFC 2104).
/// Whoever lacks it can neither make nor mend one.
pub struct ChainKey {
    id: KeyId,
    events: HmacSha256,
    starts: HmacSha256,
}

impl ChainKey {
    /// Of the secret that a key of the ring leaves for it.
    pub(super) fn derive(id: KeyId, secret: &[u8; 32]) -> Self {
        let hkdf = hkdf(secret);
        // The labels are part of the storage format.
        Self {
            id,
            events: mac(&expand(&hkdf, "gatehouse.v1 audit event")),
            starts: mac(&expand(&hkdf, "gatehouse.v1 audit start")),
        }
    }

    /// Which key of the ring it is of.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The digest of an event and all before it.
    pub(crate) fn event(&self, message: &[u8]) -> [u8; 32] {
        self.events.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// The digest that vouches for where the trail begins. It is never one of an event.
    pub(crate) fn start(&self, message: &[u8]) -> [u8; 32] {
        self.starts.clone().chain_update(message).finalize().into_bytes().into()
    }
}
