//! What a customer does, and what they know. Whether the answers are right is for the
//! checker: here they only decide what can be done next.

mod session;

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::join;
use tonic::Status;

use crate::customer::{
    Authenticator, BackupCodes, Customer, Password, Session, SignIn, Stage, current_step,
};
use crate::fleet::{Admin, Backend, Fleet};
use crate::support::Answer;

/// Sessions that are remembered, dead or alive.
const SESSIONS: usize = 8;
/// No call has any effect so long after its answer was lost.
const LINGER: Duration = Duration::from_mins(1);

pub struct Life<'a> {
    fleet: &'a Fleet,
    customer: Customer,
    /// The likeliest first, where the answer to a change was lost.
    passwords: Vec<Password>,
    authenticator: Option<Authenticator>,
    factor: Factor,
    /// Until when a reset may happen whose answer was lost.
    reset_until: Option<Instant>,
    /// No step up to this one is used again.
    last_step: u64,
    codes: Option<BackupCodes>,
    /// Of `codes`, how many have been presented.
    used: usize,
    sessions: Vec<Session>,
}

/// What is known of the factor.
#[derive(PartialEq)]
enum Factor {
    None,
    InForce,
    /// The answer to what changes it was lost.
    Unknown,
}

/// A code that is right.
#[derive(Clone, Copy)]
enum Code {
    Totp(u64),
    Backup(usize),
}

impl<'a> Life<'a> {
    pub fn new(fleet: &'a Fleet, customer: Customer) -> Self {
        Self {
            passwords: vec![customer.password.clone()],
            fleet,
            customer,
            authenticator: None,
            factor: Factor::None,
            reset_until: None,
            last_step: 0,
            codes: None,
            used: 0,
            sessions: Vec::new(),
        }
    }

    fn backend(&self, rng: &mut StdRng) -> Backend {
        self.fleet.backend(rng.random_range(0..self.fleet.servers()))
    }

    fn admin(&self, rng: &mut StdRng) -> Admin {
        self.fleet.admin(rng.random_range(0..self.fleet.servers()))
    }

    fn remember(&mut self, session: Session) {
        self.sessions.push(session);
        if self.sessions.len() > SESSIONS {
            self.sessions.remove(0);
        }
    }

    async fn past_password(&mut self, rng: &mut StdRng) -> Answer<Stage> {
        let start = self.customer.start(self.backend(rng)).await?;
        let mut answer = None;
        for password in self.passwords.clone() {
            let verified =
                self.customer.verify_password(self.backend(rng), &start, &password).await;
            if verified.is_ok() {
                self.passwords = vec![password];
                return verified;
            }
            answer = Some(verified);
        }
        answer.unwrap()
    }

    /// A sign-in at the second factor; a factor is set up if there is none.
    async fn at_second_factor(&mut self, rng: &mut StdRng) -> Answer<SignIn> {
        match self.past_password(rng).await? {
            Stage::SecondFactor(sign_in) => {
                assert!(self.factor != Factor::None, "a factor that was reset is in force");
                Ok(sign_in)
            }
            Stage::Enroll(sign_in) => {
                assert!(
                    self.factor != Factor::InForce || self.is_reset_late(),
                    "the factor is lost"
                );
                self.factor = Factor::None;
                self.enroll(&sign_in, rng).await?;
                match self.past_password(rng).await? {
                    Stage::SecondFactor(sign_in) => Ok(sign_in),
                    _ if self.is_reset_late() => Err(Status::aborted("reset meanwhile")),
                    _ => panic!("the factor is lost"),
                }
            }
            Stage::Session(_) => panic!("a password alone signs in"),
        }
    }

    async fn enroll(&mut self, sign_in: &SignIn, rng: &mut StdRng) -> Answer<()> {
        let customer = self.customer.clone();
        let authenticator = customer.prepare_enrollment(self.backend(rng), sign_in).await?;
        self.authenticator = Some(authenticator.clone());
        self.last_step = current_step() - 1;
        (self.codes, self.used) = (None, 0);
        self.factor = Factor::Unknown;
        customer.enable_mfa(self.backend(rng), sign_in, &authenticator).await?;
        self.factor = Factor::InForce;
        self.codes = Some(customer.generate_backup_codes(self.backend(rng), sign_in).await?);
        let session =
            customer.finish_sign_in(self.backend(rng), sign_in, Some(&authenticator)).await?;
        self.remember(session);
        Ok(())
    }

    /// A code that has not been presented; without one there is nothing but a reset.
    async fn next_code(&mut self, rng: &mut StdRng) -> Answer<Option<Code>> {
        let now = current_step();
        let step = now.max(self.last_step + 1);
        if self.authenticator.is_some() && step <= now + 1 && rng.random_bool(0.6) {
            self.last_step = step;
            return Ok(Some(Code::Totp(step)));
        }
        if self.codes.is_some() && self.used < 5 {
            self.used += 1;
            return Ok(Some(Code::Backup(self.used - 1)));
        }
        self.reset(rng).await?;
        Ok(None)
    }

    async fn present(&self, backend: Backend, sign_in: &SignIn, code: Code) -> Answer<Session> {
        match code {
            Code::Totp(step) => {
                let authenticator = self.authenticator.as_ref().unwrap();
                self.customer.totp(backend, sign_in, authenticator, step).await
            }
            Code::Backup(slot) => {
                let codes = self.codes.as_ref().unwrap();
                self.customer.backup_code(backend, sign_in, codes, slot).await
            }
        }
    }

    pub async fn sign_in(&mut self, rng: &mut StdRng) -> Answer<()> {
        let sign_in = self.at_second_factor(rng).await?;
        let Some(code) = self.next_code(rng).await? else { return Ok(()) };
        let session = self.present(self.backend(rng), &sign_in, code).await?;
        self.remember(session);
        Ok(())
    }

    pub async fn sign_in_twice_with_one_code(&mut self, rng: &mut StdRng) -> Answer<()> {
        let one = self.at_second_factor(rng).await?;
        let other = self.at_second_factor(rng).await?;
        let Some(code) = self.next_code(rng).await? else { return Ok(()) };
        let [here, there] = [self.backend(rng), self.backend(rng)];
        let (one, other) = join!(self.present(here, &one, code), self.present(there, &other, code));
        for session in [one, other].into_iter().flatten() {
            self.remember(session);
        }
        Ok(())
    }

    /// Presents a code again.
    pub async fn replay(&mut self, rng: &mut StdRng) -> Answer<()> {
        let sign_in = self.at_second_factor(rng).await?;
        let was_presented = self.last_step >= current_step();
        let code = if self.used > 0 && (rng.random_bool(0.5) || !was_presented) {
            Code::Backup(rng.random_range(0..self.used))
        } else if self.authenticator.is_some() && was_presented {
            Code::Totp(self.last_step)
        } else {
            return Ok(());
        };
        // Right where the answer to the first time was lost, and it was not that time.
        let session = self.present(self.backend(rng), &sign_in, code).await?;
        self.remember(session);
        Ok(())
    }

    /// Wrong codes, two at once.
    pub async fn guess(&mut self, rng: &mut StdRng) -> Answer<()> {
        let sign_in = self.at_second_factor(rng).await?;
        let Some(authenticator) = &self.authenticator else { return Ok(()) };
        let mut wrong = authenticator.wrong_codes().skip(rng.random_range(0..1_000));
        let codes = [wrong.next().unwrap(), wrong.next().unwrap()];
        let customer = &self.customer;
        let [here, there] = [self.backend(rng), self.backend(rng)];
        let (one, other) = join!(
            customer.guess(here, &sign_in, &codes[0]),
            customer.guess(there, &sign_in, &codes[1]),
        );
        drop((one, other));
        Ok(())
    }

    pub async fn reset(&mut self, rng: &mut StdRng) -> Answer<()> {
        self.may_be_reset();
        self.customer.reset_mfa(self.admin(rng)).await?;
        self.is_reset();
        Ok(())
    }

    /// What a lost answer was about may happen later still, until its work has ended.
    fn may_be_reset(&mut self) {
        self.factor = Factor::Unknown;
        self.reset_until = Some(Instant::now() + LINGER);
    }

    fn is_reset(&mut self) {
        self.factor = Factor::None;
        self.reset_until = None;
        (self.authenticator, self.codes, self.used) = (None, None, 0);
    }

    fn is_reset_late(&self) -> bool {
        self.reset_until.is_some_and(|until| Instant::now() < until)
    }

    /// Whichever is first: no session of this sign-in survives.
    pub async fn sign_in_and_reset(&mut self, rng: &mut StdRng) -> Answer<()> {
        let sign_in = self.at_second_factor(rng).await?;
        let Some(code) = self.next_code(rng).await? else { return Ok(()) };
        self.may_be_reset();
        let (backend, admin) = (self.backend(rng), self.admin(rng));
        let (signed_in, reset) =
            join!(self.present(backend, &sign_in, code), self.customer.reset_mfa(admin));
        if let Ok(session) = signed_in {
            self.remember(session);
        }
        reset?;
        self.is_reset();
        Ok(())
    }

    pub async fn unlock(&mut self, rng: &mut StdRng) -> Answer<()> {
        self.customer.unlock(self.admin(rng)).await
    }
}
