//! Two spellings of an address are one identity, and it is kept in one form.

use gatehouse_domain::email::Email;
use gatehouse_domain::text::{is_deceptive, is_default_ignorable};

use crate::input;

pub fn check(bytes: &[u8]) {
    let Some(text) = input::text(bytes) else { return };
    let parsed = Email::parse(text).ok();
    assert_eq!(Email::parse(&format!(" \t{text}\r\n")).ok(), parsed, "white space around it");
    if text.is_ascii() {
        assert_eq!(Email::parse(&text.to_ascii_uppercase()).ok(), parsed, "its case");
    }
    let Some(email) = parsed else { return };
    let kept = email.as_str();
    assert_eq!(Email::parse(kept).as_ref(), Ok(&email));
    assert!((3..=254).contains(&kept.len()));
    let refused = |c: char| c.is_whitespace() || is_deceptive(c) || is_default_ignorable(c);
    assert!(!kept.contains(refused), "{kept:?}");
    assert_eq!(kept.to_lowercase(), kept);
    let (local, domain) = kept.split_once('@').expect("an @");
    assert!(!local.is_empty() && !local.contains('@'));
    let is_of_a_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    assert!(domain.chars().all(is_of_a_name) && domain.len() <= 253, "{domain:?}");
    assert!(domain.split('.').all(|label| (1..=63).contains(&label.len())), "{domain:?}");
}
