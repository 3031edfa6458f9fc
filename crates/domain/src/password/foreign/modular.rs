//! `$function$…`: the PHC string format, the older Modular Crypt Format of bcrypt and
//! passlib; and better-auth's two parts in hex.

use argon2::Version;

use super::algorithm::{Algorithm, Digest, SCRYPT};
use super::encoding::{base64, bcrypt_base64, bytes, hex, number, parameters, parts};
use super::{ForeignHash, Preparation, UNKNOWN};
use crate::field::Malformed;

const BETTER_AUTH: Malformed =
    Malformed("a better-auth hash: a salt of 32 and a key of 128 hex digits with a colon between");

/// A text that begins with `$`.
pub(super) fn parse(text: &str) -> Result<ForeignHash, Malformed> {
    let (function, rest) =
        text.strip_prefix('$').and_then(|text| text.split_once('$')).ok_or(UNKNOWN)?;
    match function {
        "argon2id" => argon2(argon2::Algorithm::Argon2id, rest),
        "argon2i" => argon2(argon2::Algorithm::Argon2i, rest),
        "argon2d" => Err(Malformed("a hash of argon2id or argon2i: argon2d is not for passwords")),
        "2a" | "2b" | "2y" => bcrypt(Preparation::Raw, rest),
        "2" | "2x" => Err(Malformed("a bcrypt hash that begins with $2a$, $2b$ or $2y$")),
        "pbkdf2" => pbkdf2(Digest::Sha1, rest),
        "pbkdf2-sha256" => pbkdf2(Digest::Sha256, rest),
        "pbkdf2-sha512" => pbkdf2(Digest::Sha512, rest),
        "scrypt" => scrypt(rest),
        _ => Err(UNKNOWN),
    }
}

/// `v=19$m=65536,t=3,p=4$salt$hash`; the version that is left out is the draft's.
fn argon2(variant: argon2::Algorithm, rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed =
        Malformed("an argon2 hash: $argon2id$v=19$m=…,t=…,p=…$salt$hash, salt and hash in base64");
    let (version, rest) = match rest.split_once('$') {
        Some(("v=19", rest)) => (Version::V0x13, rest),
        Some(("v=16", rest)) => (Version::V0x10, rest),
        Some((other, _)) if other.starts_with("v=") => {
            return Err(Malformed("an argon2 hash of version 19 or 16"));
        }
        _ => (Version::V0x10, rest),
    };
    let [costs, salt, output] = parts(rest, '$').ok_or(FORM)?;
    let [memory_kib, passes, lanes] = parameters(costs, ["m", "t", "p"]).ok_or(FORM)?;
    let (salt, output) = base64(salt).zip(base64(output)).ok_or(FORM)?;
    let algorithm = Algorithm::argon2(variant, version, memory_kib, passes, lanes)?;
    ForeignHash::new(Preparation::Raw, algorithm, salt, output)
}

/// `10$` and 53 characters: 22 of the salt, 31 of the hash.
pub(super) fn bcrypt(preparation: Preparation, rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed = Malformed("a bcrypt hash: $2b$, two digits, $ and 53 characters");
    let [cost, data] = parts(rest, '$').ok_or(FORM)?;
    let cost = number(cost).filter(|_| cost.len() == 2).ok_or(FORM)?;
    let (salt, output) = data.split_at_checked(22).ok_or(FORM)?;
    let (salt, output) = bcrypt_base64(salt).zip(bcrypt_base64(output)).ok_or(FORM)?;
    if salt.len() != 16 || output.len() != 23 {
        return Err(FORM);
    }
    ForeignHash::new(preparation, Algorithm::bcrypt(cost)?, salt, output)
}

/// `i=600000$salt$hash`, with or without `,l=32`; or `29000$salt$hash`, as passlib has it.
fn pbkdf2(digest: Digest, rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed = Malformed(
        "a pbkdf2 hash: $pbkdf2-sha256$i=…$salt$hash or $pbkdf2-sha256$…$salt$hash, salt and hash \
         in base64",
    );
    let [costs, salt, output] = parts(rest, '$').ok_or(FORM)?;
    let (salt, output) = base64(salt).zip(base64(output)).ok_or(FORM)?;
    let iterations = if let Some([iterations, length]) = parameters(costs, ["i", "l"]) {
        if usize::try_from(length) != Ok(output.len()) {
            return Err(FORM);
        }
        iterations
    } else {
        number(costs.strip_prefix("i=").unwrap_or(costs)).ok_or(FORM)?
    };
    ForeignHash::new(Preparation::Raw, Algorithm::pbkdf2(digest, iterations)?, salt, output)
}

/// `ln=17,r=8,p=1$salt$hash`.
fn scrypt(rest: &str) -> Result<ForeignHash, Malformed> {
    const FORM: Malformed =
        Malformed("a scrypt hash: $scrypt$ln=…,r=…,p=…$salt$hash, salt and hash in base64");
    let [costs, salt, output] = parts(rest, '$').ok_or(FORM)?;
    let [log_n, r, p] = parameters(costs, ["ln", "r", "p"]).ok_or(FORM)?;
    let (salt, output) = base64(salt).zip(base64(output)).ok_or(FORM)?;
    let algorithm = Algorithm::scrypt(log_n.try_into().map_err(|_| SCRYPT)?, r, p)?;
    ForeignHash::new(Preparation::Raw, algorithm, salt, output)
}

/// `salt:key` of scrypt with the one cost that better-auth knows. The salt is the text
/// of its digits, not what they stand for, and passwords are normalized as ours are.
pub(super) fn parse_better_auth(text: &str) -> Result<ForeignHash, Malformed> {
    let [salt, key] = parts(text, ':').ok_or(BETTER_AUTH)?;
    let key = hex(key).filter(|key| key.len() == 64 && salt.len() == 32).ok_or(BETTER_AUTH)?;
    if !salt.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(BETTER_AUTH);
    }
    ForeignHash::new(Preparation::Nfkc, Algorithm::scrypt(14, 16, 1)?, bytes(salt), key)
}
