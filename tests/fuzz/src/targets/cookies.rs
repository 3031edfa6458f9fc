//! A request has one session token or none, and no upstream finds what was taken away.

use std::collections::HashMap;

use gatehouse::convert::envoy::{Presented, without};

use crate::input;

const NAME: &str = "sid";

/// An Authorization header, and in the next line the cookies.
pub fn check(bytes: &[u8]) {
    let Some(text) = input::text(bytes) else { return };
    let (authorization, cookies) = text.split_once('\n').unwrap_or(("", text));
    a_token_is_one_that_was_sent(authorization, cookies);
    nothing_of_the_name_is_left(cookies);
}

fn presented(authorization: Option<&str>, cookies: Option<&str>) -> Presented {
    let headers = [("authorization", authorization), ("cookie", cookies)];
    let sent = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let headers: HashMap<_, _> =
        sent.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Presented::of(&headers, NAME)
}

fn a_token_is_one_that_was_sent(authorization: &str, cookies: &str) {
    let by_header = presented(Some(authorization), None);
    let by_cookie = presented(None, Some(cookies));
    let by_both = presented(Some(authorization), Some(cookies));
    match (by_header, by_cookie, by_both) {
        (Presented::Nothing, Presented::Nothing, Presented::Nothing)
        | (Presented::Nothing, Presented::Malformed, Presented::Malformed)
        | (Presented::Malformed, Presented::Nothing | Presented::Malformed, Presented::Malformed)
        | (_, _, Presented::Several) => {}
        (Presented::One(token), Presented::Nothing, Presented::One(both)) => {
            assert!(token.expose() == both.expose() && authorization.ends_with(token.expose()));
        }
        (Presented::Nothing, Presented::One(token), Presented::One(both)) => {
            assert!(token.expose() == both.expose() && cookies.contains(token.expose()));
        }
        (Presented::One(one), Presented::One(other), Presented::One(both)) => {
            assert!(one.expose() == other.expose() && other.expose() == both.expose());
        }
        _ => panic!("{authorization:?} {cookies:?}"),
    }
}

fn nothing_of_the_name_is_left(cookies: &str) {
    let Some(left) = without(cookies, NAME) else { return };
    assert!(matches!(presented(None, Some(&left)), Presented::Nothing), "{cookies:?}");
    assert_eq!(without(&left, NAME).as_deref(), Some(left.as_str()));
    // As upstreams do that are content with less than a semicolon and a space.
    assert!(
        left.split("; ").all(|pair| !pair.trim_start_matches([' ', '\t']).starts_with("sid=")),
        "{left:?}"
    );
    assert!(left.len() <= cookies.len() + cookies.matches(';').count());
}
