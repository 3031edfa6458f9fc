//! Who may use the console.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use axum_extra::extract::CookieJar;

use super::Console;
use crate::secret::Secret;
use crate::web;

/// The cookie of a signed-in administrator. Browsers take a `__Host-` cookie from this host alone.
pub const COOKIE: &str = "__Host-console";

/// Who may use the console. A company would sign its staff in by what it has for that; here there is
/// one person with one password.
pub struct Administrator {
    email: String,
    password: Secret,
    /// What the cookie of a signed-in administrator holds.
    session: Secret,
}

impl Administrator {
    /// With a password, and a session of this run alone.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn new(email: &str, password: Secret) -> Result<Self, rand::rngs::SysError> {
        Ok(Self { email: email.to_owned(), password, session: Secret::generate()? })
    }

    /// The session to hold in a cookie; None where it is not the administrator. Guesses are not counted:
    /// nobody guesses 128 random bits.
    pub fn sign_in(&self, email: &str, password: &str) -> Option<&Secret> {
        let right = self.password.is(password) & email.trim().eq_ignore_ascii_case(&self.email);
        right.then_some(&self.session)
    }
}

/// Proof that the administrator is signed in. Who is not is sent to do so.
pub struct SignedIn;

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let cookies = CookieJar::from_headers(&parts.headers);
        match cookies.get(COOKIE) {
            Some(cookie) if console.administrator.session.is(cookie.value()) => Ok(Self),
            _ => Err(web::see_other("/sign-in")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_both_the_address_and_the_password() {
        let password = Secret::generate().unwrap();
        let olga = Administrator::new("olga@acme.example", password.clone()).unwrap();
        assert!(olga.sign_in(" Olga@acme.example", password.expose()).is_some());
        assert!(olga.sign_in("ana@acme.example", password.expose()).is_none());
        assert!(olga.sign_in("olga@acme.example", "password").is_none());
    }
}
