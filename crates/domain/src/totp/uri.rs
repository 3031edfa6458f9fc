//! How a secret gets into an authenticator app.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use zeroize::Zeroizing;

use super::{TotpParameters, TotpSecret};

/// All but the unreserved characters (RFC 3986, section 2.3). A space is `%20`:
/// apps show a `+` as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The key URI that authenticator apps take. The account is shown as `issuer` and
/// `email`; the issuer must not hold a colon, which stands between the two.
#[must_use]
pub fn otpauth_uri(
    issuer: &str,
    email: &str,
    secret: &TotpSecret,
    parameters: &TotpParameters,
) -> Zeroizing<String> {
    let issuer = utf8_percent_encode(issuer, RESERVED);
    let label = format!("{issuer}:{}", utf8_percent_encode(email, RESERVED));
    let rest = format!(
        "&issuer={issuer}&algorithm={}&digits={}&period={}",
        parameters.algorithm().of_crate(),
        parameters.digits(),
        parameters.period_seconds(),
    );
    // Joined at once: a string that grows leaves copies of the secret behind.
    let secret = secret.to_base32();
    Zeroizing::new(["otpauth://totp/", &label, "?secret=", &secret, &rest].concat())
}

/// The QR code of `uri` as one `<svg>` element, with its quiet zone. Without an XML
/// declaration, which HTML refuses inside of a page; with its namespace, so that it
/// stands alone as a file too.
///
/// Error correction is at level M, or L for a URI that only fits so. Up to 2,953
/// bytes always fit: any issuer of 100 characters with any email of 150 bytes. What
/// fits at neither level has no code: the result is empty, and the customer types
/// the secret.
#[must_use]
pub fn qr_svg(uri: &str) -> Zeroizing<String> {
    let code = [EcLevel::M, EcLevel::L]
        .into_iter()
        .find_map(|level| QrCode::with_error_correction_level(uri, level).ok());
    let document = code.map(|code| code.render::<svg::Color>().build()).unwrap_or_default();
    let mut element = Zeroizing::new(document);
    let start = element.find("<svg").unwrap_or_default();
    // In place: another string would be another copy of the secret.
    element.drain(..start);
    element
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::totp::TotpAlgorithm;

    fn uri(issuer: &str, email: &str) -> Zeroizing<String> {
        let secret = TotpSecret::from_bytes(&[0xff; 20]);
        otpauth_uri(issuer, email, &secret, &TotpParameters::default())
    }

    #[test]
    fn spaces_are_percent_encoded_and_the_colon_is_not() {
        assert_eq!(
            uri("Acme & Co", "ana+1@example.com").as_str(),
            "otpauth://totp/Acme%20%26%20Co:ana%2B1%40example.com\
             ?secret=77777777777777777777777777777777\
             &issuer=Acme%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn a_qr_code_is_one_svg_element_with_its_quiet_zone() {
        let svg = qr_svg(&uri("Acme", "ana@example.com"));
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" "), "{}", *svg);
        assert!(svg.ends_with("</svg>"));
        assert!(!svg.contains("<?") && !svg.contains("<!"));
        // The first dark module: 4 modules of 8 pixels from either edge.
        assert!(svg.contains(" d=\"M32 32h"));
    }

    #[test]
    fn any_issuer_with_an_email_of_150_bytes_has_a_qr_code() {
        // Four bytes each, all of them escaped.
        let issuer = "\u{1f511}".repeat(100);
        let email = format!("{}@example.com", "\u{1f511}".repeat(34));
        assert!(!qr_svg(&uri(&issuer, &email)).is_empty());
    }

    #[test]
    fn a_qr_code_holds_2953_bytes_and_there_is_none_beyond() {
        assert!(!qr_svg(&"a".repeat(2_953)).is_empty());
        assert!(qr_svg(&"a".repeat(2_954)).is_empty());
    }

    proptest! {
        #[test]
        fn parsing_gives_back_what_was_printed(
            issuer in "[^:\\pC]{1,100}",
            email in "\\PC{1,30}@\\PC{1,30}",
            secret in proptest::collection::vec(any::<u8>(), 1..64),
            algorithm in prop::sample::select(vec![
                (TotpAlgorithm::Sha1, "SHA1"),
                (TotpAlgorithm::Sha256, "SHA256"),
                (TotpAlgorithm::Sha512, "SHA512"),
            ]),
            digits in 6..=8_u8,
            period in 15..=300_u32,
        ) {
            let (algorithm, algorithm_name) = algorithm;
            let secret = TotpSecret::from_bytes(&secret);
            let parameters = TotpParameters::new(algorithm, digits, period)?;
            let uri = otpauth_uri(&issuer, &email, &secret, &parameters);

            let url = Url::parse(&uri)?;
            prop_assert_eq!((url.scheme(), url.host_str()), ("otpauth", Some("totp")));
            let label = percent_encoding::percent_decode_str(url.path()).decode_utf8()?;
            prop_assert_eq!(label, format!("/{issuer}:{email}"));
            let pairs = url.query_pairs().into_owned().collect::<Vec<_>>();
            let expected = [
                ("secret", secret.to_base32().to_string()),
                ("issuer", issuer),
                ("algorithm", algorithm_name.to_owned()),
                ("digits", digits.to_string()),
                ("period", period.to_string()),
            ];
            prop_assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value)));
            prop_assert!(!uri.contains('+'));
        }
    }
}
