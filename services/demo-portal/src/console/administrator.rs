//! Who may use the console.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use rand::rngs::SysError;

use super::Console;
use crate::secret::Secret;
use crate::web;

/// The cookie of a signed-in administrator. Browsers take a `__Host-` cookie from this host alone.
pub const COOKIE: &str = "__Host-console";

/// How long a session lasts: a working day.
const SESSION: Duration = Duration::from_hours(8);

/// Who may use the console. A company would sign its staff in by what it has for that; here there is
/// one person with one password, in one browser at a time.
pub struct Administrator {
    email: String,
    password: Secret,
    /// What the cookie holds, and since when. None while nobody is signed in.
    session: Mutex<Option<(Secret, Instant)>>,
}

impl Administrator {
    /// With a password.
    pub fn new(email: &str, password: Secret) -> Self {
        Self { email: email.to_owned(), password, session: Mutex::new(None) }
    }

    /// Whether somebody is the administrator. Guesses are not counted: nobody guesses 128 random bits.
    pub fn is(&self, email: &str, password: &str) -> bool {
        self.password.is(password) && email.trim().eq_ignore_ascii_case(&self.email)
    }

    /// A new session, which ends the one before.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn sign_in(&self) -> Result<Secret, SysError> {
        let session = Secret::generate()?;
        self.set_session(Some((session.clone(), Instant::now())));
        Ok(session)
    }

    /// Ends the session.
    pub fn sign_out(&self) {
        self.set_session(None);
    }

    fn set_session(&self, session: Option<(Secret, Instant)>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    fn is_session(&self, text: &str) -> bool {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session
            .as_ref()
            .is_some_and(|(session, began)| session.is(text) && began.elapsed() < SESSION)
    }
}

/// Proof that the administrator is signed in. Who is not is sent to do so.
pub struct SignedIn;

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let cookies = CookieJar::from_headers(&parts.headers);
        match cookies.get(COOKIE) {
            Some(cookie) if console.administrator.is_session(cookie.value()) => Ok(Self),
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
        let olga = Administrator::new("olga@acme.example", password.clone());
        assert!(olga.is(" Olga@acme.example", password.expose()));
        assert!(!olga.is("ana@acme.example", password.expose()));
        assert!(!olga.is("olga@acme.example", "password"));
    }

    #[test]
    fn a_session_ends_with_the_next_and_with_signing_out() {
        let olga = Administrator::new("olga@acme.example", Secret::generate().unwrap());
        assert!(!olga.is_session(""));
        let first = olga.sign_in().unwrap();
        assert!(olga.is_session(first.expose()) && !olga.is_session(""));
        let second = olga.sign_in().unwrap();
        assert!(!olga.is_session(first.expose()) && olga.is_session(second.expose()));
        olga.sign_out();
        assert!(!olga.is_session(second.expose()));
    }
}
