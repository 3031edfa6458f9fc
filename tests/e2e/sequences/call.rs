//! What is called and what it comes to: the words that model and system share.
//! Everything is named by its number in the case, in the order it came to be.

use std::fmt;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;
use gatehouse_domain::time::Timestamp;

use gatehouse_tests::Refusal;

/// On whose behalf a call is made: whose token it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A start whose password has not been proven.
    Start(usize),
    /// A sign-in whose password has been proven.
    SignIn(usize),
    /// An invitation, whose password is set and proven in one.
    Invitation(usize),
    /// A session.
    Session(usize),
}

/// A password that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// The one that was set as this number, over all customers.
    Set(u32),
    /// One that was never set.
    Wrong,
}

/// A second factor that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// What a phone shows in a time step, counted from the beginning of the case.
    Totp { phone: usize, step: i64 },
    /// What no phone of the customer shows.
    WrongTotp,
    /// One of the five of a set.
    Backup { set: usize, slot: usize },
    /// One of no set.
    WrongBackup,
}

/// What is given to prove the customer within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Password(Password),
    Code(Code),
}

/// Which sessions a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    This,
    Others,
    Session(usize),
}

/// Whose sessions an administrator ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    Session(usize),
    Customer(usize),
    Portal,
}

/// A change of the portal's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// MFA is enforced from now on; weaker sessions may be ended with it.
    Enforce { end_weaker: bool },
    /// MFA is enforced from this time on.
    Announce(Duration),
    /// MFA is not enforced any more.
    Relax,
    /// SAML is configured, and nothing else is changed.
    UseSaml,
    /// SAML is configured in place of enforcement.
    UseSamlInstead,
    /// SAML is taken away.
    DropSaml,
    /// SAML is taken away, and MFA enforced from now on.
    EnforceInstead,
}

/// A call, or time that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    StartSignIn {
        customer: usize,
    },
    GetSignIn(Holder),
    VerifyPassword {
        sign_in: Holder,
        password: Password,
    },
    VerifySecondFactor {
        sign_in: Holder,
        code: Code,
    },
    FinishSignIn(Holder),
    StartEnrollment(Holder),
    VerifyEnrollment {
        holder: Holder,
        code: Code,
    },
    DeleteEnrollment(Holder),
    EnableMfa(Holder),
    GenerateBackupCodes(Holder),
    GetMfa {
        session: usize,
    },
    DisableMfa {
        session: usize,
    },
    ValidateSession {
        session: usize,
        multi_factor: bool,
        fresh: bool,
    },
    ReauthenticateSession {
        session: usize,
        proof: Proof,
    },
    ChangePassword {
        session: usize,
        current: Password,
        new: u32,
    },
    SignOut {
        session: usize,
        target: Target,
    },
    UpdatePortal(Change),
    ResetCustomerMfa {
        customer: usize,
        end_password: bool,
    },
    /// UpdateCustomer, of `suspended`.
    Suspend {
        customer: usize,
        suspended: bool,
    },
    UnlockCustomer {
        customer: usize,
    },
    RevokeSessions(Revoked),
    CreateInvitation {
        customer: usize,
    },
    AcceptInvitation {
        invitation: usize,
        new: u32,
    },
    Pass(Duration),
}

/// What a successful call answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    SignIn(Next),
    Mfa(Mfa),
    /// A session, and how it is assured.
    Session {
        multi_factor: bool,
    },
    /// So many sessions were ended.
    Ended(i32),
    /// Nothing that the model foretells.
    Done,
}

/// `SignIn.next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Password,
    SecondFactor { backup_code: bool },
    Enroll { pending: Option<Setup>, optional: bool },
    BackupCodes,
    Saml,
    Session { multi_factor: bool, backup_codes: i32, enroll_by: Option<Duration> },
}

/// Where an enrollment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    Pending,
    Verified,
}

/// A customer's MFA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mfa {
    pub enabled: bool,
    /// Of the session that asks.
    pub pending: Option<Setup>,
    pub backup_codes: i32,
    pub enforced: bool,
    pub enroll_by: Option<Duration>,
}

impl Next {
    /// The name of the arm in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor { .. } => "second_factor",
            Self::Enroll { .. } => "enroll",
            Self::BackupCodes => "backup_codes",
            Self::Saml => "saml",
            Self::Session { .. } => "session",
        }
    }
}

/// A reason that says its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reason(pub ErrorReason);

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str_name())
    }
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// By a reason alone.
    For(Reason),
    /// A wrong code, of which so many more are allowed.
    WrongCode { left: u32 },
    /// Wait so long.
    Wait(Reason, Duration),
    /// The step it is at.
    Step(&'static str),
    /// How the session ended.
    Session(&'static str),
    /// The proofs that would do.
    Stale(&'static str),
    /// The field that is no good.
    Field(&'static str),
    /// MFA enforced and SAML configured.
    Conflict,
}

impl Refused {
    /// All that a client is told at `now`, in the portal of this name.
    pub fn whole(self, now: Timestamp, portal: &str) -> Refusal {
        match self {
            Self::For(reason) => Refusal::of(reason.0),
            Self::WrongCode { left } => Refusal::wrong_code(left),
            Self::Wait(reason, wait) => Refusal::of(reason.0).wait(now, wait),
            Self::Step(step) => Refusal::step(step),
            Self::Session(end) => Refusal::session_ended(end),
            Self::Stale(accepted) => {
                Refusal::of(ErrorReason::ReauthenticationRequired).with("accepted", accepted)
            }
            Self::Field(field) => Refusal::invalid(&[field]),
            Self::Conflict => {
                Refusal::of(ErrorReason::MfaEnforcementSamlConflict).precondition(portal)
            }
        }
    }
}

/// What a call comes to.
pub type Outcome = Result<Shown, Refused>;
