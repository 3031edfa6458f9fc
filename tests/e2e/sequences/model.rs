//! The contract, read once more and written down as plain data: what every call
//! comes to. It shares nothing with the server but the words.

mod admin;
mod enrollment;
mod proof;
mod session;
mod sign_in;

use std::collections::BTreeMap;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;

use super::call::{Call, Holder, Mfa, Outcome, Reason, Refused, Setup, Shown};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A TOTP's time step.
pub const STEP: Duration = Duration::from_secs(30);
/// What passes before every call, so that nothing happens at the same time.
pub const TICK: Duration = Duration::from_micros(1);

/// Settings of the portal that every case runs in, as small as the contract
/// allows: wrong codes until the first lock, and how long that lasts.
pub const MAX_FAILURES: u32 = 4;
pub const LOCK: Duration = Duration::from_mins(5);

/// Everything that the contract makes depend on what was called before.
#[derive(Clone, Debug)]
pub struct Model {
    /// Since the case began, at the beginning of a time step.
    pub now: Duration,
    pub policy: Policy,
    pub customers: Vec<Customer>,
    pub starts: Vec<Start>,
    pub sign_ins: Vec<SignIn>,
    pub sessions: Vec<Session>,
    pub invitations: Vec<Invitation>,
    /// Whose each phone is.
    pub phones: Vec<usize>,
    /// Which of its five codes each set has used.
    pub sets: Vec<[bool; 5]>,
    pub enrollments: BTreeMap<Holder, Enrollment>,
    /// Passwords that were ever set.
    pub passwords: u32,
    /// The calls of the last transition, and what they come to.
    pub script: Vec<(Call, Outcome)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    pub enforced: bool,
    pub enforced_from: Option<Duration>,
    pub saml: bool,
}

#[derive(Clone, Debug)]
pub struct Customer {
    pub password: Option<u32>,
    pub suspended: bool,
    pub factor: Option<Factor>,
    pub codes: Option<usize>,
    pub wrong_codes: u32,
    pub locked_until: Option<Duration>,
    pub wrong_passwords: u32,
    pub last_password: Duration,
}

/// An authenticator in force.
#[derive(Clone, Copy, Debug)]
pub struct Factor {
    pub phone: usize,
    pub enabled_at: Duration,
    pub enabled_by: Holder,
    /// The last accepted step.
    pub accepted: i64,
}

#[derive(Clone, Debug)]
pub struct Start {
    pub customer: usize,
    pub at: Duration,
    pub used: bool,
}

#[derive(Clone, Debug)]
pub struct SignIn {
    pub customer: usize,
    pub proven_at: Duration,
    pub expires_at: Duration,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub customer: usize,
    pub created_at: Duration,
    pub last_used_at: Duration,
    pub authenticated_at: Duration,
    pub second_factor_at: Option<Duration>,
    pub ended: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub struct Invitation {
    pub customer: usize,
    pub ended: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Enrollment {
    pub phone: usize,
    /// The step of the code that was right.
    pub verified: Option<i64>,
    pub wrong_codes: u32,
    pub expires_at: Duration,
}

impl Model {
    /// A portal with `policy` and customers who have a password and no factor.
    pub fn new(policy: Policy, customers: u32) -> Self {
        let customer = |number| Customer {
            password: Some(number),
            suspended: false,
            factor: None,
            codes: None,
            wrong_codes: 0,
            locked_until: None,
            wrong_passwords: 0,
            last_password: Duration::ZERO,
        };
        Self {
            now: Duration::ZERO,
            policy,
            customers: (0..customers).map(customer).collect(),
            starts: Vec::new(),
            sign_ins: Vec::new(),
            sessions: Vec::new(),
            invitations: Vec::new(),
            phones: Vec::new(),
            sets: Vec::new(),
            enrollments: BTreeMap::new(),
            passwords: customers,
            script: Vec::new(),
        }
    }

    /// Makes a call a moment later, and notes what it comes to.
    pub fn make(&mut self, call: Call) -> Outcome {
        self.now += TICK;
        let outcome = self.answer(call);
        self.script.push((call, outcome));
        outcome
    }

    fn answer(&mut self, call: Call) -> Outcome {
        match call {
            Call::StartSignIn { customer } => Ok(self.start_sign_in(customer)),
            Call::GetSignIn(holder) => self.get_sign_in(holder),
            Call::VerifyPassword { sign_in, password } => self.verify_password(sign_in, password),
            Call::VerifySecondFactor { sign_in, code } => self.verify_second_factor(sign_in, code),
            Call::FinishSignIn(holder) => self.finish_sign_in(holder),
            Call::StartEnrollment(holder) => self.start_enrollment(holder),
            Call::VerifyEnrollment { holder, code } => self.verify_enrollment(holder, code),
            Call::DeleteEnrollment(holder) => self.delete_enrollment(holder),
            Call::EnableMfa(holder) => self.enable_mfa(holder),
            Call::GenerateBackupCodes(holder) => self.generate_backup_codes(holder),
            Call::GetMfa { session } => {
                self.live(session)?;
                Ok(Shown::Mfa(self.mfa(session)))
            }
            Call::DisableMfa { session } => self.disable_mfa(session),
            Call::ValidateSession { session, multi_factor, fresh } => {
                self.validate_session(session, multi_factor, fresh)
            }
            Call::ReauthenticateSession { session, proof } => self.reauthenticate(session, proof),
            Call::ChangePassword { session, current, new } => {
                self.change_password(session, current, new)
            }
            Call::SignOut { session, target } => self.sign_out(session, target),
            Call::UpdatePortal(change) => self.update_portal(change),
            Call::ResetCustomerMfa { customer, end_password } => {
                Ok(self.reset_customer_mfa(customer, end_password))
            }
            Call::Suspend { customer, suspended } => Ok(self.suspend(customer, suspended)),
            Call::UnlockCustomer { customer } => {
                self.clear_wrong_codes(customer);
                Ok(Shown::Done)
            }
            Call::RevokeSessions(which) => Ok(self.revoke_sessions(which)),
            Call::CreateInvitation { customer } => {
                self.invitations.push(Invitation { customer, ended: false });
                Ok(Shown::Done)
            }
            Call::AcceptInvitation { invitation, new } => self.accept_invitation(invitation, new),
            Call::Pass(time) => {
                self.now += time;
                Ok(Shown::Done)
            }
        }
    }

    /// The present time step.
    pub const fn step(&self) -> i64 {
        (self.now.as_secs() / STEP.as_secs()).cast_signed()
    }

    /// Whose token it is.
    pub fn customer_of(&self, holder: Holder) -> usize {
        match holder {
            Holder::Start(start) => self.starts[start].customer,
            Holder::SignIn(sign_in) => self.sign_ins[sign_in].customer,
            Holder::Invitation(invitation) => self.invitations[invitation].customer,
            Holder::Session(session) => self.sessions[session].customer,
        }
    }

    /// The same holder's factor in force.
    pub fn factor_of(&self, holder: Holder) -> Option<Factor> {
        self.customers[self.customer_of(holder)].factor
    }

    /// What a holder has started and may go on with.
    pub fn enrollment_of(&self, holder: Holder) -> Option<Enrollment> {
        self.enrollments.get(&holder).copied().filter(|found| self.now < found.expires_at)
    }

    fn setup_of(&self, holder: Holder) -> Option<Setup> {
        self.enrollment_of(holder).map(|found| match found.verified {
            Some(_) => Setup::Verified,
            None => Setup::Pending,
        })
    }

    /// MFA is enforced now.
    pub fn enforces(&self) -> bool {
        self.policy.enforced && self.policy.enforced_from.is_none_or(|from| from <= self.now)
    }

    /// When MFA will be enforced.
    pub fn announced(&self) -> Option<Duration> {
        self.policy.enforced_from.filter(|from| self.policy.enforced && *from > self.now)
    }

    /// Backup codes that are left.
    pub fn codes_left(&self, customer: usize) -> i32 {
        let used = self.customers[customer].codes.map(|set| self.sets[set]);
        used.map_or(0, |used| used.iter().filter(|used| !**used).map(|_| 1).sum())
    }

    /// A customer's MFA, but for what is being set up.
    pub fn mfa_of(&self, customer: usize) -> Mfa {
        let enabled = self.customers[customer].factor.is_some();
        Mfa {
            enabled,
            pending: None,
            backup_codes: self.codes_left(customer),
            enforced: self.enforces(),
            enroll_by: self.announced().filter(|_| !enabled),
        }
    }

    fn mfa(&self, session: usize) -> Mfa {
        let pending = self.setup_of(Holder::Session(session));
        Mfa { pending, ..self.mfa_of(self.sessions[session].customer) }
    }

    /// You get back what you came with.
    fn shown(&self, holder: Holder) -> Shown {
        match holder {
            Holder::SignIn(sign_in) => Shown::SignIn(self.next(sign_in)),
            Holder::Session(session) => Shown::Mfa(self.mfa(session)),
            Holder::Start(_) | Holder::Invitation(_) => panic!("no sign-in is under way"),
        }
    }
}

const fn because<T>(reason: ErrorReason) -> Result<T, Refused> {
    Err(Refused::For(Reason(reason)))
}
