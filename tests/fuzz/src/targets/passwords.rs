//! However a password is typed, it is judged as the same one.

use gatehouse_domain::email::Email;
use gatehouse_domain::password::{
    NewPasswordContext, Password, PasswordPolicyViolation, check_new,
};
use unicode_normalization::UnicodeNormalization;

use crate::input::{self, Input};

pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let min_length = 8 + u32::from(input.byte() % 57);
    let portal_name = input.text();
    let local = input.text();
    let email = Email::parse(&format!("{local}@example.com"))
        .unwrap_or_else(|_| Email::parse("ana@example.com").unwrap());
    let context =
        NewPasswordContext { portal_name: &portal_name, portal_id: "acme", email: &email };
    if let Some(text) = input::text(input.rest()) {
        one_password_has_one_verdict(text, min_length, &context);
    }
}

fn one_password_has_one_verdict(text: &str, min_length: u32, context: &NewPasswordContext<'_>) {
    let normalized = text.nfkc().collect::<String>();
    assert_eq!(normalized.nfkc().collect::<String>(), normalized);
    let Ok(password) = Password::parse(text) else {
        let is_bad = text.is_empty() || text.len() > 1_024 || normalized.chars().count() > 256;
        assert!(is_bad, "a good password is taken");
        return;
    };
    let characters = normalized.chars().count();
    assert!(text.len() <= 1_024 && (1..=256).contains(&characters));
    assert_eq!(format!("{password:?}"), "Password(redacted)");
    let verdict = check_new(&password, min_length, context);
    // The normalized form of few bytes may have too many.
    if let Ok(again) = Password::parse(&normalized) {
        assert_eq!(check_new(&again, min_length, context), verdict);
    }
    let is_short = characters < usize::try_from(min_length).unwrap();
    let too_short = PasswordPolicyViolation::TooShort { min: min_length };
    assert_eq!(verdict == Err(too_short), is_short);
    // Neither is anything else refused for its length.
    if !is_short {
        assert_eq!(check_new(&password, 0, context), verdict);
    }
}
