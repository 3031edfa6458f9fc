//! The session token that a request carries.
//!
//! One split of the cookies serves both to find the token and to take it away, so that the
//! two cannot disagree about what a cookie is.

use std::collections::HashMap;

use gatehouse_domain::vault::{Token, TokenKind};

/// What a request has for a token, in its Authorization header and in its cookies.
pub enum Presented {
    /// Nothing.
    Nothing,
    /// A token by its form.
    One(Token),
    /// Something that is no token.
    Malformed,
    /// Several that are not the same. Whichever was believed, an attacker could have
    /// added the other: RFC 6750, section 2.
    Several,
}

impl Presented {
    /// Of a request with these headers, whose token may be in the cookie `cookie`.
    #[must_use]
    pub fn of(headers: &HashMap<String, String>, cookie: &str) -> Self {
        let bearer = headers.get("authorization").and_then(|value| bearer(value));
        let cookies = headers.get("cookie").into_iter().flat_map(|text| pairs(text));
        let of_name = cookies.filter_map(|(_, name, value)| (name == cookie).then_some(value));
        let mut all = bearer.into_iter().chain(of_name);
        let Some(first) = all.next() else { return Self::Nothing };
        if all.any(|other| other != first) {
            return Self::Several;
        }
        Token::parse(TokenKind::Session, first).map_or(Self::Malformed, Self::One)
    }
}

/// What follows the scheme, if that is `Bearer`. Another scheme is not gatehouse's.
fn bearer(value: &str) -> Option<&str> {
    // RFC 9110, section 11.1: a scheme is matched without regard to case.
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The cookies of a header, as they stand there, with names and values: RFC 6265,
/// section 4.2.1. What is no pair has a name alone.
fn pairs(header: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    header.split(';').map(|pair| pair.trim_matches([' ', '\t'])).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (pair, name.trim_end_matches([' ', '\t']), value.trim_start_matches([' ', '\t']))
    })
}

/// A cookie header without the cookies of this name; none where no other is in it.
#[must_use]
pub fn without(header: &str, cookie: &str) -> Option<String> {
    let others = pairs(header).filter(|(pair, name, _)| *name != cookie && !pair.is_empty());
    let others: Vec<_> = others.map(|(pair, ..)| pair).collect();
    (!others.is_empty()).then(|| others.join("; "))
}
