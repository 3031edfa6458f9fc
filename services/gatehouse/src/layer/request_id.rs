//! The name of one call in the log.

use http::{HeaderMap, HeaderValue};
use rand::CryptoRng;

/// The metadata key, in requests and in answers.
pub const HEADER: &str = "x-request-id";

/// What a call is called in the log: 1 to 64 of `A-Z a-z 0-9 . _ -`. In the
/// extensions of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The one that the caller sent, if it is one and of the right form.
    pub(super) fn given(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(HEADER).iter();
        let (only, None) = (all.next()?, all.next()) else { return None };
        let text = only.to_str().ok()?;
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        ((1..=64).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// A new one. Random, so that nobody can count the calls of others.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as metadata.
    pub(super) fn header(&self) -> HeaderValue {
        // Always of the first kind: an id is printable ASCII.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Option<RequestId> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(text).unwrap());
        RequestId::given(&headers)
    }

    #[test]
    fn a_given_id_is_kept_if_it_is_of_the_right_form() {
        for text in ["a", "req-1_B.2", &"x".repeat(64)] {
            assert_eq!(given(text).unwrap().as_str(), text);
        }
        for text in ["", "a b", "a\"", "a{}", "a\u{202e}", &"x".repeat(65)] {
            assert_eq!(given(text), None, "{text:?}");
        }
        let mut two = HeaderMap::new();
        two.append(HEADER, HeaderValue::from_static("a"));
        two.append(HEADER, HeaderValue::from_static("b"));
        assert_eq!(RequestId::given(&two), None);
    }
}
