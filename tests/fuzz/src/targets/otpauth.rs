//! An authenticator reads in a key URI exactly what was put in it.

use data_encoding::BASE32_NOPAD;
use gatehouse_domain::email::Email;
use gatehouse_domain::portal::check_issuer;
use gatehouse_domain::totp::{TotpAlgorithm, TotpParameters, TotpSecret, otpauth_uri, qr_svg};
use percent_encoding::percent_decode_str;

use crate::input::{self, Input};

pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let algorithm =
        *input.pick(&[TotpAlgorithm::Sha1, TotpAlgorithm::Sha256, TotpAlgorithm::Sha512]);
    let (digits, period) = (input.byte(), u32::from(u16::from_le_bytes(input.array())));
    let parameters = TotpParameters::new(algorithm, digits, period);
    let good = (6..=8).contains(&digits) && (15..=300).contains(&period);
    assert_eq!(parameters.is_ok(), good);
    let parameters = parameters.unwrap_or_default();

    let length = input.below(65);
    let secret = TotpSecret::from_bytes(input.bytes(length));
    let issuer = input.text();
    let Some(Ok(email)) = input::text(input.rest()).map(Email::parse) else { return };
    if check_issuer(&issuer).is_ok() {
        reads_back(&issuer, email.as_str(), &secret, parameters);
    }
}

fn reads_back(issuer: &str, email: &str, secret: &TotpSecret, parameters: TotpParameters) {
    let uri = otpauth_uri(issuer, email, secret, &parameters);
    assert!(uri.bytes().all(|c| c.is_ascii_graphic() && !b"+\"<>\\^`{|}#".contains(&c)), "{uri:?}");
    let (label, query) =
        uri.strip_prefix("otpauth://totp/").and_then(|rest| rest.split_once('?')).expect("a URI");
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let (label_issuer, account) = label.split_once(':').expect("both names");
    assert_eq!((decoded(label_issuer), decoded(account)), (issuer.to_owned(), email.to_owned()));

    let pairs = query.split('&').map(|pair| pair.split_once('=').expect("a pair"));
    let read = pairs.collect::<Vec<_>>();
    assert_eq!(
        read.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["secret", "issuer", "algorithm", "digits", "period"]
    );
    assert_eq!(BASE32_NOPAD.decode(read[0].1.as_bytes()).expect("base32"), secret.expose());
    assert_eq!(decoded(read[1].1), issuer);
    assert_eq!(read[3].1, parameters.digits().to_string());
    assert_eq!(read[4].1, parameters.period_seconds().to_string());

    let svg = qr_svg(&uri);
    assert_eq!(svg.is_empty(), uri.len() > 2_953, "{} bytes", uri.len());
    assert!(svg.is_empty() || svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
}
