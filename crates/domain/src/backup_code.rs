//! Backup codes: what NIST 800-63B-4, section 3.1.2, calls look-up secrets.

use std::fmt;

use data_encoding::Encoding;
use data_encoding_macro::new_encoding;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::field::Malformed;
use crate::id::{BackupCodeSetId, CustomerKey};

/// How many codes a customer gets at a time.
pub const CODES_PER_SET: usize = 5;

/// 80 bits; NIST asks for 64 where what is stored is not slow to guess.
const BYTES: usize = 10;
const SYMBOLS: usize = 16;
const GROUP: usize = 4;
/// Bounds the work of normalizing, before any is done.
const MAX_RAW_BYTES: usize = 128;

/// Crockford's base32, which has no I, L, O and U: the first three are read as the
/// digits they look like.
const CROCKFORD: Encoding = new_encoding! {
    symbols: "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    translate_from: "abcdefghjkmnpqrstvwxyzOoIiLl",
    translate_to: "ABCDEFGHJKMNPQRSTVWXYZ001111",
};

/// A backup code. Wiped when dropped, and never printed but by [`Self::to_text`].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BackupCode([u8; BYTES]);

impl BackupCode {
    /// A set of new codes of 80 random bits each, so that no two are the same.
    #[must_use]
    pub fn generate_set(rng: &mut impl CryptoRng) -> [Self; CODES_PER_SET] {
        std::array::from_fn(|_| {
            let mut code = Self([0; BYTES]);
            rng.fill_bytes(&mut code.0);
            code
        })
    }

    /// What the customer writes down: four groups of four, `0123-4567-89AB-CDEF`.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let symbols = Zeroizing::new(CROCKFORD.encode(&self.0));
        // Room for all of it: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(SYMBOLS + SYMBOLS / GROUP));
        for (position, symbol) in symbols.chars().enumerate() {
            if position > 0 && position.is_multiple_of(GROUP) {
                text.push('-');
            }
            text.push(symbol);
        }
        text
    }

    /// Reads it back in any case and width (NFKC), with white space and dashes
    /// anywhere, and O, I and L for the digits they look like.
    ///
    /// # Errors
    /// If 16 symbols are not all that is left, or beyond 128 bytes as given.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed = Malformed("a backup code of 16 letters and digits");
        if text.len() > MAX_RAW_BYTES {
            return Err(RULE);
        }
        let mut typed = text.nfkc().filter(|c| !c.is_whitespace() && !is_dash(*c));
        let mut symbols = Zeroizing::new([0; SYMBOLS]);
        for symbol in symbols.iter_mut() {
            *symbol = typed.next().and_then(|c| c.try_into().ok()).ok_or(RULE)?;
        }
        if typed.next().is_some() {
            return Err(RULE);
        }
        let bytes = CROCKFORD.decode(symbols.as_slice()).map(Zeroizing::new).map_err(|_| RULE)?;
        bytes.as_slice().try_into().map(Self).map_err(|_| RULE)
    }

    /// What is kept of it, sealed. Bound to its set, so that a digest moved to
    /// another customer or set matches nothing.
    #[must_use]
    pub fn digest(&self, key: &CustomerKey, set: BackupCodeSetId) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [
            b"gatehouse backup code".as_slice(),
            key.portal.as_str().as_bytes(),
            key.customer.as_str().as_bytes(),
            set.as_uuid().as_bytes(),
            &self.0,
        ] {
            // With its length: no two lists of parts are the same bytes.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Whether `digest` is that of this code. Takes the same time for any of 32
    /// bytes.
    #[must_use]
    pub fn matches(&self, key: &CustomerKey, set: BackupCodeSetId, digest: &[u8]) -> bool {
        self.digest(key, set).as_slice().ct_eq(digest).into()
    }
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode(redacted)")
    }
}

/// Hyphens, dashes and the minus sign, as word processors put them in, after NFKC.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests;
