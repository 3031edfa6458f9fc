//! Bearer tokens: 256 random bits, and a prefix that says what they are for.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::field::Malformed;

const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 43;

/// What a token is for. The prefixes are for secret scanners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `gha_`: the key of an administrator.
    AdminKey,
    /// `ghp_`: the key of a portal.
    PortalKey,
    /// `ghi_`: a sign-in whose password has been proven.
    SignIn,
    /// `ghs_`: a session.
    Session,
    /// `ghv_`: an invitation.
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

    const fn rule(self) -> Malformed {
        Malformed(match self {
            Self::AdminKey => "must be gha_ and 43 characters of base64url",
            Self::PortalKey => "must be ghp_ and 43 characters of base64url",
            Self::SignIn => "must be a sign-in token, ghi_ and what follows it",
            Self::Session => "must be ghs_ and 43 characters of base64url",
            Self::Invitation => "must be ghv_ and 43 characters of base64url",
        })
    }
}

/// A token in its only form: no other text is the same token.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one.
    #[must_use]
    pub fn generate(kind: TokenKind, rng: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        rng.fill_bytes(secret.as_mut());
        let prefix = kind.prefix();
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + SECRET_CHARS));
        text.push_str(prefix);
        BASE64URL_NOPAD.encode_append(secret.as_slice(), &mut text);
        Self(text)
    }

    /// Takes nothing but the prefix and 43 characters that encode 32 bytes, the
    /// unused bits zero.
    ///
    /// # Errors
    /// Says what a token of this kind looks like.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, Malformed> {
        let secret = text.strip_prefix(kind.prefix()).ok_or(kind.rule())?;
        // The length first: a megabyte is not worth decoding.
        if secret.len() != SECRET_CHARS {
            return Err(kind.rule());
        }
        BASE64URL_NOPAD.decode(secret.as_bytes()).map(Zeroizing::new).map_err(|_| kind.rule())?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The whole text, prefix and all.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const KINDS: [TokenKind; 5] = [
        TokenKind::AdminKey,
        TokenKind::PortalKey,
        TokenKind::SignIn,
        TokenKind::Session,
        TokenKind::Invitation,
    ];

    proptest! {
        #[test]
        fn a_token_is_of_its_own_kind_alone(seed in any::<u64>()) {
            for kind in KINDS {
                let token = Token::generate(kind, &mut StdRng::seed_from_u64(seed));
                let text = token.expose();
                prop_assert_eq!(text.len(), 47);
                for other in KINDS {
                    let parsed = Token::parse(other, text);
                    prop_assert_eq!(parsed.is_ok(), other == kind);
                    if let Ok(parsed) = parsed {
                        prop_assert_eq!(parsed.expose(), text);
                    }
                }
            }
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let token = Token::generate(TokenKind::Session, &mut StdRng::seed_from_u64(7));
        let text = token.expose();
        for other in [
            text[..46].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!(" {text}"),
            format!("{text}\n"),
            text.to_uppercase(),
            text.replacen("ghs_", "GHS_", 1),
            text.replacen("ghs_", "ghs-", 1),
            text[4..].to_owned(),
            // 43 characters carry 258 bits; the last two must be zero.
            format!("ghs_{}B", "A".repeat(42)),
            format!("ghs_{}", "+".repeat(43)),
            format!("ghs_{}", "\u{e9}".repeat(43)),
            format!("ghs_{}", "A".repeat(1 << 20)),
            "ghs_".to_owned(),
            String::new(),
        ] {
            assert!(Token::parse(TokenKind::Session, &other).is_err(), "{other:.60}");
        }
        assert!(Token::parse(TokenKind::Session, &format!("ghs_{}", "A".repeat(43))).is_ok());
    }

    #[test]
    fn debug_shows_no_token() {
        let token = Token::generate(TokenKind::AdminKey, &mut StdRng::seed_from_u64(7));
        assert_eq!(format!("{token:?}"), "Token(..)");
    }
}
