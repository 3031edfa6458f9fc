//! The keys that everything sealed depends on, and their text form.

use std::fmt;
use std::iter;
use std::str::FromStr;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::field::Malformed;

const HEADER: &str = "\
# The key ring of gatehouse. Keep it secret, and keep a copy elsewhere:
# without it every password and authenticator is lost.
# One key a line. The primary key seals; all of them open.
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

/// One primary key, which seals, and others that still open.
pub struct KeyRing {
    primary: RingKey,
    others: Vec<RingKey>,
}

impl KeyRing {
    /// A ring of one new key, number 1: two rings made at once for one database
    /// then meet in the place of one canary, and all but one are refused.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { primary: RingKey::generate(KeyId(1), rng), others: Vec::new() }
    }

    /// The key that seals.
    #[must_use]
    pub const fn primary(&self) -> KeyId {
        self.primary.id
    }

    /// The ids of its keys, the primary first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        iter::once(&self.primary).chain(&self.others).map(RingKey::id)
    }

    /// The text that it is parsed from, with a comment that says how precious it is.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        const LINE_BYTES: usize = "primary 01234567 ".len() + 43 + 1;
        // Room for all of it: growing would leave copies behind.
        let bytes = HEADER.len() + LINE_BYTES * (1 + self.others.len());
        let mut text = Zeroizing::new(String::with_capacity(bytes));
        text.push_str(HEADER);
        let primary = iter::once(("primary", &self.primary));
        for (role, key) in primary.chain(self.others.iter().map(|key| ("other", key))) {
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
        if self.key_ids().any(|known| known == id) {
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

    /// Takes a key out that nothing needs any more.
    ///
    /// # Errors
    /// [`RingChangeError::Primary`] for the key that seals, [`RingChangeError::Unknown`].
    pub fn remove(&mut self, id: KeyId) -> Result<(), RingChangeError> {
        self.take_other(id).map(drop)
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
        let mut others = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                add_line(&mut primary, &mut others, text)
                    .map_err(|problem| KeyRingError::Line { line, problem })?;
            }
        }
        Ok(Self { primary: primary.ok_or(KeyRingError::NoPrimary)?, others })
    }
}

fn add_line(
    primary: &mut Option<RingKey>,
    others: &mut Vec<RingKey>,
    text: &str,
) -> Result<(), Malformed> {
    const SHAPE: Malformed = Malformed("must be `primary` or `other`, a key id and a key");
    let mut words = text.split_ascii_whitespace();
    let (Some(role), Some(id), Some(secret), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(SHAPE);
    };
    let key = RingKey { id: id.parse()?, secret: parse_secret(secret)? };
    if primary.iter().chain(&*others).any(|known| known.id == key.id) {
        return Err(Malformed("the key id stands on an earlier line"));
    }
    if primary.iter().chain(&*others).any(|known| known.secret == key.secret) {
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
        _ => Err(SHAPE),
    }
}

fn parse_secret(text: &str) -> Result<Zeroizing<[u8; 32]>, Malformed> {
    const RULE: Malformed = Malformed("the key must be 32 bytes in base64url without padding");
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| RULE)?);
    bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| RULE)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";
    const C: &str = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCA";

    fn parse(text: &str) -> Result<KeyRing, KeyRingError> {
        text.parse()
    }

    #[test]
    fn parse_and_print_are_inverse() {
        let generated = KeyRing::generate(&mut StdRng::seed_from_u64(1));
        let rotated = parse(&format!("other 0000000b {B}\nprimary fffffff0 {A}\nother 0 {C}\n"));
        assert!(rotated.is_err(), "an id has eight digits");
        let rotated =
            parse(&format!("other 0000000b {B}\nprimary fffffff0 {A}\n")).expect("a ring");
        for ring in [generated, rotated] {
            let again = parse(&ring.to_text()).expect("its own text");
            assert_eq!(*again.to_text(), *ring.to_text());
            assert_eq!(again.primary(), ring.primary());
        }
    }

    #[test]
    fn the_text_says_that_it_must_be_kept_and_fits_its_room() {
        let random = &mut StdRng::seed_from_u64(1);
        let mut ring = KeyRing::generate(random);
        assert!(ring.to_text().contains("Keep it secret, and keep a copy"));
        for id in 2..10 {
            let text = ring.to_text();
            // `other` is two letters shorter than `primary`.
            assert_eq!(text.capacity(), text.len() + 2 * ring.others.len());
            ring.add(KeyId(id), random).unwrap();
        }
    }

    #[test]
    fn comments_and_blank_lines_are_skipped() {
        let ring =
            parse(&format!("# a\r\n\r\n  primary 00000001 {A}  \n\t# b\nother 00000002 {B}"));
        let ids: Vec<u32> = ring.expect("a ring").key_ids().map(u32::from).collect();
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn errors_name_the_line_and_never_the_key() {
        let short = &A[1..];
        // 43 characters carry 258 bits; the last two must be zero.
        let noncanonical = format!("{short}B");
        for line in [
            format!("primary 00000002 {B}"),
            format!("other 00000001 {B}"),
            format!("other 00000002 {A}"),
            format!("secondary 00000002 {B}"),
            format!("Other 00000002 {B}"),
            format!("other 00000002 {B}="),
            format!("other 00000002 {B} {C}"),
            format!("other 00000002 {short}"),
            format!("other 00000002 {noncanonical}"),
            format!("other 00000002 {A}{A}"),
            format!("other 2 {B}"),
            format!("other 0000000G {B}"),
            format!("other 0000000A {B}"),
            format!("other +0000002 {B}"),
            format!("other 0000000002 {B}"),
            format!("other {B}"),
            "other 00000002".to_owned(),
            B.to_owned(),
        ] {
            let error = parse(&format!("# ring\nprimary 00000001 {A}\n{line}\n"));
            let error = error.expect_err(&line);
            assert!(matches!(error, KeyRingError::Line { line: 3, .. }), "{line}: {error}");
            let message = format!("{error} {error:?}");
            assert!(!message.contains("AAAA") && !message.contains("BBBB"), "{message}");
        }
    }

    #[test]
    fn a_ring_has_a_primary_key() {
        for text in [String::new(), "# primary\n".to_owned(), format!("other 00000001 {A}")] {
            assert_eq!(parse(&text).expect_err("none"), KeyRingError::NoPrimary);
        }
    }

    #[test]
    fn a_key_is_added_promoted_and_removed() {
        let random = &mut StdRng::seed_from_u64(1);
        let mut ring = KeyRing::generate(random);
        let [old, new, unknown] = [1, 2, 3].map(KeyId);
        let ids = |ring: &KeyRing| ring.key_ids().collect::<Vec<_>>();
        assert_eq!(ring.add(old, random), Err(RingChangeError::Known(old)));
        ring.add(new, random).unwrap();
        assert_eq!(ids(&ring), [old, new]);
        assert_ne!(ring.primary.secret, ring.others[0].secret);

        assert_eq!(ring.promote(old), Err(RingChangeError::Primary(old)));
        assert_eq!(ring.promote(unknown), Err(RingChangeError::Unknown(unknown)));
        ring.promote(new).unwrap();
        assert_eq!(ids(&ring), [new, old]);

        assert_eq!(ring.remove(new), Err(RingChangeError::Primary(new)));
        assert_eq!(ring.remove(unknown), Err(RingChangeError::Unknown(unknown)));
        ring.remove(old).unwrap();
        assert_eq!(ids(&ring), [new]);
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = parse(&format!("primary 00000001 {A}")).expect("a ring");
        assert_eq!(format!("{ring:?}"), "KeyRing { primary: KeyId(1), .. }");
    }
}
