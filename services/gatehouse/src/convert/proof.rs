//! The proofs of several requests: a code of either kind, or a password.

use gatehouse_api::v1;
use gatehouse_domain::backup_code::BackupCode;
use gatehouse_domain::password::Password;
use gatehouse_domain::totp::TotpCode;

use super::fields::Fields;
use crate::usecase::proof::second_factor::SecondFactor;
use crate::usecase::sessions::SessionProof;

/// What VerifySecondFactor presents.
pub fn parse(
    fields: &mut Fields,
    proof: Option<v1::verify_second_factor_request::Proof>,
) -> Option<SecondFactor> {
    use v1::verify_second_factor_request::Proof;

    match fields.require("proof", proof)? {
        Proof::TotpCode(code) => totp(fields, &code),
        Proof::BackupCode(code) => backup_code(fields, &code),
    }
}

/// What ReauthenticateSession presents.
pub fn parse_session_proof(
    fields: &mut Fields,
    proof: Option<v1::reauthenticate_session_request::Proof>,
) -> Option<SessionProof> {
    use v1::reauthenticate_session_request::Proof;

    match fields.require("proof", proof)? {
        Proof::Password(password) => {
            fields.take("password", Password::parse(&password)).map(SessionProof::Password)
        }
        Proof::TotpCode(code) => totp(fields, &code).map(SessionProof::SecondFactor),
        Proof::BackupCode(code) => backup_code(fields, &code).map(SessionProof::SecondFactor),
    }
}

fn totp(fields: &mut Fields, code: &str) -> Option<SecondFactor> {
    fields.take("totp_code", TotpCode::parse(code)).map(SecondFactor::Totp)
}

fn backup_code(fields: &mut Fields, code: &str) -> Option<SecondFactor> {
    fields.take("backup_code", BackupCode::parse(code)).map(SecondFactor::BackupCode)
}
