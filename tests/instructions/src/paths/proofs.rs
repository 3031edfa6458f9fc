//! Passwords, codes and backup codes.

use std::hint::black_box;

use anyhow::{Context as _, ensure};
use argon2::Block;
use gatehouse_domain::backup_code::BackupCode;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{BackupCodeSetId, CustomerKey};
use gatehouse_domain::password::{
    HashParameters, NewPasswordContext, Password, PasswordHash, check_new,
};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{
    TotpCode, TotpFactor, TotpParameters, TotpSecret, TotpVerdict, otpauth_uri, qr_svg,
};

use super::{Call, Numbers, call};

const PASSWORD: &str = "Correct horse, 27b";

/// The secret of RFC 6238, appendix B, whose code at 59 seconds this is.
const SECRET: &[u8] = b"12345678901234567890";
const AT: Timestamp = Timestamp::from_seconds(59);
const RIGHT: &str = "287082";

/// As in production but for the memory, 64 blocks instead of 19,456: the same code fills it, twice.
pub fn argon2id() -> anyhow::Result<Call> {
    let parameters = HashParameters::new(64, 2, 1)?;
    let mut memory = vec![Block::default(); usize::try_from(parameters.memory_kib())?];
    let password = Password::parse(PASSWORD)?;
    let hash = PasswordHash::generate(&password, [7; 16], parameters, &mut memory)?;
    ensure!(hash.verify(&password, &mut memory)?, "it is the password");
    call(move || hash.verify(black_box(&password), &mut memory))
}

pub fn parse_password() -> anyhow::Result<Call> {
    Password::parse(PASSWORD)?;
    call(|| Password::parse(black_box(PASSWORD)))
}

pub fn password_policy() -> anyhow::Result<Call> {
    let password = Password::parse(PASSWORD)?;
    let email = Email::parse("ana.diaz@example.com")?;
    let check = move || {
        let context =
            NewPasswordContext { portal_name: "Acme Billing", portal_id: "acme", email: &email };
        check_new(black_box(&password), 15, black_box(&context))
    };
    check()?;
    call(check)
}

pub fn parse_totp() -> anyhow::Result<Call> {
    TotpCode::parse("287 082")?;
    call(|| TotpCode::parse(black_box("287 082")))
}

fn totp(code: &str, right: bool) -> anyhow::Result<Call> {
    let factor = TotpFactor::new(TotpSecret::from_bytes(SECRET), TotpParameters::default());
    let code = TotpCode::parse(code)?;
    let verify = move || factor.verify(black_box(&code), black_box(AT), black_box(1), None);
    ensure!(right == matches!(verify(), TotpVerdict::Accepted { .. }), "{:?}", verify());
    call(verify)
}

pub fn totp_right() -> anyhow::Result<Call> {
    totp(RIGHT, true)
}

pub fn totp_wrong() -> anyhow::Result<Call> {
    totp("000000", false)
}

pub fn totp_uri() -> anyhow::Result<Call> {
    let (secret, parameters) = (TotpSecret::from_bytes(SECRET), TotpParameters::default());
    call(move || {
        otpauth_uri(black_box("Acme & Co"), "ana.diaz@example.com", black_box(&secret), &parameters)
    })
}

pub fn totp_qr() -> anyhow::Result<Call> {
    let (secret, parameters) = (TotpSecret::from_bytes(SECRET), TotpParameters::default());
    let uri = otpauth_uri("Acme & Co", "ana.diaz@example.com", &secret, &parameters);
    ensure!(!qr_svg(&uri).is_empty(), "it fits");
    call(move || qr_svg(black_box(&uri)))
}

pub fn parse_backup_code() -> anyhow::Result<Call> {
    BackupCode::parse("0123-4567-89ab-cdef")?;
    call(|| BackupCode::parse(black_box("0123-4567-89ab-cdef")))
}

/// The last of a set of five: all are compared, whichever it is.
pub fn match_backup_code() -> anyhow::Result<Call> {
    let customer = CustomerKey::new("acme".parse()?, "ana".parse()?);
    let set = BackupCodeSetId::generate(AT, &mut Numbers(0));
    let codes = BackupCode::generate_set(&mut Numbers(0));
    let digests = codes.each_ref().map(|code| code.digest(&customer, set));
    let code = codes.last().cloned().context("there are five")?;
    let matching = move || {
        let matches =
            |digest: &&[u8; 32]| black_box(&code).matches(&customer, set, digest.as_slice());
        black_box(&digests).iter().filter(matches).count()
    };
    ensure!(matching() == 1, "it is one of the five");
    call(matching)
}
