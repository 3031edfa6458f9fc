//! A token has one spelling and one kind.

use data_encoding::BASE64URL_NOPAD;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::vault::{Token, TokenKind};

use crate::input;

const KINDS: [TokenKind; 5] = [
    TokenKind::AdminKey,
    TokenKind::PortalKey,
    TokenKind::SignIn,
    TokenKind::Session,
    TokenKind::Invitation,
];

pub fn check(bytes: &[u8]) {
    if let Some(text) = input::text(bytes) {
        a_text_is_of_one_kind_at_most(text);
    }
    if let Some(secret) = bytes.first_chunk::<32>() {
        every_secret_has_a_token(secret);
    }
}

fn a_text_is_of_one_kind_at_most(text: &str) {
    let tokens = KINDS.map(|kind| Token::parse(kind, text).ok().map(|token| (kind, token)));
    assert!(tokens.iter().flatten().count() <= 1);
    for (kind, token) in tokens.iter().flatten() {
        assert_eq!(token.expose(), text);
        assert!(text.len() == 47 && text.starts_with(kind.prefix()));
        assert!(!format!("{token:?}").contains(&text[4..]));
    }
    match SignInToken::parse(text) {
        Ok(SignInToken::Start(start)) => assert_eq!(*start, text),
        Ok(SignInToken::Proven(token)) => assert_eq!(token.expose(), text),
        Err(_) => assert!(tokens.iter().flatten().all(|(kind, _)| *kind != TokenKind::SignIn)),
    }
}

fn every_secret_has_a_token(secret: &[u8; 32]) {
    for kind in KINDS {
        let text = format!("{}{}", kind.prefix(), BASE64URL_NOPAD.encode(secret));
        let token = Token::parse(kind, &text).expect("a token");
        assert_eq!(token.expose(), text);
    }
}
