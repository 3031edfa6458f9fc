//! What an authenticator app and this server share.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use rand::CryptoRng;
use totp_rs::Secret;
use zeroize::Zeroizing;

use crate::field::Malformed;

/// RFC 4226, section 4, R6, recommends 160 bits.
const BYTES: usize = 20;
/// Of a secret from elsewhere: some systems made 80 bits, where RFC 4226 asks for at
/// least 128. No hash function takes more than a block of 128 bytes in whole.
const IMPORTED_BYTES: std::ops::RangeInclusive<usize> = 10..=128;

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

    /// From base32 (RFC 4648, section 6) as other systems show it: of any case, with
    /// spaces, dashes and padding or without.
    ///
    /// # Errors
    /// If it is something else, or not of 10 to 128 bytes.
    pub fn from_base32(text: &str) -> Result<Self, Malformed> {
        const RULE: Malformed = Malformed("a secret of 10 to 128 bytes in base32");
        let length = *IMPORTED_BYTES.end() * 2;
        if text.len() > length * 2 {
            return Err(RULE);
        }
        // Room for the longest one: a string that grows leaves copies behind.
        let mut digits = Zeroizing::new(String::with_capacity(length * 2));
        let shown = text.trim_end_matches('=').chars().filter(|c| !matches!(c, ' ' | '-'));
        digits.extend(shown.map(|c| c.to_ascii_uppercase()));
        let bytes = BASE32_NOPAD.decode(digits.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.ok().filter(|bytes| IMPORTED_BYTES.contains(&bytes.len())).ok_or(RULE)?;
        Ok(Self::from_bytes(&bytes))
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
    fn base32_is_read_as_other_systems_show_it() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890");
        let shown = secret.to_base32();
        for text in [
            shown.to_string(),
            shown.to_lowercase(),
            "gezd gnbv-gy3t qojq GEZD gnbv gy3t qojq".to_owned(),
            format!("{}====", *shown),
        ] {
            assert_eq!(TotpSecret::from_base32(&text).unwrap().expose(), secret.expose(), "{text}");
        }
        let of = |bytes: usize| TotpSecret::from_bytes(&vec![7; bytes]).to_base32();
        for (bytes, good) in [(9, false), (10, true), (128, true), (129, false), (400, false)] {
            assert_eq!(TotpSecret::from_base32(&of(bytes)).is_ok(), good, "{bytes}");
        }
        for text in ["", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQG", "\u{e9}EZDGNBVGY3TQOJQ"] {
            assert!(TotpSecret::from_base32(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_does_not_show_it() {
        let secret = TotpSecret::from_bytes(b"hunter2");
        assert_eq!(format!("{secret:?}"), "TotpSecret(redacted)");
    }
}
