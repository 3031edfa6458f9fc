//! A first sign-in where MFA is enforced: the password, an authenticator, backup codes, the
//! session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE32_NOPAD;
use gatehouse::clock::Clock;
use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;

use super::sign_in::{session_of, start};
use super::{Must as _, check, client, token_at};
use crate::client::Portal;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::phone;
use crate::population::{Group, PASSWORD};

/// Backup codes of a set.
pub(super) const CODES: usize = 5;

/// Newcomers sign in one after the other, each once.
pub struct Enroll {
    clients: Vec<Portal>,
    clock: Clock,
    newcomers: Arc<Newcomers>,
}

/// The newcomers, and who comes next.
pub struct Newcomers {
    count: u64,
    next: AtomicU64,
}

impl Newcomers {
    /// So many, of whom `next` have come.
    pub const fn new(count: u64, next: u64) -> Self {
        Self { count, next: AtomicU64::new(next) }
    }

    /// How many have come.
    pub fn turns(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }
}

impl Enroll {
    /// By `clients`, one for each caller.
    pub const fn new(clients: Vec<Portal>, newcomers: Arc<Newcomers>) -> Self {
        Self { clients, clock: Clock::system(), newcomers }
    }

    /// The next newcomer, all the way.
    pub async fn enroll(&self, caller: usize) -> Result<(), Failure> {
        let number = self.newcomers.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.newcomers.count {
            return Err(Failure::Exhausted);
        }
        let mut portal = client(&self.clients, caller)?;
        let token = start(&mut portal, number).await?;
        let request = v1::VerifyPasswordRequest {
            sign_in_token: token,
            password: PASSWORD.to_owned(),
            client: None,
        };
        let sign_in = portal.verify_password(request).await?.into_inner().sign_in;
        let token = token_at(sign_in, |next| matches!(next, Next::Enroll(_)), "next is enroll")?;
        let secret = start_enrollment(&mut portal, &token).await?;
        let code = code(&self.clock, &secret)?;
        verify_enrollment(&mut portal, &token, code).await?;
        enable(&mut portal, &token).await?;
        generate_codes(&mut portal, &token).await?;
        let request = v1::FinishSignInRequest { sign_in_token: token, client: None };
        let sign_in = portal.finish_sign_in(request).await?.into_inner().sign_in;
        session_of(sign_in, Group::Newcomers, number, v1::Assurance::MultiFactor)?;
        Ok(())
    }
}

impl Scenario for Enroll {
    async fn call(&self, caller: usize, _turn: u64) -> Result<&'static str, Failure> {
        self.enroll(caller).await.map(|()| "enrollment")
    }
}

/// What the phone shows now for a secret as it was typed in.
pub(super) fn code(clock: &Clock, secret: &str) -> Result<String, Failure> {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).ok().must("a secret in base32")?;
    Ok(phone::code(&secret, clock.now().as_seconds().div_euclid(phone::PERIOD_SECONDS)))
}

/// The secret of an enrollment that is in this state.
pub(super) fn secret_of(
    pending: Option<v1::Enrollment>,
    state: v1::EnrollmentState,
) -> Result<String, Failure> {
    let pending = pending.must("an enrollment")?;
    check(pending.state() == state, "an enrollment in the right state")?;
    let v1::enrollment::Kind::Totp(totp) = pending.kind.must("an authenticator")?;
    Ok(totp.secret)
}

async fn start_enrollment(portal: &mut Portal, token: &str) -> Result<String, Failure> {
    use v1::start_enrollment_request::{Credential, Factor};
    use v1::start_enrollment_response::Result as Started;

    let request = v1::StartEnrollmentRequest {
        credential: Some(Credential::SignInToken(token.to_owned())),
        factor: Some(Factor::Totp(v1::StartTotp {})),
        client: None,
    };
    match portal.start_enrollment(request).await?.into_inner().result {
        Some(Started::SignIn(v1::SignIn { next: Some(Next::Enroll(step)), .. })) => {
            secret_of(step.pending, v1::EnrollmentState::Pending)
        }
        _ => Err(Failure::WrongAnswer("a started enrollment")),
    }
}

async fn verify_enrollment(portal: &mut Portal, token: &str, code: String) -> Result<(), Failure> {
    use v1::verify_enrollment_request::{Credential, Proof};
    use v1::verify_enrollment_response::Result as Verified;

    let request = v1::VerifyEnrollmentRequest {
        credential: Some(Credential::SignInToken(token.to_owned())),
        proof: Some(Proof::TotpCode(code)),
        client: None,
    };
    match portal.verify_enrollment(request).await?.into_inner().result {
        Some(Verified::SignIn(v1::SignIn { next: Some(Next::Enroll(step)), .. })) => {
            secret_of(step.pending, v1::EnrollmentState::Verified).map(drop)
        }
        _ => Err(Failure::WrongAnswer("a verified enrollment")),
    }
}

async fn enable(portal: &mut Portal, token: &str) -> Result<(), Failure> {
    use v1::enable_mfa_request::Credential;
    use v1::enable_mfa_response::Result as Enabled;

    let credential = Some(Credential::SignInToken(token.to_owned()));
    let request = v1::EnableMfaRequest { credential, client: None };
    let is_right = matches!(
        portal.enable_mfa(request).await?.into_inner().result,
        Some(Enabled::SignIn(v1::SignIn { next: Some(Next::BackupCodes(_)), .. }))
    );
    check(is_right, "next is backup_codes")
}

async fn generate_codes(portal: &mut Portal, token: &str) -> Result<(), Failure> {
    use v1::generate_backup_codes_request::Credential;

    let credential = Some(Credential::SignInToken(token.to_owned()));
    let request = v1::GenerateBackupCodesRequest { credential, client: None };
    let codes = portal.generate_backup_codes(request).await?.into_inner().codes;
    check(codes.len() == CODES, "five backup codes")
}
