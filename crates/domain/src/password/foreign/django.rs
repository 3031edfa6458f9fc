//! `function$…$…`: what Django's hashers encode. Salts are texts, and hashed as such.

use super::algorithm::{Algorithm, Digest, SCRYPT};
use super::encoding::{base64, bytes, number, parts};
use super::{ForeignHash, Preparation, UNKNOWN, modular};
use crate::field::Malformed;

/// A text with a `$` that does not begin with one.
pub(super) fn parse(text: &str) -> Result<ForeignHash, Malformed> {
    let (function, rest) = text.split_once('$').ok_or(UNKNOWN)?;
    match function {
        "pbkdf2_sha256" => pbkdf2(Digest::Sha256, rest),
        "pbkdf2_sha1" => pbkdf2(Digest::Sha1, rest),
        // A PHC string that has lost its first character to the separator.
        "argon2" => prefixed(rest, "argon2"),
        "bcrypt" => prefixed(rest.strip_prefix('$').ok_or(BCRYPT)?, "2"),
        "bcrypt_sha256" => bcrypt_sha256(rest),
        "scrypt" => scrypt(rest),
        "md5" | "sha1" | "unsalted_md5" | "unsalted_sha1" | "crypt" => Err(Malformed(
            "a hash that withstands guessing: Django's md5, sha1 and crypt do not, invite these \
             customers instead",
        )),
        _ => Err(UNKNOWN),
    }
}

const BCRYPT: Malformed = Malformed("a Django hash: bcrypt$$2b$, two digits, $ and 53 characters");

/// `id$v=19$…` of the function whose name begins with `function`.
fn prefixed(rest: &str, function: &str) -> Result<ForeignHash, Malformed> {
    if rest.starts_with(function) { modular::parse(&format!("${rest}")) } else { Err(UNKNOWN) }
}

/// `1000000$salt$hash`.
fn pbkdf2(digest: Digest, rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed = Malformed("a Django hash: pbkdf2_sha256$iterations$salt$hash");
    let [iterations, salt, output] = parts(rest, '$').ok_or(FORM)?;
    let iterations = number(iterations).ok_or(FORM)?;
    let output = base64(output).ok_or(FORM)?;
    let algorithm = Algorithm::pbkdf2(digest, iterations)?;
    ForeignHash::new(Preparation::Raw, algorithm, bytes(salt), output)
}

/// `$2b$12$…` of the password's SHA-256.
fn bcrypt_sha256(rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed =
        Malformed("a Django hash: bcrypt_sha256$$2b$, two digits, $ and 53 characters");
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| rest.strip_prefix(prefix));
    modular::bcrypt(Preparation::Sha256Hex, rest.ok_or(FORM)?)
}

/// `16384$salt$8$5$hash`.
fn scrypt(rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed = Malformed("a Django hash: scrypt$N$salt$r$p$hash");
    let [n, salt, r, p, output] = parts(rest, '$').ok_or(FORM)?;
    let n = number::<u32>(n).ok_or(FORM)?;
    let (r, p) = number(r).zip(number(p)).ok_or(FORM)?;
    let output = base64(output).ok_or(FORM)?;
    let log_n = n.checked_ilog2().filter(|_| n.is_power_of_two()).ok_or(SCRYPT)?;
    let algorithm = Algorithm::scrypt(log_n.try_into().map_err(|_| SCRYPT)?, r, p)?;
    ForeignHash::new(Preparation::Raw, algorithm, bytes(salt), output)
}
