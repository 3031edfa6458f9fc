//! Secrets of this program's own.

use data_encoding::BASE64URL_NOPAD;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use subtle::ConstantTimeEq;

/// Something that only its holder knows: 128 random bits, as text.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn generate() -> Result<Self, SysError> {
        let mut bytes = [0; 16];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Whether this is it, in a time that does not tell how much of it is right.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// The text, for the one who is to know it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_is_it() {
        let secret = Secret::generate().unwrap();
        let other = Secret::generate().unwrap();
        assert!(secret.is(secret.expose()));
        assert!(!secret.is(other.expose()) && !secret.is("") && !secret.is(&secret.expose()[1..]));
        assert_eq!(secret.expose().len(), 22);
    }
}
