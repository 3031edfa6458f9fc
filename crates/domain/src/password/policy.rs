//! Which new passwords are refused (NIST 800-63B-4, section 3.1.1.2). There are
//! no rules about kinds of characters, and no expiry: NIST forbids both.

use std::cmp::Reverse;

use zeroize::Zeroizing;

use super::Password;
use crate::email::Email;

/// A password at rank r of the list of common ones takes zxcvbn at most r + 1
/// guesses, and whatever it has to put together from two parts at least 15,000.
/// So this refuses the 10,000 most common, and besides them only passwords that
/// are guessed as soon as a whole: one word, a keyboard row, a repetition of these.
const COMMON_GUESSES: u64 = 10_001;

/// The longest of the common passwords; longer ones are common only as the
/// repetition of a shorter one. zxcvbn's time grows with the square of the
/// length, to a second at 100 characters; at 20 it is well below 100 ms.
const LONGEST_COMMON: usize = 20;

/// What is no longer than this makes no password by being repeated, whatever it
/// is: to try every one takes no time.
const LONGEST_TRIVIAL_UNIT: usize = 4;

/// What a new password must not be made of.
#[derive(Clone, Copy, Debug)]
pub struct NewPasswordContext<'a> {
    /// The portal's display name.
    pub portal_name: &'a str,
    /// The portal's id.
    pub portal_id: &'a str,
    /// The customer's address.
    pub email: &'a Email,
}

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordPolicyViolation {
    /// Fewer characters than the portal asks for.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The least number of characters.
        min: u32,
    },
    /// Among the first that anybody would guess.
    #[error("is one of the most common passwords, or repeats one or a few characters")]
    Common,
    /// Made of the portal's name or the email address.
    #[error("must be more than the name of the portal or the email address")]
    ContainsName,
}

/// Judges a password that somebody wants to have. Not for one that is being
/// verified: old passwords stay valid when the policy changes.
///
/// `min_length` is in characters of the normalized password. May take some tens
/// of milliseconds of one core for a password chosen to that end.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_new(
    password: &Password,
    min_length: u32,
    context: &NewPasswordContext<'_>,
) -> Result<(), PasswordPolicyViolation> {
    let length = password.as_str().chars().count();
    if length < usize::try_from(min_length).unwrap_or(usize::MAX) {
        return Err(PasswordPolicyViolation::TooShort { min: min_length });
    }
    if is_made_of_names(password, context) {
        return Err(PasswordPolicyViolation::ContainsName);
    }
    if is_common(password) {
        return Err(PasswordPolicyViolation::Common);
    }
    Ok(())
}

/// Whether the password, or what it repeats, is guessed early. The list is in
/// lower case; capitals make no password less common.
fn is_common(password: &Password) -> bool {
    let lower_case = Zeroizing::new(password.as_str().to_lowercase());
    is_guessed_early(&lower_case)
        || repeated_unit(&lower_case).is_some_and(|unit| {
            unit.chars().count() <= LONGEST_TRIVIAL_UNIT || is_guessed_early(unit)
        })
}

/// Whether `text` is among the common passwords.
fn is_guessed_early(text: &str) -> bool {
    text.chars().count() <= LONGEST_COMMON && zxcvbn::zxcvbn(text, &[]).guesses() <= COMMON_GUESSES
}

/// The shortest unit that repeated gives `text`, the last time perhaps cut off.
fn repeated_unit(text: &str) -> Option<&str> {
    text.char_indices()
        .skip(1)
        .map(|(end, _)| text.split_at(end))
        .find_map(|(unit, rest)| text.starts_with(rest).then_some(unit))
}

/// Whether nothing but names, digits and punctuation stands in the password.
/// A name beside other words is fine: NIST has the whole password compared,
/// with the names and what derives from them.
fn is_made_of_names(password: &Password, context: &NewPasswordContext<'_>) -> bool {
    let email = context.email;
    let mut names = [context.portal_name, context.portal_id, email.as_str(), email.local_part()]
        .map(letters_and_digits);
    // The longest first: `acme` must not break up `acmebilling`.
    names.sort_by_key(|name| Reverse(name.len()));

    let whole = letters_and_digits(password.as_str());
    let mut rest = whole.clone();
    for name in names.iter().filter(|name| !name.is_empty()) {
        rest = Zeroizing::new(rest.replace(name.as_str(), ""));
    }
    rest.len() < whole.len() && !rest.contains(char::is_alphabetic)
}

/// What is left when case, spaces and punctuation do not matter.
fn letters_and_digits(text: &str) -> Zeroizing<String> {
    let lower_case = Zeroizing::new(text.to_lowercase());
    Zeroizing::new(lower_case.chars().filter(|c| c.is_alphanumeric()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, min_length: u32) -> Result<(), PasswordPolicyViolation> {
        let email = Email::parse("ana.diaz@example.com").unwrap();
        let context =
            NewPasswordContext { portal_name: "Acme Billing", portal_id: "acme", email: &email };
        check_new(&Password::parse(password).unwrap(), min_length, &context)
    }

    #[test]
    fn length_is_counted_in_characters_of_the_normalized_password() {
        let too_short = Err(PasswordPolicyViolation::TooShort { min: 15 });
        assert_eq!(check("correct horse b", 15), Ok(()));
        assert_eq!(check("correct horse ", 15), too_short);
        assert_eq!(check("\u{1f40e}\u{1f50b}\u{1f4ce}\u{2705}", 15), too_short); // 15 bytes
        assert_eq!(check("e\u{301}e\u{301}e\u{301}e\u{301}lectrique", 15), too_short);
    }

    #[test]
    fn refuses_the_most_common_passwords_whatever_their_case() {
        for password in [
            "password",
            "PassWord",
            "12345678",
            "11111111",
            "iloveyou",
            "123456789qwerty",
            "1qaz2wsx3edc4rfv",
            "123456789987654321",
            "passwordpassword",
            "aaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(check(password, 8), Err(PasswordPolicyViolation::Common), "{password}");
        }
    }

    #[test]
    fn refuses_repetitions_of_little_or_of_a_common_password_at_any_length() {
        for password in [
            "a".repeat(21),
            "\u{43f}".repeat(256),
            "x7Kq".repeat(6),
            "Password".repeat(3),
            "1234567890".repeat(3),
            "qwertyuiop".repeat(3),
            "letmein".repeat(3),
            "123456789012345".to_owned(), // the second time cut off
            "passwordpasswordpasswordpass".to_owned(),
        ] {
            assert_eq!(check(&password, 8), Err(PasswordPolicyViolation::Common), "{password}");
        }
    }

    #[test]
    fn a_repeated_unit_is_the_shortest_and_the_last_may_be_cut_off() {
        for (text, unit) in [
            ("aaaa", Some("a")),
            ("abab", Some("ab")),
            ("abcabca", Some("abc")),
            ("\u{e9}t\u{e9}t", Some("\u{e9}t")),
            ("\u{e9}\u{e8}", None), // one first byte
            ("abcd", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(repeated_unit(text), unit, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_made_of_the_names() {
        for password in [
            "acmeacmeacmeacme",
            "Acme-Billing-2026",
            "acme billing 1!",
            "ana.diaz@example.com",
            "ANA DIAZ 1990!!!",
            "acme+ana.diaz+2026",
        ] {
            assert_eq!(
                check(password, 8),
                Err(PasswordPolicyViolation::ContainsName),
                "{password}"
            );
        }
    }

    #[test]
    fn accepts_everything_else() {
        for password in [
            "correct horse battery",
            "my acme billing password",
            "8371 2934 1932 0047",
            "\u{442}\u{440}\u{438} \u{442}\u{43e}\u{43f}\u{43e}\u{43b}\u{44f} \u{43d}\u{430} \u{43f}",
            "x7Kq9x7Kq9x7Kq9x7Kq9x7Kq9",
            "correct horse correct horse",
            "4@8({[<3691!|7170$5+7%24@8({[<3691!|7170$5+7%2",
        ] {
            assert_eq!(check(password, 15), Ok(()), "{password}");
        }
    }
}
