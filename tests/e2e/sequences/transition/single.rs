//! Transitions that are one call.

use std::time::Duration;

use super::super::call::{Call, Change, Code, Holder, Revoked, Target};
use super::super::model::{Model, STEP};
use super::pick::Phone;
use super::{ChangePick, Pick, RevokedPick, TargetPick, Time, Transition};

const MINUTE: Duration = Duration::from_mins(1);
/// No case lasts a day, after which wrong passwords are forgotten.
const LONGEST: Duration = Duration::from_hours(23);
/// How long enforcement is announced before.
const NOTICE: Duration = Duration::from_hours(1);

impl Model {
    /// The customer that a number means.
    pub fn number_of(&self, customer: u8) -> usize {
        usize::from(customer) % self.customers.len()
    }

    /// Sign-ins past their password.
    pub fn sign_in_holders(&self) -> Vec<Holder> {
        (0..self.sign_ins.len()).map(Holder::SignIn).collect()
    }

    /// Everything that may set a factor up.
    pub fn enrolling_holders(&self) -> Vec<Holder> {
        [self.sign_in_holders(), self.session_holders()].concat()
    }

    fn session_holders(&self) -> Vec<Holder> {
        (0..self.sessions.len()).map(Holder::Session).collect()
    }
}

impl Transition {
    /// For whom the call may be made, and who of them is meant.
    pub(super) fn holders(self, model: &Model) -> Option<(Pick, Vec<Holder>)> {
        let with_starts = || {
            let starts = (0..model.starts.len()).map(Holder::Start);
            starts.chain(model.sign_in_holders()).collect()
        };
        Some(match self {
            Self::GetSignIn(who) | Self::VerifyPassword(who, _) => (who, with_starts()),
            Self::VerifySecondFactor(who, _) | Self::FinishSignIn(who) => {
                (who, model.sign_in_holders())
            }
            Self::StartEnrollment(who)
            | Self::VerifyEnrollment(who, _)
            | Self::DeleteEnrollment(who)
            | Self::EnableMfa(who)
            | Self::GenerateBackupCodes(who) => (who, model.enrolling_holders()),
            Self::GetMfa(who)
            | Self::DisableMfa(who)
            | Self::ValidateSession(who, ..)
            | Self::ReauthenticateSession(who, _)
            | Self::ChangePassword(who, _)
            | Self::SignOut(who, _) => (who, model.session_holders()),
            _ => return None,
        })
    }

    /// The call for one of them; `None` if what it would type is not there.
    pub(super) fn by_holder(self, model: &Model, holder: Holder) -> Option<Call> {
        let customer = model.customer_of(holder);
        Some(match self {
            Self::GetSignIn(_) => Call::GetSignIn(holder),
            Self::VerifyPassword(_, typed) => {
                Call::VerifyPassword { sign_in: holder, password: typed.of(model, customer) }
            }
            Self::VerifySecondFactor(_, typed) => {
                let code = typed.of(model, holder, Phone::InForce)?;
                Call::VerifySecondFactor { sign_in: holder, code }
            }
            Self::FinishSignIn(_) => Call::FinishSignIn(holder),
            Self::StartEnrollment(_) => Call::StartEnrollment(holder),
            Self::VerifyEnrollment(_, typed) => {
                let code = typed.of(model, holder, Phone::Pending)?;
                // A backup code is not in the request's grammar.
                let is_totp = matches!(code, Code::Totp { .. } | Code::WrongTotp);
                return is_totp.then_some(Call::VerifyEnrollment { holder, code });
            }
            Self::DeleteEnrollment(_) => Call::DeleteEnrollment(holder),
            Self::EnableMfa(_) => Call::EnableMfa(holder),
            Self::GenerateBackupCodes(_) => Call::GenerateBackupCodes(holder),
            _ => {
                let Holder::Session(session) = holder else { return None };
                return self.by_session(model, session);
            }
        })
    }

    fn by_session(self, model: &Model, session: usize) -> Option<Call> {
        Some(match self {
            Self::GetMfa(_) => Call::GetMfa { session },
            Self::DisableMfa(_) => Call::DisableMfa { session },
            Self::ValidateSession(_, multi_factor, fresh) => {
                Call::ValidateSession { session, multi_factor, fresh }
            }
            Self::ReauthenticateSession(_, proof) => {
                Call::ReauthenticateSession { session, proof: proof.of(model, session)? }
            }
            Self::ChangePassword(_, typed) => {
                let current = typed.of(model, model.sessions[session].customer);
                Call::ChangePassword { session, current, new: model.passwords }
            }
            Self::SignOut(_, target) => {
                let target = match target {
                    TargetPick::This => Target::This,
                    TargetPick::Others => Target::Others,
                    TargetPick::Session(other) => {
                        Target::Session(usize::from(other) % model.sessions.len())
                    }
                };
                Call::SignOut { session, target }
            }
            _ => return None,
        })
    }

    /// The call that no token goes with.
    pub(super) fn by_nobody(self, model: &Model) -> Option<Call> {
        Some(match self {
            Self::StartSignIn(who) => Call::StartSignIn { customer: model.number_of(who) },
            Self::UpdatePortal(ChangePick::Now(change)) => Call::UpdatePortal(change),
            Self::UpdatePortal(ChangePick::Announce) => {
                Call::UpdatePortal(Change::Announce(model.now + NOTICE))
            }
            Self::ResetCustomerMfa(who, end_password) => {
                Call::ResetCustomerMfa { customer: model.number_of(who), end_password }
            }
            Self::Suspend(who) => Call::Suspend { customer: model.number_of(who), suspended: true },
            Self::Lift => {
                let customer = model.customers.iter().position(|found| found.suspended)?;
                Call::Suspend { customer, suspended: false }
            }
            Self::UnlockCustomer(who) => Call::UnlockCustomer { customer: model.number_of(who) },
            Self::RevokeSessions(RevokedPick::Portal) => Call::RevokeSessions(Revoked::Portal),
            Self::RevokeSessions(RevokedPick::Customer(who)) => {
                Call::RevokeSessions(Revoked::Customer(model.number_of(who)))
            }
            Self::RevokeSessions(RevokedPick::Session(number)) => {
                let session = usize::from(number).checked_rem(model.sessions.len())?;
                Call::RevokeSessions(Revoked::Session(session))
            }
            Self::CreateInvitation(who) => {
                Call::CreateInvitation { customer: model.number_of(who) }
            }
            Self::AcceptInvitation(number) => {
                // The newest is the likeliest to be alive.
                let last = model.invitations.len().checked_sub(1)?;
                let invitation = last - usize::from(number / 64).min(last);
                Call::AcceptInvitation { invitation, new: model.passwords }
            }
            Self::Pass(time) => Call::Pass(time.of(model)?),
            _ => return None,
        })
    }
}

impl Time {
    /// How long that is; `None` if it is too long for the case.
    fn of(self, model: &Model) -> Option<Duration> {
        let time = match self {
            Self::Second => Duration::from_secs(1),
            Self::Step => STEP,
            Self::SixMinutes => 6 * MINUTE,
            Self::TwentyMinutes => 20 * MINUTE,
            Self::ToAnnounced => model.announced()?.saturating_sub(model.now),
        };
        (model.now + time < LONGEST).then_some(time)
    }
}
