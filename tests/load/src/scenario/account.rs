//! Setting an authenticator up in My Account, or changing it, with new backup codes: writes
//! alone, and no password.

use gatehouse::clock::Clock;
use gatehouse_api::v1;

use super::enroll::{CODES, code, secret_of};
use super::{check, client};
use crate::client::Portal;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::population::{Group, Population};

/// Owners of sessions change their authenticators over and over.
pub struct Account {
    clients: Vec<Portal>,
    clock: Clock,
    population: Population,
    owners: u64,
}

impl Account {
    /// The first `owners`, of whom there are as many as callers at least.
    pub const fn new(clients: Vec<Portal>, population: Population, owners: u64) -> Self {
        Self { clients, clock: Clock::system(), population, owners }
    }
}

impl Scenario for Account {
    async fn call(&self, caller: usize, turn: u64) -> Result<&'static str, Failure> {
        use v1::{enable_mfa_response, generate_backup_codes_response};
        use v1::{start_enrollment_response, verify_enrollment_response};

        let mut portal = client(&self.clients, caller)?;
        // Every caller has owners of its own: two would end each other's enrollments.
        let callers = self.clients.len() as u64;
        let number = caller as u64 + callers * (turn % (self.owners / callers.max(1)).max(1));
        let token = self.population.session_token(Group::Owners, number).expose().to_owned();

        let request = v1::StartEnrollmentRequest {
            credential: Some(v1::start_enrollment_request::Credential::SessionToken(token.clone())),
            factor: Some(v1::start_enrollment_request::Factor::Totp(v1::StartTotp {})),
            client: None,
        };
        let secret = match portal.start_enrollment(request).await?.into_inner().result {
            Some(start_enrollment_response::Result::Mfa(mfa)) => {
                secret_of(mfa.pending, v1::EnrollmentState::Pending)?
            }
            _ => return Err(Failure::WrongAnswer("a started enrollment")),
        };

        let request = v1::VerifyEnrollmentRequest {
            credential: Some(v1::verify_enrollment_request::Credential::SessionToken(
                token.clone(),
            )),
            proof: Some(v1::verify_enrollment_request::Proof::TotpCode(code(
                &self.clock,
                &secret,
            )?)),
            client: None,
        };
        match portal.verify_enrollment(request).await?.into_inner().result {
            Some(verify_enrollment_response::Result::Mfa(mfa)) => {
                secret_of(mfa.pending, v1::EnrollmentState::Verified)?
            }
            _ => return Err(Failure::WrongAnswer("a verified enrollment")),
        };

        let credential = v1::enable_mfa_request::Credential::SessionToken(token.clone());
        let request = v1::EnableMfaRequest { credential: Some(credential), client: None };
        match portal.enable_mfa(request).await?.into_inner().result {
            Some(enable_mfa_response::Result::Mfa(mfa)) => {
                check(mfa.state() == v1::MfaState::Enabled, "MFA is enabled")?;
            }
            _ => return Err(Failure::WrongAnswer("a factor in force")),
        }

        let credential = v1::generate_backup_codes_request::Credential::SessionToken(token);
        let request = v1::GenerateBackupCodesRequest { credential: Some(credential), client: None };
        let answer = portal.generate_backup_codes(request).await?.into_inner();
        let is_mfa = matches!(answer.result, Some(generate_backup_codes_response::Result::Mfa(_)));
        check(is_mfa && answer.codes.len() == CODES, "five backup codes")?;
        Ok("set-up")
    }
}
