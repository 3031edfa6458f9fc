//! Email addresses as identities.

use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use crate::field::Malformed;
use crate::text::is_default_ignorable;

/// RFC 5321, section 4.5.3.1.3, as erratum 1690 reads it: a path is at most
/// 256 bytes with its angle brackets.
const MAX_BYTES: usize = 254;

/// An email address in the one form in which it is compared, stored and shown.
///
/// Uniqueness, sign-in and throttles all use it, so that no two spellings of an
/// address are two customers, or two budgets of guesses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// Trims, applies NFKC and lower case, and turns the domain into its ASCII
    /// form (UTS 46). Parsing what it gives changes nothing.
    ///
    /// # Errors
    /// Without exactly one `@` between a local part and a domain name, with a
    /// space, control, invisible or bidirectional formatting character, or longer
    /// than 254 bytes as given or as kept.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed =
            Malformed("an email address of at most 254 bytes, like name@example.com");
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(RULE);
        }
        let folded = fold(text);
        // NFKC and lower case keep these; UTS 46 would drop them from the domain.
        if folded.contains(is_default_ignorable) {
            return Err(Malformed("an email address without invisible characters"));
        }
        let (local, domain) = folded.split_once('@').ok_or(RULE)?;
        let refused = |c: char| c == '@' || c.is_whitespace() || crate::text::is_deceptive(c);
        if local.is_empty() || local.contains(refused) || domain.contains(refused) {
            return Err(RULE);
        }
        let domain = Uts46::new()
            .to_ascii(
                domain.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .map_err(|_| RULE)?;
        let email = format!("{local}@{domain}");
        if email.len() > MAX_BYTES { Err(RULE) } else { Ok(Self(email)) }
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub(crate) fn local_part(&self) -> &str {
        self.0.split_once('@').map_or(self.as_str(), |(local, _)| local)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// NFKC and lower case, until neither changes anything: lower case can undo
/// NFKC, and NFKC can bring new capitals (U+2121 becomes `TEL`).
fn fold(text: &str) -> String {
    let mut folded = text.nfkc().collect::<String>();
    loop {
        let next = folded.to_lowercase().nfkc().collect::<String>();
        if next == folded {
            return folded;
        }
        folded = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> Option<String> {
        Email::parse(text).ok().map(|email| email.as_str().to_owned())
    }

    #[test]
    fn spellings_of_one_address_are_one_identity() {
        for (spelling, identity) in [
            ("ana@example.com", "ana@example.com"),
            ("  Ana@Example.COM\n", "ana@example.com"),
            ("\u{ff41}na@example\u{3002}com", "ana@example.com"), // full-width a, ideographic stop
            ("ana\u{ff20}example.com", "ana@example.com"),        // full-width @
            ("\u{212a}im@example.com", "kim@example.com"),        // Kelvin sign
            ("\u{2121}@example.com", "tel@example.com"),          // NFKC gives capitals
            ("ana@M\u{fc}nchen.example", "ana@xn--mnchen-3ya.example"),
            ("ana@mu\u{308}nchen.example", "ana@xn--mnchen-3ya.example"), // decomposed
            ("ana@XN--MNCHEN-3YA.example", "ana@xn--mnchen-3ya.example"),
            ("ana@fa\u{df}.example", "ana@xn--fa-hia.example"), // sharp s stays itself
            ("Jos\u{c9}@example.com", "jos\u{e9}@example.com"),
            ("ana+tag@localhost", "ana+tag@localhost"),
        ] {
            assert_eq!(canonical(spelling).as_deref(), Some(identity), "{spelling:?}");
        }
    }

    /// Unicode, not Turkish, lower case: a capital I is an i, a dotted capital is
    /// an i with a combining dot, and a dotless i stays dotless. So whoever
    /// registers one of the last two has not taken the address with a plain i.
    #[test]
    fn dotted_and_dotless_i_are_identities_of_their_own() {
        for (spelling, identity) in [
            ("IDA@example.com", "ida@example.com"),
            ("\u{130}da@example.com", "i\u{307}da@example.com"),
            ("i\u{307}da@example.com", "i\u{307}da@example.com"),
            ("\u{131}da@example.com", "\u{131}da@example.com"),
            ("ana@I.example", "ana@i.example"),
            ("ana@\u{130}.example", "ana@xn--i-9bb.example"),
            ("ana@\u{131}.example", "ana@xn--cfa.example"),
        ] {
            assert_eq!(canonical(spelling).as_deref(), Some(identity), "{spelling:?}");
        }
    }

    /// Sessions are listed, and budgets named, with what it prints.
    #[test]
    fn printing_an_address_is_printing_its_one_form() {
        let email = Email::parse(" Ana@M\u{fc}nchen.example").unwrap();
        assert_eq!(email.to_string(), "ana@xn--mnchen-3ya.example");
        assert_eq!(Email::parse(&email.to_string()), Ok(email));
    }

    #[test]
    fn refuses_what_is_not_an_address() {
        for text in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "ana@@example.com",
            "a@b@example.com",
            "ana\u{ff20}b@example.com",
            "ana@example..com",
            "ana@.com",
            "ana@example.com.",
            "ana@-example.com",
            "ana@exa_mple.com",
            "ana@[127.0.0.1]",
            "an a@example.com",
            "ana@exam ple.com",
            "ana\0@example.com",
            "an\u{202e}a@example.com",
            "ana@exa\u{200f}mple.com",
            "\u{b4}ana@example.com", // NFKC gives a space
            "ana@xn--a.example",     // not the encoding of anything
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
    }

    #[test]
    fn refuses_every_invisible_character_wherever_it_stands() {
        for c in ('\0'..=char::MAX).filter(|c| is_default_ignorable(*c)) {
            for text in [
                format!("{c}ana@example.com"),
                format!("an{c}a@example.com"),
                format!("ana@exa{c}mple.com"),
                format!("ana@example.com{c}"),
            ] {
                assert_eq!(canonical(&text), None, "{text:?}");
            }
        }
    }

    /// It is kept in ASCII, where nothing is invisible.
    #[test]
    fn a_domain_that_needs_a_joiner_is_taken_in_its_ascii_form() {
        assert_eq!(canonical("ana@\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3}.example"), None);
        let ascii = "ana@xn--10cl1a0b660p.example";
        assert_eq!(canonical(ascii).as_deref(), Some(ascii));
    }

    #[test]
    fn length_is_bounded_as_given_and_as_kept() {
        let address = |local: usize| format!("{}@example.com", "a".repeat(local));
        assert!(Email::parse(&address(242)).is_ok());
        assert!(Email::parse(&address(243)).is_err());
        // Trimming comes first.
        assert!(Email::parse(&format!("{}{}", " ".repeat(300), address(242))).is_ok());
        // NFKC turns the 3 bytes of U+33C2 into `a.m.`.
        assert!(Email::parse(&format!("{}@example.com", "\u{33c2}".repeat(70))).is_err());
        assert!(Email::parse(&format!("ana@{}.example", "a".repeat(64))).is_err());
    }

    /// Planes 4 to 16 hold no letters.
    #[test]
    fn folding_ends_for_every_character() {
        for c in '\0'..'\u{40000}' {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_again_changes_nothing(text in "\\PC{1,8}@\\PC{1,12}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }

        #[test]
        fn case_makes_no_difference(text in "[a-z\\u{e0}-\\u{f6}.+-]{1,12}@[a-z\\u{e0}-\\u{f6}]{1,12}\\.example") {
            prop_assert_eq!(Email::parse(&text.to_uppercase()), Email::parse(&text));
        }
    }
}
