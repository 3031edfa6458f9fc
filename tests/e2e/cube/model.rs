//! The model: what the contract says that a call comes to. Written from the
//! contract, to be read beside it.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason::{
    CustomerSuspended, EnrollmentNotStarted, EnrollmentNotVerified, MfaEnforced, MfaNotEnabled,
    PortalUsesSaml, ReauthenticationRequired, SignInInvalid, SignInLocked,
};
use gatehouse_domain::time::Timestamp;

use super::{Assurance, By, Outcome, Policy, Proof, Rpc, Setup, State};
use Outcome::{Done, Ended, Enroll, Mfa, Next, Refused, Session};
use gatehouse_tests::Refusal;

/// What `rpc` comes to at `now`, for a customer in `state` of a portal with `policy`.
pub fn outcome(policy: Policy, state: State, rpc: Rpc, now: Timestamp) -> Outcome {
    let cell = Cell { policy, state, now };
    match rpc {
        // Nothing of these is about the customer.
        Rpc::GetOwnPortal => Ok(Done),
        Rpc::StartSignIn if policy == Policy::Saml => Ok(Next("saml")),
        Rpc::StartSignIn => Ok(Next("password")),
        Rpc::RequestInvitation => cell.passwords_are_taken().map(|()| Done),

        Rpc::VerifyPassword | Rpc::AcceptInvitation => cell.prove_password(),
        Rpc::GetSignIn
        | Rpc::VerifySecondFactor
        | Rpc::StartEnrollment(By::SignIn)
        | Rpc::VerifyEnrollment(By::SignIn)
        | Rpc::DeleteEnrollment(By::SignIn)
        | Rpc::EnableMfa(By::SignIn)
        | Rpc::GenerateBackupCodes(By::SignIn)
        | Rpc::FinishSignIn => cell.go_on(rpc),

        // Of a dead session it succeeds, and ends none.
        Rpc::SignOut => Ok(Ended(i32::from(state != State::Suspended))),
        _ => cell.in_my_account(rpc),
    }
    .unwrap_or_else(|refusal| Refused(*refusal))
}

struct Cell {
    policy: Policy,
    state: State,
    now: Timestamp,
}

type Judged<T = Outcome> = Result<T, Box<Refusal>>;

fn refuse<T>(refusal: Refusal) -> Judged<T> {
    Err(refusal.into())
}

impl Cell {
    fn has_factor(&self) -> bool {
        matches!(self.state, State::InForce | State::JustEnabled | State::Locked)
    }

    /// What the session is setting up, and the sign-in likewise.
    fn setup(&self) -> Setup {
        match self.state {
            State::Pending => Setup::Pending,
            State::Verified => Setup::Verified,
            _ => Setup::Nothing,
        }
    }

    /// On a SAML portal nothing that is about passwords goes on, whatever the
    /// customer's state.
    fn passwords_are_taken(&self) -> Judged<()> {
        if self.policy == Policy::Saml { refuse(Refusal::of(PortalUsesSaml)) } else { Ok(()) }
    }

    /// The password, typed in or set by invitation, is right: only now may it be
    /// told that the customer is suspended. A locked one reaches `second_factor`.
    fn prove_password(&self) -> Judged {
        self.passwords_are_taken()?;
        if self.state == State::Suspended {
            refuse(Refusal::of(CustomerSuspended))
        } else if self.has_factor() {
            Ok(Next("second_factor"))
        } else if self.policy == Policy::Enforced {
            Ok(Enroll { optional: false, setup: Setup::Nothing })
        } else {
            Ok(Next("session"))
        }
    }

    /// A call of the sign-in that has been under way since MFA was enforced.
    fn go_on(&self, rpc: Rpc) -> Judged {
        // Suspension has ended it.
        if self.state == State::Suspended {
            return refuse(Refusal::of(SignInInvalid));
        }
        if rpc == Rpc::GetSignIn {
            return Ok(self.step());
        }
        self.passwords_are_taken()?;
        match (self.step(), rpc) {
            (Enroll { optional, .. }, Rpc::StartEnrollment(_)) => {
                Ok(Enroll { optional, setup: Setup::Pending })
            }
            // Of a verified one the code is not read.
            (
                Enroll { optional, setup: Setup::Pending | Setup::Verified },
                Rpc::VerifyEnrollment(_),
            ) => Ok(Enroll { optional, setup: Setup::Verified }),
            (Enroll { .. }, Rpc::VerifyEnrollment(_)) => refuse(Refusal::of(EnrollmentNotStarted)),
            (Enroll { optional, .. }, Rpc::DeleteEnrollment(_)) => {
                Ok(Enroll { optional, setup: Setup::Nothing })
            }
            (Enroll { setup, .. }, Rpc::EnableMfa(_)) => {
                enable(setup).map(|()| Next("backup_codes"))
            }
            // At an optional `enroll` enforcement has ended meanwhile.
            (Enroll { optional: true, .. } | Next("backup_codes"), Rpc::FinishSignIn) => {
                Ok(Next("session"))
            }
            // Repeated by what has enabled it, EnableMfa answers the same again.
            (Next("backup_codes"), Rpc::EnableMfa(_) | Rpc::GenerateBackupCodes(_)) => {
                Ok(Next("backup_codes"))
            }

            (Next("second_factor"), Rpc::VerifySecondFactor) => {
                self.prove_code().map(|()| Next("session"))
            }

            (Enroll { .. }, _) => refuse(Refusal::step("enroll")),
            (Next(step), _) => refuse(Refusal::step(step)),
            (step, _) => panic!("a sign-in is at {step:?}"),
        }
    }

    /// What the sign-in asks for under the policy of now.
    fn step(&self) -> Outcome {
        match self.state {
            _ if self.policy == Policy::Saml => Next("saml"),
            State::InForce | State::Locked => Next("second_factor"),
            State::JustEnabled => Next("backup_codes"),
            _ => Enroll { optional: self.policy != Policy::Enforced, setup: self.setup() },
        }
    }

    fn prove_code(&self) -> Judged<()> {
        if self.state == State::Locked {
            let lock = Duration::from_mins(15);
            refuse(Refusal::of(SignInLocked).wait(self.now, lock))
        } else {
            Ok(())
        }
    }

    /// A call of the session. SAML leaves it alone, but for the password.
    fn in_my_account(&self, rpc: Rpc) -> Judged {
        if rpc == Rpc::ChangePassword {
            self.passwords_are_taken()?;
        }
        if self.state == State::Suspended {
            return refuse(Refusal::session_ended("suspended"));
        }
        let in_force = self.has_factor();
        match rpc {
            Rpc::GetMfa => Ok(Mfa { in_force, setup: self.setup() }),
            Rpc::ListOwnSessions => Ok(Done),
            Rpc::ValidateSession => Ok(Session(self.assurance())),
            Rpc::ValidateSessionAs(_) => self.step_up(),
            Rpc::ReauthenticateSession(proof) => self.prove_again(proof),

            // A change keeps the factor in force until it is enabled.
            Rpc::StartEnrollment(_) => {
                self.is_fresh().map(|()| Mfa { in_force, setup: Setup::Pending })
            }
            Rpc::VerifyEnrollment(_) if self.setup() == Setup::Nothing => {
                refuse(Refusal::of(EnrollmentNotStarted))
            }
            Rpc::VerifyEnrollment(_) => Ok(Mfa { in_force, setup: Setup::Verified }),
            Rpc::DeleteEnrollment(_) => Ok(Mfa { in_force, setup: Setup::Nothing }),
            Rpc::EnableMfa(_) => {
                // Repeated by what has enabled it, it answers the same again.
                if !matches!(self.state, State::InForce | State::Locked) {
                    enable(self.setup())?;
                }
                Ok(Mfa { in_force: true, setup: Setup::Nothing })
            }
            Rpc::DisableMfa if self.policy == Policy::Enforced => refuse(Refusal::of(MfaEnforced)),
            // Factor and backup codes go; what is being set up stays.
            Rpc::DisableMfa => {
                self.is_fresh().map(|()| Mfa { in_force: false, setup: self.setup() })
            }
            Rpc::GenerateBackupCodes(_) if !in_force => refuse(Refusal::of(MfaNotEnabled)),
            Rpc::GenerateBackupCodes(_) => {
                self.is_fresh().map(|()| Mfa { in_force, setup: Setup::Nothing })
            }
            // There is no other session.
            Rpc::ChangePassword => self.is_fresh().map(|()| Ended(0)),
            _ => panic!("{rpc:?} is not on behalf of a session"),
        }
    }

    /// Who has enabled a factor in My Account has proven it by that.
    fn assurance(&self) -> Assurance {
        match self.state {
            State::InForce | State::Locked => Assurance::MultiFactor,
            _ => Assurance::Password,
        }
    }

    /// A session that has to be multi-factor. Without a factor it cannot become so.
    fn step_up(&self) -> Judged {
        if !self.has_factor() {
            return refuse(Refusal::of(MfaNotEnabled));
        }
        self.is_fresh().map(|()| Session(Assurance::MultiFactor))
    }

    /// No time has passed; but where a factor is in force, only a proof of it
    /// counts, and the session from before it has none.
    fn is_fresh(&self) -> Judged<()> {
        if self.has_factor() && self.assurance() == Assurance::Password {
            // No backup codes have been made yet.
            refuse(Refusal::of(ReauthenticationRequired).with("accepted", "totp_code"))
        } else {
            Ok(())
        }
    }

    /// With a factor in force the password is the wrong kind, and without one a code.
    fn prove_again(&self, proof: Proof) -> Judged {
        match (proof, self.has_factor()) {
            (Proof::Password, false) => Ok(Session(Assurance::Password)),
            (Proof::Password, true) => refuse(Refusal::invalid(&["password"])),
            (Proof::Code, false) => refuse(Refusal::invalid(&["totp_code"])),
            (Proof::Code, true) => self.prove_code().map(|()| Session(Assurance::MultiFactor)),
        }
    }
}

/// A secret comes into force only when its code has been verified.
fn enable(setup: Setup) -> Judged<()> {
    match setup {
        Setup::Nothing => refuse(Refusal::of(EnrollmentNotStarted)),
        Setup::Pending => refuse(Refusal::of(EnrollmentNotVerified)),
        Setup::Verified => Ok(()),
    }
}
