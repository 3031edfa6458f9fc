//! Bearer tokens: a prefix that secret scanners know, and 256 random bits.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::field::Malformed;

const RANDOM_BYTES: usize = 32;

/// What a token is of. No kind passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An administrator's API key.
    AdminKey,
    /// A portal's API key.
    PortalKey,
    /// A sign-in.
    SignIn,
    /// A session.
    Session,
    /// An invitation.
    Invitation,
}

impl TokenKind {
    /// What its tokens begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::AdminKey => "gha_",
            Self::PortalKey => "ghp_",
            Self::SignIn => "ghi_",
            Self::Session => "ghs_",
            Self::Invitation => "ghv_",
        }
    }
}

/// A secret that stands for whoever holds it. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one.
    #[must_use]
    pub fn generate(kind: TokenKind, rng: &mut impl CryptoRng) -> Self {
        let mut random = Zeroizing::new([0; RANDOM_BYTES]);
        rng.fill_bytes(random.as_mut_slice());
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(kind.prefix());
        BASE64URL_NOPAD.encode_append(random.as_slice(), &mut text);
        Self(text)
    }

    /// Takes a text of the exact form: prefix, and 43 characters of base64url
    /// that stand for 32 bytes in one way only.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed = Malformed("is not a token of this kind");
        let random = text.strip_prefix(kind.prefix()).ok_or(RULE)?;
        if random.len() != BASE64URL_NOPAD.encode_len(RANDOM_BYTES) {
            return Err(RULE);
        }
        let decoded = BASE64URL_NOPAD.decode(random.as_bytes()).map(Zeroizing::new);
        decoded.map_err(|_| RULE)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
