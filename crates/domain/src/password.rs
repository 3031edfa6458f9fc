//! Passwords: what may be one, and how it is kept.

mod foreign;
mod hash;
mod policy;
mod stored;

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::field::Malformed;

pub use foreign::ForeignHash;
pub use hash::{HashParameters, HashingFailed, PasswordHash};
pub use policy::{NewPasswordContext, PasswordPolicyViolation, check_new};
pub use stored::StoredHash;

/// Bounds the work of normalizing, before any is done.
const MAX_RAW_BYTES: usize = 1_024;
const MAX_CHARACTERS: usize = 256;
/// The longest encoding of a character in UTF-8.
const MAX_CHARACTER_BYTES: usize = 4;

/// A password as it was typed, in NFKC: the bytes that are hashed. Wiped when
/// dropped, and never printed.
pub struct Password {
    normalized: Zeroizing<String>,
    /// As it came, where that is something else: most other systems hashed that.
    typed: Option<Zeroizing<String>>,
}

impl Password {
    /// Normalizes once, so that one password typed on two keyboards is one
    /// (NIST 800-63B-4, section 3.1.1.2). Nothing is trimmed.
    ///
    /// # Errors
    /// If it is empty, longer than 1,024 bytes as given, or longer than 256
    /// characters once normalized. Cheap: nothing is hashed.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed =
            Malformed("a password of 1 to 256 characters and at most 1,024 bytes");
        if text.is_empty() || text.len() > MAX_RAW_BYTES {
            return Err(RULE);
        }
        // Room for the longest one: a string that grows leaves copies behind.
        let mut normalized =
            Zeroizing::new(String::with_capacity(MAX_CHARACTERS * MAX_CHARACTER_BYTES));
        let mut characters = text.nfkc();
        normalized.extend(characters.by_ref().take(MAX_CHARACTERS));
        if characters.next().is_some() {
            return Err(RULE);
        }
        let typed = (normalized.as_str() != text).then(|| Zeroizing::new(text.to_owned()));
        Ok(Self { normalized, typed })
    }

    fn as_str(&self) -> &str {
        &self.normalized
    }

    /// Not normalized.
    fn as_typed(&self) -> &str {
        self.typed.as_ref().unwrap_or(&self.normalized)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_bounded_before_and_after_normalizing() {
        for (text, good) in [
            (String::new(), false),
            (" ".to_owned(), true),
            ("x".repeat(256), true),
            ("x".repeat(257), false),
            ("\u{1f511}".repeat(256), true), // 1,024 bytes
            (format!("{}x", "\u{1f511}".repeat(256)), false),
            ("\u{fdfa}".repeat(14), true), // 18 characters each in NFKC
            ("\u{fdfa}".repeat(15), false),
        ] {
            assert_eq!(Password::parse(&text).is_ok(), good, "{} bytes", text.len());
        }
    }

    #[test]
    fn two_ways_to_type_a_password_are_one() {
        for (one, other) in
            [("\u{e9}t\u{e9}", "e\u{301}te\u{301}"), ("\u{ff50}\u{ff41}\u{ff53}\u{ff53}", "pass")]
        {
            let [one, other] = [one, other].map(|text| Password::parse(text).unwrap());
            assert_eq!(one.as_str(), other.as_str());
        }
    }

    #[test]
    fn what_was_typed_is_known_besides() {
        for text in ["pass", "e\u{301}te\u{301}", "\u{ff50}\u{ff41}\u{ff53}\u{ff53}"] {
            assert_eq!(Password::parse(text).unwrap().as_typed(), text);
        }
    }

    #[test]
    fn case_and_spaces_are_part_of_it() {
        assert_eq!(Password::parse(" A b ").unwrap().as_str(), " A b ");
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Password::parse("hunter2").unwrap()), "Password(redacted)");
    }
}
