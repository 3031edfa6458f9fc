//! Parts of texts that several formats share.

use data_encoding::{BASE64_NOPAD, Encoding, HEXLOWER_PERMISSIVE};
use data_encoding_macro::new_encoding;
use zeroize::Zeroizing;

/// The alphabet of crypt's bcrypt, in the order of ASCII. The last bits of a salt are not
/// looked at: some libraries set them.
const BCRYPT: Encoding = new_encoding! {
    symbols: "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    check_trailing_bits: false,
};

/// Standard base64, padded or not; with `.` for `+` as passlib has it.
pub(super) fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = Zeroizing::new(text.trim_end_matches('=').replace('.', "+"));
    BASE64_NOPAD.decode(text.as_bytes()).map(Zeroizing::new).ok()
}

pub(super) fn bcrypt_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    BCRYPT.decode(text.as_bytes()).map(Zeroizing::new).ok()
}

pub(super) fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map(Zeroizing::new).ok()
}

/// The text's own bytes.
pub(super) fn bytes(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

/// A number in decimal digits alone.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Exactly as many parts as asked for, between `separator`s.
pub(super) fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let parts: Vec<_> = text.split(separator).take(N + 1).collect();
    parts.try_into().ok()
}

/// The numbers of `names`, in their order: `m=19456,t=2,p=1`.
pub(super) fn parameters<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let parts = parts::<N>(text, ',')?;
    let mut values = [0; N];
    for ((value, part), name) in values.iter_mut().zip(parts).zip(names) {
        *value = number(part.strip_prefix(name)?.strip_prefix('=')?)?;
    }
    Some(values)
}
