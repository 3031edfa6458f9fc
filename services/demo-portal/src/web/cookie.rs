//! Cookies that hold a secret.

use axum_extra::extract::cookie::{Cookie, SameSite};

/// A cookie for this host alone, which no script reads and no other site sends along with a form.
/// Lax and not Strict: who comes from a link in a mail would look signed out. It ends with the
/// browser; what it holds ends when gatehouse says so.
pub fn secret_cookie(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .build()
}

/// The cookie that takes this one away: browsers look at its attributes too.
pub fn clear(name: &'static str) -> Cookie<'static> {
    let mut cookie = secret_cookie(name, String::new());
    cookie.make_removal();
    cookie
}
