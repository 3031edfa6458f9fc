//! The key ring: the secret that all others at rest depend on.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const HEADER: &str = "\
# The gatehouse key ring. Keep it secret, and keep a copy of it apart from the
# database: without it every password and every authenticator is lost.
";

/// Names a key; written into everything that it seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// One primary key, which seals, and any number of others, which only open.
///
/// As text it has a line for each key: `primary` or `other`, the key id in
/// eight hexadecimal digits, and 256 bits in base64url. Lines that begin with
/// `#` say something to people.
pub struct KeyRing {
    primary: RingKey,
    others: Vec<RingKey>,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct RingKey {
    #[zeroize(skip)]
    id: KeyId,
    key: [u8; 32],
}

/// Why a text is not a key ring. Never repeats any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// A line is not of the form of a key.
    #[error(
        "line {0}: must be `primary` or `other`, a key id of 8 hex digits, and 43 characters of base64url"
    )]
    Line(usize),
    /// A key id stands twice.
    #[error("line {0}: this key id stands twice")]
    Twice(usize),
    /// A second primary key.
    #[error("line {0}: there is a primary key already")]
    SecondPrimary(usize),
    /// No primary key.
    #[error("there is no primary key")]
    NoPrimary,
}

impl KeyRing {
    /// A ring of one new key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut primary = RingKey { id: KeyId(rng.next_u32()), key: [0; 32] };
        rng.fill_bytes(&mut primary.key);
        Self { primary, others: Vec::new() }
    }

    /// Every key, the primary first.
    pub(super) fn keys(&self) -> impl Iterator<Item = (KeyId, &[u8; 32])> {
        std::iter::once(&self.primary).chain(&self.others).map(|key| (key.id, &key.key))
    }

    /// The text that parses to this ring.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(HEADER.to_owned());
        for (at, (id, key)) in self.keys().enumerate() {
            let word = if at == 0 { "primary" } else { "other" };
            let key = Zeroizing::new(BASE64URL_NOPAD.encode(key));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{word} {id} {}", key.as_str());
        }
        text
    }
}

impl FromStr for KeyRing {
    type Err = KeyRingError;

    fn from_str(text: &str) -> Result<Self, KeyRingError> {
        let mut primary: Option<RingKey> = None;
        let mut others: Vec<RingKey> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (is_primary, key) = parse_line(line).ok_or(KeyRingError::Line(number))?;
            if primary.iter().chain(&others).any(|other| other.id == key.id) {
                return Err(KeyRingError::Twice(number));
            }
            if !is_primary {
                others.push(key);
            } else if primary.replace(key).is_some() {
                return Err(KeyRingError::SecondPrimary(number));
            }
        }
        Ok(Self { primary: primary.ok_or(KeyRingError::NoPrimary)?, others })
    }
}

fn parse_line(line: &str) -> Option<(bool, RingKey)> {
    let mut words = line.split_whitespace();
    let (word, id, key) = (words.next()?, words.next()?, words.next()?);
    let is_primary = match word {
        "primary" => true,
        "other" => false,
        _ => return None,
    };
    if words.next().is_some() || id.len() != 8 || !id.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let id = KeyId(u32::from_str_radix(id, 16).ok()?);
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(key.as_bytes()).ok()?);
    Some((is_primary, RingKey { id, key: bytes.as_slice().try_into().ok()? }))
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(|(id, _)| id)).finish()
    }
}
