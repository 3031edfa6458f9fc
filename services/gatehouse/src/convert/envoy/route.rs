//! What the configuration of Envoy says of a route, as `context_extensions`.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::Assurance;
use http::HeaderName;

use crate::convert::fields::{Fields, parse_duration};
use crate::convert::session;
use crate::error::AppError;
use crate::usecase::sessions::Requirements;

/// The cookie of the examples.
const COOKIE: &str = "__Host-session";
const MAX_REALM_BYTES: usize = 100;

/// What is asked of the requests of a route, and how they are answered.
#[derive(Debug)]
pub struct Route {
    /// Of the session.
    pub require: Requirements,
    /// The name of the cookie that may hold its token.
    pub cookie: String,
    /// Whether the upstream is to see the token.
    pub keeps_token: bool,
    /// What is said to be protected; the portal where none is given.
    realm: Option<String>,
}

impl Route {
    /// From what is given. Notes every key that is none and every value that cannot be used.
    pub(super) fn parse(fields: &mut Fields, given: HashMap<String, String>) -> Self {
        let mut route = Self {
            require: Requirements { assurance: None, max_authentication_age: None, passive: false },
            cookie: COOKIE.to_owned(),
            keeps_token: false,
            realm: None,
        };
        // In order, so that what is said of it is the same every time.
        for (key, value) in given.into_iter().collect::<BTreeMap<_, _>>() {
            let field = format!("context_extensions.{key}");
            let field = field.as_str();
            match key.as_str() {
                "min_assurance" => {
                    route.require.assurance = fields.take(field, assurance(&value));
                }
                "max_authentication_age" => {
                    route.require.max_authentication_age = fields.take(field, age(&value));
                }
                "passive" => {
                    route.require.passive = fields.take(field, switch(&value)).unwrap_or_default();
                }
                "cookie" => {
                    route.cookie = fields.take(field, cookie_name(value)).unwrap_or_default();
                }
                "keep_token" => {
                    route.keeps_token = fields.take(field, switch(&value)).unwrap_or_default();
                }
                "realm" => route.realm = fields.take(field, quotable(value)),
                _ => fields.note(field, "is nothing that gatehouse knows"),
            }
        }
        route
    }

    /// How a client can get what this route asks for, after `error` or where it sent no
    /// token at all: the value of `WWW-Authenticate`. None where it cannot, or where
    /// nothing is known about its token.
    #[must_use]
    pub fn challenge(&self, error: Option<&AppError>, portal: &Portal) -> Option<String> {
        let realm = self.realm.as_deref().unwrap_or(portal.id.as_str());
        let mut parts = vec![format!("Bearer realm=\"{realm}\"")];
        match error {
            None => {}
            Some(AppError::SessionInvalid { .. }) => {
                parts.push("error=\"invalid_token\"".to_owned());
            }
            Some(AppError::RequestInvalid(_)) => {
                parts.push("error=\"invalid_request\"".to_owned());
                parts.push("error_description=\"more than one session token\"".to_owned());
            }
            // RFC 9470, section 3.
            Some(AppError::ReauthenticationRequired { .. }) => {
                parts.push("error=\"insufficient_user_authentication\"".to_owned());
                let Requirements { assurance, max_authentication_age, .. } = self.require;
                let name = assurance.map(|assurance| session::assurance(assurance).as_str_name());
                parts.extend(name.map(|name| format!("acr_values=\"{name}\"")));
                let age = max_authentication_age.map(|age| age.as_secs());
                parts.extend(age.map(|age| format!("max_age=\"{age}\"")));
            }
            Some(_) => return None,
        }
        Some(parts.join(", "))
    }
}

/// The contract's name of what is asked for. Not "unspecified": whoever writes that down
/// means something else than nothing.
fn assurance(name: &str) -> Result<Assurance, &'static str> {
    let value = v1::Assurance::from_str_name(name).unwrap_or_default();
    session::parse_assurance(value.into())
        .ok()
        .flatten()
        .ok_or("must be ASSURANCE_PASSWORD or ASSURANCE_MULTI_FACTOR")
}

/// A span of time as protobuf writes it in JSON.
fn age(text: &str) -> Result<Duration, &'static str> {
    let duration = prost_types::Duration::from_str(text).ok();
    duration
        .and_then(|duration| parse_duration(&duration).ok())
        .ok_or("must be a number of seconds and an s, such as 300s")
}

fn switch(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

/// RFC 6265, section 4.1.1: a token, as names of headers are.
fn cookie_name(text: String) -> Result<String, &'static str> {
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(_) => Ok(text),
        Err(_) => Err("must be the name of a cookie"),
    }
}

/// What may stand between quotes as it is: RFC 9110, section 5.6.4.
fn quotable(text: String) -> Result<String, &'static str> {
    let is_plain = |c: u8| (c == b' ' || c.is_ascii_graphic()) && c != b'"' && c != b'\\';
    if (1..=MAX_REALM_BYTES).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text)
    } else {
        Err("must be 1 to 100 printable ASCII characters without quotes and backslashes")
    }
}
