//! A customer, whose calls are recorded.

mod account;
mod administration;
mod authenticator;
mod enrollment;

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;
use gatehouse_api::v1::verify_second_factor_request::Proof;
use tonic::{Request, Response};

use crate::fleet::{Admin, Backend};
use crate::history::{Act, Id, Recorder, RightCode};
use crate::support::{Answer, PASSWORD, PORTAL};

pub use authenticator::{Authenticator, current_step};
pub use enrollment::Enrolled;

/// A customer of the portal `acme`. Clones are the same one.
#[derive(Clone)]
pub struct Customer {
    pub number: usize,
    /// The resource name.
    pub name: String,
    /// The one that they were made with.
    pub password: Password,
    recorder: Recorder,
}

#[derive(Clone, Debug)]
pub struct Password {
    pub text: String,
    id: Id,
}

/// A sign-in that nothing has been proven for.
#[derive(Clone)]
pub struct Start {
    token: String,
    id: Id,
}

/// A sign-in past its password.
#[derive(Clone)]
pub struct SignIn {
    token: String,
    id: Id,
}

#[derive(Clone, Debug)]
pub struct Session {
    token: String,
    id: Id,
}

#[derive(Clone)]
pub struct BackupCodes {
    pub codes: Vec<String>,
    set: Id,
}

/// What a right password came to.
pub enum Stage {
    SecondFactor(SignIn),
    Enroll(SignIn),
    Session(Session),
}

impl Stage {
    pub fn second_factor(self) -> SignIn {
        let Self::SecondFactor(sign_in) = self else { panic!("no second factor is asked for") };
        sign_in
    }

    pub fn enroll(self) -> SignIn {
        let Self::Enroll(sign_in) = self else { panic!("no factor has to be set up") };
        sign_in
    }
}

impl Customer {
    /// Makes one, whose address is made of `number`.
    pub async fn create(recorder: &Recorder, admin: &mut Admin, number: usize) -> Answer<Self> {
        let password = Password { text: PASSWORD.to_owned(), id: recorder.id() };
        let customer = v1::Customer { email: email(number), ..Default::default() };
        let request = v1::CreateCustomerRequest {
            parent: PORTAL.to_owned(),
            customer: Some(customer),
            password: password.text.clone(),
            ..Default::default()
        };
        let act = Act::SetPassword { password: password.id };
        let made = recorder.call(number, act, admin.create_customer(request)).await?.into_inner();
        let name = made.customer.unwrap().name;
        Ok(Self { number, name, password, recorder: recorder.clone() })
    }

    /// One that no password of this customer is like.
    pub fn new_password(&self) -> Password {
        let id = self.recorder.id();
        Password { text: format!("{id} other horses battery"), id }
    }

    /// Notes a call on behalf of this customer.
    pub async fn record<T>(&self, act: Act, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
        // Or every future that makes some calls is very large.
        self.recorder.call(self.number, act, Box::pin(answer)).await
    }

    async fn call<T>(
        &self,
        act: Act,
        answer: impl Future<Output = Answer<Response<T>>>,
    ) -> Answer<T> {
        Ok(self.record(act, answer).await?.into_inner())
    }

    pub async fn start(&self, mut backend: Backend) -> Answer<Start> {
        // An address of their own: those of others are slowed by nothing they do.
        let [.., high, low] = self.number.to_be_bytes();
        let client = v1::ClientContext {
            ip_address: format!("10.0.{high}.{low}"),
            user_agent: "Firefox".to_owned(),
        };
        let request = v1::StartSignInRequest { email: email(self.number), client: Some(client) };
        let answer = self.call(Act::Other, backend.start_sign_in(request)).await?;
        Ok(Start { token: answer.sign_in.unwrap().token, id: self.recorder.id() })
    }

    pub async fn verify_password(
        &self,
        mut backend: Backend,
        start: &Start,
        password: &Password,
    ) -> Answer<Stage> {
        let [sign_in, session] = [self.recorder.id(), self.recorder.id()];
        let request = v1::VerifyPasswordRequest {
            sign_in_token: start.token.clone(),
            password: password.text.clone(),
            client: None,
        };
        let act = Act::VerifyPassword { start: start.id, password: password.id, sign_in, session };
        let answer = self.call(act, backend.verify_password(request)).await?;
        Ok(stage(answer.sign_in.unwrap(), sign_in, session))
    }

    /// A sign-in past the customer's first password.
    pub async fn sign_in(&self, backend: Backend) -> Answer<Stage> {
        let start = self.start(backend.clone()).await?;
        self.verify_password(backend, &start, &self.password).await
    }

    /// Tries a code that is none of the customer's.
    pub async fn guess(&self, backend: Backend, sign_in: &SignIn, code: &str) -> Answer<()> {
        let request = Request::new(second_factor(sign_in, Proof::TotpCode(code.to_owned())));
        self.second_factor(backend, request, Act::Guess).await.map(drop)
    }

    /// The same, of somebody who waits no longer than that.
    pub async fn guess_within(
        &self,
        backend: Backend,
        sign_in: &SignIn,
        code: &str,
        deadline: Duration,
    ) -> Answer<()> {
        let mut request = Request::new(second_factor(sign_in, Proof::TotpCode(code.to_owned())));
        request.set_timeout(deadline);
        self.second_factor(backend, request, Act::Guess).await.map(drop)
    }

    /// Ends the sign-in with the code of a step.
    pub async fn totp(
        &self,
        backend: Backend,
        sign_in: &SignIn,
        authenticator: &Authenticator,
        step: u64,
    ) -> Answer<Session> {
        let code = RightCode::Totp { factor: authenticator.factor, step };
        self.prove(backend, sign_in, code, Proof::TotpCode(authenticator.code(step))).await
    }

    /// Ends the sign-in with a backup code.
    pub async fn backup_code(
        &self,
        backend: Backend,
        sign_in: &SignIn,
        codes: &BackupCodes,
        slot: usize,
    ) -> Answer<Session> {
        let code = RightCode::Backup { set: codes.set, slot };
        self.prove(backend, sign_in, code, Proof::BackupCode(codes.codes[slot].clone())).await
    }

    async fn prove(
        &self,
        backend: Backend,
        sign_in: &SignIn,
        code: RightCode,
        proof: Proof,
    ) -> Answer<Session> {
        let id = self.recorder.id();
        let act = Act::VerifySecondFactor { sign_in: sign_in.id, code, session: id };
        let request = Request::new(second_factor(sign_in, proof));
        let answer = self.second_factor(backend, request, act).await?;
        Ok(Session { token: crate::support::session(&answer), id })
    }

    async fn second_factor(
        &self,
        mut backend: Backend,
        request: Request<v1::VerifySecondFactorRequest>,
        act: Act,
    ) -> Answer<v1::SignIn> {
        Ok(self.call(act, backend.verify_second_factor(request)).await?.sign_in.unwrap())
    }
}

fn second_factor(sign_in: &SignIn, proof: Proof) -> v1::VerifySecondFactorRequest {
    v1::VerifySecondFactorRequest {
        sign_in_token: sign_in.token.clone(),
        proof: Some(proof),
        client: None,
    }
}

fn email(number: usize) -> String {
    format!("customer{number}@example.com")
}

fn stage(answer: v1::SignIn, sign_in: Id, session: Id) -> Stage {
    match answer.next.unwrap() {
        Next::SecondFactor(_) => Stage::SecondFactor(SignIn { token: answer.token, id: sign_in }),
        Next::Enroll(_) => Stage::Enroll(SignIn { token: answer.token, id: sign_in }),
        Next::Session(issued) => Stage::Session(Session { token: issued.token, id: session }),
        _ => panic!("not what follows a password here"),
    }
}
