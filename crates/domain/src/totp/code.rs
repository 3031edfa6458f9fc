//! Codes as customers type them.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::field::Malformed;

/// Bounds the work of normalizing, before any is done.
const MAX_RAW_BYTES: usize = 64;
const MIN_DIGITS: usize = 6;
const MAX_DIGITS: usize = 8;

/// A code as it was typed, reduced to its digits. Wiped when dropped, and never
/// printed.
pub struct TotpCode(Zeroizing<String>);

impl TotpCode {
    /// Takes digits of any width (NFKC) and ignores white space, which apps show
    /// between them.
    ///
    /// # Errors
    /// If 6 to 8 digits are not all that is left, or beyond 64 bytes as given.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed = Malformed("a code of 6 to 8 digits");
        if text.len() > MAX_RAW_BYTES {
            return Err(RULE);
        }
        // Room for the longest one: a string that grows leaves copies behind.
        let mut digits = Zeroizing::new(String::with_capacity(MAX_DIGITS));
        for c in text.nfkc().filter(|c| !c.is_whitespace()) {
            if !c.is_ascii_digit() || digits.len() == MAX_DIGITS {
                return Err(RULE);
            }
            digits.push(c);
        }
        if digits.len() < MIN_DIGITS { Err(RULE) } else { Ok(Self(digits)) }
    }

    /// How many digits were typed, 6 to 8.
    #[must_use]
    pub fn digits(&self) -> u8 {
        #[expect(clippy::cast_possible_truncation, reason = "`parse` lets 8 in at most")]
        let digits = self.0.len() as u8;
        digits
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Option<String> {
        TotpCode::parse(text).ok().map(|code| code.0.to_string())
    }

    #[test]
    fn ways_to_type_a_code_are_one() {
        for text in [
            "123456",
            "123 456",
            " 12 34 56\r\n",
            "123\u{a0}456", // no-break space
            "\u{ff11}\u{ff12}\u{ff13}\u{3000}\u{ff14}\u{ff15}\u{ff16}", // full width
        ] {
            assert_eq!(typed(text).as_deref(), Some("123456"), "{text:?}");
        }
    }

    #[test]
    fn a_code_has_6_to_8_digits() {
        for (text, digits) in [
            ("", None),
            ("12345", None),
            ("123456", Some(6)),
            ("1234567", Some(7)),
            ("12345678", Some(8)),
            ("123456789", None),
        ] {
            let code = TotpCode::parse(text).ok();
            assert_eq!(code.map(|code| code.digits()), digits, "{text:?}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_digit() {
        for text in [
            "12345a",
            "+123456",
            "-123456",
            "123-456",
            "123.456",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", // Arabic-Indic digits
            "ABCD-EFGH-JKMN-PQRS",
        ] {
            assert_eq!(typed(text), None, "{text:?}");
        }
    }

    #[test]
    fn length_is_bounded_as_given() {
        assert!(TotpCode::parse(&format!("{:>64}", "123456")).is_ok());
        assert!(TotpCode::parse(&format!("{:>65}", "123456")).is_err());
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", TotpCode::parse("123456").unwrap()), "TotpCode(redacted)");
    }
}
