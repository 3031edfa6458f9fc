//! What an authenticator app and this server share.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use rand::CryptoRng;
use totp_rs::Secret;
use zeroize::Zeroizing;

/// RFC 4226, section 4, R6, recommends 160 bits.
const BYTES: usize = 20;

/// The key of a factor's HMAC. Wiped when dropped, and never printed.
pub struct TotpSecret(Secret);

impl TotpSecret {
    /// A new one of 160 bits.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        // Boxed before it is filled: moving an array would leave copies behind.
        let mut bytes = Box::new([0; BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(Secret::new(bytes))
    }

    /// From what [`Self::expose`] gave, of any length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Secret::from(bytes))
    }

    /// The key itself, to be sealed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What a customer types into an app: base32 (RFC 4648, section 6) without
    /// padding.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.expose()))
    }

    pub(super) fn into_inner(self) -> Secret {
        self.0
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_new_secret_is_160_random_bits() {
        let mut rng = StdRng::seed_from_u64(1);
        let [one, other] = [(); 2].map(|()| TotpSecret::generate(&mut rng));
        assert_eq!(one.expose().len(), 20);
        assert_eq!(one.to_base32().len(), 32);
        assert_ne!(one.expose(), other.expose());
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_has_no_padding() {
        for (bytes, text) in [("f", "MY"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")] {
            let secret = TotpSecret::from_bytes(bytes.as_bytes());
            assert_eq!(secret.to_base32().as_str(), text);
        }
    }

    #[test]
    fn debug_does_not_show_it() {
        let secret = TotpSecret::from_bytes(b"hunter2");
        assert_eq!(format!("{secret:?}"), "TotpSecret(redacted)");
    }
}
