//! The keys that everything sealed depends on, and their text form.
//!
//! Of a key that is retired a `chain` line stays: it goes on verifying the audit trail, of
//! which no event is chained anew, and opens nothing.

use std::fmt;
use std::iter;
use std::str::FromStr;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::subkeys::chain_secret;
use crate::field::Malformed;

const HEADER: &str = "\
# The key ring of gatehouse. Keep it secret, and keep a copy elsewhere:
# without it every password and authenticator is lost.
# One key a line. The primary key seals; all of them open, but for those of the chain:
# they are what is left of retired keys, and verify the audit trail.
";

/// Names a key of a ring. Not secret: it stands in every sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(u32);

impl From<u32> for KeyId {
    fn from(id: u32) -> Self {
        Self(id)
    }
}

impl From<KeyId> for u32 {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

/// Eight hexadecimal digits, as in the ring.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| Self(u32::from_be_bytes(bytes)))
            .ok_or(Malformed("the key id must be 8 lower-case hexadecimal digits"))
    }
}

pub(super) struct RingKey {
    id: KeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl RingKey {
    fn generate(id: KeyId, rng: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut());
        Self { id, secret }
    }

    pub(super) const fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn secret(&self) -> &[u8] {
        self.secret.as_slice()
    }
}

/// One primary key, which seals, others that still open, and what is left of those that do
/// not any more.
pub struct KeyRing {
    primary: RingKey,
    others: Vec<RingKey>,
    chain: Vec<RingKey>,
}

impl KeyRing {
    /// A ring of one new key, number 1: two rings made at once for one database
    /// then meet in the place of one canary, and all but one are refused.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { primary: RingKey::generate(KeyId(1), rng), others: Vec::new(), chain: Vec::new() }
    }

    /// The key that seals.
    #[must_use]
    pub const fn primary(&self) -> KeyId {
        self.primary.id
    }

    /// The ids of the keys that open, the primary first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        iter::once(&self.primary).chain(&self.others).map(RingKey::id)
    }

    /// The text that it is parsed from, with a comment that says how precious it is.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        const LINE_BYTES: usize = "primary 01234567 ".len() + 43 + 1;
        // Room for all of it: growing would leave copies behind.
        let lines = 1 + self.others.len() + self.chain.len();
        let bytes = HEADER.len() + LINE_BYTES * lines;
        let mut text = Zeroizing::new(String::with_capacity(bytes));
        text.push_str(HEADER);
        let primary = iter::once(("primary", &self.primary));
        let others = self.others.iter().map(|key| ("other", key));
        let chain = self.chain.iter().map(|key| ("chain", key));
        for (role, key) in primary.chain(others).chain(chain) {
            text.push_str(role);
            text.push(' ');
            text.push_str(&key.id.to_string());
            text.push(' ');
            BASE64URL_NOPAD.encode_append(key.secret(), &mut text);
            text.push('\n');
        }
        text
    }

    /// Adds a new key, which opens and does not seal yet.
    ///
    /// # Errors
    /// [`RingChangeError::Known`].
    pub fn add(&mut self, id: KeyId, rng: &mut impl CryptoRng) -> Result<(), RingChangeError> {
        if self.key_ids().chain(self.chain.iter().map(RingKey::id)).any(|known| known == id) {
            return Err(RingChangeError::Known(id));
        }
        self.others.push(RingKey::generate(id, rng));
        Ok(())
    }

    /// Lets another of its keys seal. The one that did still opens.
    ///
    /// # Errors
    /// [`RingChangeError::Primary`] if it does already, [`RingChangeError::Unknown`].
    pub fn promote(&mut self, id: KeyId) -> Result<(), RingChangeError> {
        let promoted = self.take_other(id)?;
        self.others.push(std::mem::replace(&mut self.primary, promoted));
        Ok(())
    }

    /// Takes a key out that nothing needs any more but the audit trail, for which the part
    /// of it stays that verifies what was chained under it.
    ///
    /// # Errors
    /// [`RingChangeError::Primary`] for the key that seals, [`RingChangeError::Unknown`].
    pub fn retire(&mut self, id: KeyId) -> Result<(), RingChangeError> {
        let key = self.take_other(id)?;
        self.chain.push(RingKey { id, secret: chain_secret(&key) });
        Ok(())
    }

    fn take_other(&mut self, id: KeyId) -> Result<RingKey, RingChangeError> {
        if self.primary.id == id {
            return Err(RingChangeError::Primary(id));
        }
        let at = self.others.iter().position(|key| key.id == id);
        Ok(self.others.remove(at.ok_or(RingChangeError::Unknown(id))?))
    }

    pub(super) const fn primary_key(&self) -> &RingKey {
        &self.primary
    }

    pub(super) fn other_keys(&self) -> &[RingKey] {
        &self.others
    }

    /// Of retired keys the secrets of their chains.
    pub(super) fn chain_secrets(&self) -> impl Iterator<Item = (KeyId, &[u8; 32])> {
        self.chain.iter().map(|key| (key.id, &*key.secret))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("primary", &self.primary.id).finish_non_exhaustive()
    }
}

/// Why a ring cannot be changed like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingChangeError {
    /// A new key needs another id.
    #[error("the key ring has a key {0} already")]
    Known(KeyId),
    /// There is nothing to change.
    #[error("the key ring has no key {0}")]
    Unknown(KeyId),
    /// It seals: another one has to do that first.
    #[error("the key {0} is the primary one")]
    Primary(KeyId),
}

/// Why a text is not a key ring. Never repeats any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// One line is wrong.
    #[error("line {line} of the key ring: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: Malformed,
    },
    /// No line names a primary key.
    #[error("the key ring has no primary key")]
    NoPrimary,
}

impl FromStr for KeyRing {
    type Err = KeyRingError;

    fn from_str(text: &str) -> Result<Self, KeyRingError> {
        let mut primary = None;
        let (mut others, mut chain) = (Vec::new(), Vec::new());
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                add_line(&mut primary, &mut others, &mut chain, text)
                    .map_err(|problem| KeyRingError::Line { line, problem })?;
            }
        }
        Ok(Self { primary: primary.ok_or(KeyRingError::NoPrimary)?, others, chain })
    }
}

fn add_line(
    primary: &mut Option<RingKey>,
    others: &mut Vec<RingKey>,
    chain: &mut Vec<RingKey>,
    text: &str,
) -> Result<(), Malformed> {
    const SHAPE: Malformed = Malformed("must be `primary`, `other` or `chain`, a key id and a key");
    let mut words = text.split_ascii_whitespace();
    let (Some(role), Some(id), Some(secret), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(SHAPE);
    };
    let key = RingKey { id: id.parse()?, secret: parse_secret(secret)? };
    let known = || primary.iter().chain(&*others).chain(&*chain);
    if known().any(|known| known.id == key.id) {
        return Err(Malformed("the key id stands on an earlier line"));
    }
    if known().any(|known| known.secret == key.secret) {
        return Err(Malformed("the key stands on an earlier line"));
    }
    match role {
        "primary" if primary.is_some() => Err(Malformed("a second primary key")),
        "primary" => {
            *primary = Some(key);
            Ok(())
        }
        "other" => {
            others.push(key);
            Ok(())
        }
        "chain" => {
            chain.push(key);
            Ok(())
        }
        _ => Err(SHAPE),
    }
}

fn parse_secret(text: &str) -> Result<Zeroizing<[u8; 32]>, Malformed> {
    const RULE: Malformed = Malformed("the key must be 32 bytes in base64url without padding");
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| RULE)?);
    bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| RULE)
}

#[cfg(test)]
mod tests;
