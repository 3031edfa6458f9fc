//! The real server in a portal of its own: makes the calls, keeps tokens, phones
//! and codes by their numbers, and writes the history of what was accepted.

mod calls;
mod factors;

use std::collections::HashMap;
use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_domain::time::Timestamp;
use tonic::Status;

use super::call::{Call, Code, Holder, Mfa, Next, Password, Setup, Shown};
use super::history::{Event, History};
use super::model::{LOCK, MAX_FAILURES, Model, STEP, TICK};
use gatehouse_tests::{
    Admin, Authenticator, MyAccount, Refusal, SignInExt, TestServer, Web, client, saml, setup,
    time, timestamp,
};

/// A portal of the server, and everything that its customers were given.
pub struct System<'a> {
    server: &'a TestServer,
    admin: Admin,
    web: Web,
    /// The same through another replica.
    pub replica: Web,
    pub replica_admin: Admin,
    /// The portal's name.
    pub portal: String,
    origin: Timestamp,
    /// Names of the customers.
    pub customers: Vec<String>,
    starts: Vec<(usize, String)>,
    sign_ins: Vec<(usize, String)>,
    invitations: Vec<(usize, String)>,
    pub sessions: Vec<IssuedSession>,
    phones: Vec<Authenticator>,
    sets: Vec<Vec<String>>,
    pub history: History,
}

/// A session that was issued.
pub struct IssuedSession {
    pub customer: usize,
    pub token: String,
    name: String,
}

/// Why a call has no answer to compare.
enum Stop {
    Refused(Status),
    /// Two codes happen to be the same: the call would mean something else.
    Ambiguous,
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

/// What is left to be done in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    GoOn,
    /// Nothing can be told of the rest.
    Over,
}

impl<'a> System<'a> {
    /// A new portal, the `number`th, as `model` begins.
    pub async fn new(
        server: &'a TestServer,
        replica: &TestServer,
        number: u32,
        model: &Model,
    ) -> Self {
        let past = server.now().as_micros().rem_euclid(STEP.as_micros().try_into().unwrap());
        server.pass(STEP.saturating_sub(Duration::from_micros(past.unsigned_abs())));
        let admin = server.admin();
        let lockout = v1::LockoutPolicy {
            max_failures: Some(MAX_FAILURES.cast_signed()),
            lock_duration: Some(LOCK.try_into().unwrap()),
        };
        let enforced = model.policy.enforced;
        let mfa = v1::MfaPolicy { enforced, ..Default::default() };
        let portal = v1::Portal { lockout: Some(lockout), mfa: Some(mfa), ..v1::Portal::default() };
        let portal = admin.create_portal(&format!("p{number}"), portal).await.unwrap().name;
        let key = admin.portal_key(&portal, v1::PortalAccess::Full).await.unwrap();
        let mut system = Self {
            server,
            admin,
            web: server.web_with(&key),
            replica: replica.web_with(&key),
            replica_admin: replica.admin(),
            portal,
            origin: server.now(),
            customers: Vec::new(),
            starts: Vec::new(),
            sign_ins: Vec::new(),
            invitations: Vec::new(),
            sessions: Vec::new(),
            phones: Vec::new(),
            sets: Vec::new(),
            history: History::default(),
        };
        let enforced_from = enforced.then_some(Duration::ZERO);
        system.note(Event::Policy { enforced_from, saml: false });
        for (customer, found) in model.customers.iter().enumerate() {
            let password = found.password.unwrap();
            let text = text(Password::Set(password));
            let made = system.admin.create_customer(&system.portal, &email(customer), &text).await;
            system.customers.push(made.unwrap().name);
            system.note(Event::PasswordSet { customer, password, session: None });
        }
        system
    }

    /// Makes a call, and holds its answer to what the model says.
    pub async fn make(
        &mut self,
        call: Call,
        expected: Result<Shown, super::call::Refused>,
    ) -> Result<Progress, String> {
        self.server.pass(TICK);
        let answer = match self.call(call).await {
            Ok(shown) => Ok(shown),
            Err(Stop::Refused(status)) => Err(Refusal::read(&status)),
            Err(Stop::Ambiguous) => return Ok(Progress::Over),
        };
        let expected = expected.map_err(|refused| refused.whole(self.server.now(), &self.portal));
        if answer == expected {
            Ok(Progress::GoOn)
        } else {
            Err(format!("{call:?}\n  should come to {expected:?}\n  but comes to   {answer:?}"))
        }
    }

    pub fn server_now(&self) -> Timestamp {
        self.server.now()
    }

    /// Since the case began.
    pub fn now(&self) -> Duration {
        self.since_origin(self.server.now())
    }

    pub fn since_origin(&self, at: Timestamp) -> Duration {
        at.since(self.origin)
    }

    /// Every customer that is listed, by their names.
    pub async fn list_customers(&self) -> HashMap<String, v1::Customer> {
        let request =
            v1::ListCustomersRequest { parent: self.portal.clone(), ..Default::default() };
        let listed = self.admin.client().list_customers(request).await.unwrap().into_inner();
        listed.customers.into_iter().map(|customer| (customer.name.clone(), customer)).collect()
    }

    fn note(&mut self, event: Event) {
        self.history.push(self.now(), event);
    }

    fn customer_of(&self, holder: Holder) -> usize {
        match holder {
            Holder::Start(start) => self.starts[start].0,
            Holder::SignIn(sign_in) => self.sign_ins[sign_in].0,
            Holder::Invitation(invitation) => self.invitations[invitation].0,
            Holder::Session(session) => self.sessions[session].customer,
        }
    }

    fn token(&self, holder: Holder) -> &str {
        match holder {
            Holder::Start(start) => &self.starts[start].1,
            Holder::SignIn(sign_in) => &self.sign_ins[sign_in].1,
            Holder::Invitation(invitation) => &self.invitations[invitation].1,
            Holder::Session(session) => &self.sessions[session].token,
        }
    }

    fn account(&self, session: usize) -> MyAccount {
        self.web.account(&self.sessions[session].token)
    }

    /// What is typed for `code`, where codes of the phone `judged` are accepted.
    fn typed(&self, code: Code, judged: Option<usize>) -> Result<String, Stop> {
        let (phone, step) = match code {
            Code::Totp { phone, step } => (phone, step),
            Code::WrongTotp => {
                let wrong = judged.map(|phone| self.phones[phone].wrong_code(self.server.now()));
                return Ok(wrong.unwrap_or_else(|| "000000".to_owned()));
            }
            Code::Backup { set, slot } => return Ok(self.sets[set][slot].clone()),
            Code::WrongBackup => return Ok("0000-0000-0000-0000".to_owned()),
        };
        let typed = self.shown(phone, step);
        let now = (self.now().as_secs() / STEP.as_secs()).cast_signed();
        let is_shown_elsewhere = judged.is_some_and(|judged| {
            let others = (now - 1..=now + 1).filter(|other| (judged, *other) != (phone, step));
            others.into_iter().any(|other| self.shown(judged, other) == typed)
        });
        if is_shown_elsewhere { Err(Stop::Ambiguous) } else { Ok(typed) }
    }

    /// What a phone shows in a step, which may be before the case began.
    fn shown(&self, phone: usize, step: i64) -> String {
        let distance = STEP * u32::try_from(step.unsigned_abs()).unwrap();
        let at = if step < 0 { self.origin - distance } else { self.origin + distance };
        self.phones[phone].code(at)
    }

    /// Reads a sign-in, and keeps the session that it may have come to.
    fn read_sign_in(&mut self, sign_in: v1::SignIn, holder: Holder) -> Next {
        if sign_in.step() != "session" {
            return read_next(&sign_in);
        }
        let customer = self.customer_of(holder);
        let issued = sign_in.issued();
        let session = issued.session.unwrap();
        let multi_factor = session.assurance() == v1::Assurance::MultiFactor;
        self.note(Event::Issued { session: self.sessions.len(), customer, holder, multi_factor });
        self.sessions.push(IssuedSession { customer, token: issued.token, name: session.name });
        Next::Session {
            multi_factor,
            backup_codes: issued.backup_codes_remaining,
            enroll_by: issued.enroll_by_time.map(|at| self.since_origin(time(Some(at)))),
        }
    }

    /// Since when the factor is in force.
    pub fn factor_since(&self, mfa: &v1::Mfa) -> Option<Duration> {
        let factor = mfa.factors.first()?;
        Some(self.since_origin(time(factor.create_time)))
    }

    /// Reads a customer's MFA.
    pub fn read_mfa(&self, mfa: &v1::Mfa) -> Mfa {
        Mfa {
            enabled: mfa.state() == v1::MfaState::Enabled,
            pending: setup(mfa).map(|(state, _)| read_state(state)),
            backup_codes: mfa.backup_codes_remaining,
            enforced: mfa.enforced,
            enroll_by: mfa.enroll_by_time.map(|at| self.since_origin(time(Some(at)))),
        }
    }
}

/// Reads a sign-in that is under way.
fn read_next(sign_in: &v1::SignIn) -> Next {
    match sign_in.step() {
        "password" => Next::Password,
        "second_factor" => Next::SecondFactor {
            backup_code: sign_in.accepted().contains(&v1::SecondFactorType::BackupCode),
        },
        "enroll" => Next::Enroll {
            pending: sign_in.pending().map(|(state, _)| read_state(state)),
            optional: sign_in.enroll().optional,
        },
        "backup_codes" => Next::BackupCodes,
        "saml" => Next::Saml,
        step => panic!("{step} is over"),
    }
}

fn read_state(state: v1::EnrollmentState) -> Setup {
    match state {
        v1::EnrollmentState::Pending => Setup::Pending,
        v1::EnrollmentState::Verified => Setup::Verified,
        v1::EnrollmentState::Unspecified => panic!("no state"),
    }
}

fn email(customer: usize) -> String {
    format!("c{customer}@example.com")
}

/// Every customer has a device of their own: wrong passwords slow down no other.
fn device(customer: usize) -> v1::ClientContext {
    v1::ClientContext { ip_address: format!("203.0.113.{}", customer + 1), ..client() }
}

fn text(password: Password) -> String {
    match password {
        Password::Set(number) => format!("correct horse battery {number}"),
        Password::Wrong => "wrong horse battery".to_owned(),
    }
}
