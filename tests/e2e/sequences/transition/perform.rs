//! The calls that a transition makes, in the state that it meets.

use std::time::Duration;

use gatehouse_api::v1::ErrorReason;

use super::super::call::{
    Call, Change, Code, Holder, Next, Reason, Refused, Revoked, Shown, Target,
};
use super::super::model::{Model, STEP};
use super::pick::Phone;
use super::{
    ChangePick, CodePick, Meanwhile, PasswordPick, Pick, RevokedPick, TargetPick, Time, Transition,
};

const MINUTE: Duration = Duration::from_mins(1);
/// No case lasts a day, after which wrong passwords are forgotten.
const LONGEST: Duration = Duration::from_hours(23);
/// How long enforcement is announced before.
const NOTICE: Duration = Duration::from_hours(1);

impl Transition {
    /// Makes its calls; none, or not all, where there is nobody to call for.
    pub(super) fn perform(self, model: &mut Model) -> Option<()> {
        let customer = |number: u8| usize::from(number) % model.customers.len();
        match self {
            Self::SignIn(who, typed) => {
                let customer = customer(who);
                model.make(Call::StartSignIn { customer }).ok()?;
                let password = typed.of(model, customer);
                let sign_in = Holder::Start(model.starts.len() - 1);
                model.make(Call::VerifyPassword { sign_in, password }).ok()?;
            }
            Self::SignInWholly(who, typed, between) => {
                let customer = customer(who);
                return sign_in_wholly(model, customer, typed, between);
            }
            Self::StartSignIn(who) => {
                let customer = customer(who);
                model.make(Call::StartSignIn { customer }).ok()?;
            }
            Self::GetSignIn(who) => {
                let call = |_: &Model, holder| Some(Call::GetSignIn(holder));
                who.call(model, &all_sign_ins(model), call)?;
            }
            Self::VerifyPassword(who, typed) => {
                who.call(model, &all_sign_ins(model), |model, sign_in| {
                    let password = typed.of(model, model.customer_of(sign_in));
                    Some(Call::VerifyPassword { sign_in, password })
                })?;
            }
            Self::VerifySecondFactor(who, typed) => {
                who.call(model, &sign_ins(model), |model, sign_in| {
                    let code = typed.of(model, sign_in, Phone::InForce)?;
                    Some(Call::VerifySecondFactor { sign_in, code })
                })?;
            }
            Self::Guess(who, times) => {
                let code = Code::WrongTotp;
                let sign_in = who.call(model, &sign_ins(model), |_, sign_in| {
                    Some(Call::VerifySecondFactor { sign_in, code })
                })?;
                for _ in 1..times {
                    let _ = model.make(Call::VerifySecondFactor { sign_in, code });
                }
            }
            Self::FinishSignIn(who) => {
                let call = |_: &Model, holder| Some(Call::FinishSignIn(holder));
                who.call(model, &sign_ins(model), call)?;
            }
            Self::SetUp(who, between) => {
                let call = |_: &Model, holder| Some(Call::StartEnrollment(holder));
                let holder = who.call(model, &holders(model), call)?;
                return finish_setup(model, holder, between);
            }
            Self::StartEnrollment(who) => {
                let call = |_: &Model, holder| Some(Call::StartEnrollment(holder));
                who.call(model, &holders(model), call)?;
            }
            Self::VerifyEnrollment(who, typed) => {
                who.call(model, &holders(model), |model, holder| {
                    let code = typed.of(model, holder, Phone::Pending)?;
                    // A backup code is not in the request's grammar.
                    let is_totp = matches!(code, Code::Totp { .. } | Code::WrongTotp);
                    is_totp.then_some(Call::VerifyEnrollment { holder, code })
                })?;
            }
            Self::DeleteEnrollment(who) => {
                let call = |_: &Model, holder| Some(Call::DeleteEnrollment(holder));
                who.call(model, &holders(model), call)?;
            }
            Self::EnableMfa(who) => {
                let call = |_: &Model, holder| Some(Call::EnableMfa(holder));
                who.call(model, &holders(model), call)?;
            }
            Self::GenerateBackupCodes(who) => {
                let call = |_: &Model, holder| Some(Call::GenerateBackupCodes(holder));
                who.call(model, &holders(model), call)?;
            }
            Self::GetMfa(who) => {
                who.call_session(model, |_, session| Some(Call::GetMfa { session }))?;
            }
            Self::DisableMfa(who) => {
                who.call_session(model, |_, session| Some(Call::DisableMfa { session }))?;
            }
            Self::ValidateSession(who, multi_factor, fresh) => {
                who.call_session(model, |_, session| {
                    Some(Call::ValidateSession { session, multi_factor, fresh })
                })?;
            }
            Self::ReauthenticateSession(who, proof) => {
                who.call_session(model, |model, session| {
                    let proof = proof.of(model, session)?;
                    Some(Call::ReauthenticateSession { session, proof })
                })?;
            }
            Self::ChangePassword(who, typed) => {
                who.call_session(model, |model, session| {
                    let current = typed.of(model, model.sessions[session].customer);
                    Some(Call::ChangePassword { session, current, new: model.passwords })
                })?;
            }
            Self::SignOut(who, target) => {
                who.call_session(model, |model, session| {
                    let target = match target {
                        TargetPick::This => Target::This,
                        TargetPick::Others => Target::Others,
                        TargetPick::Session(other) => {
                            Target::Session(usize::from(other) % model.sessions.len())
                        }
                    };
                    Some(Call::SignOut { session, target })
                })?;
            }
            Self::UpdatePortal(ChangePick::Now(change)) => {
                model.make(Call::UpdatePortal(change)).ok()?;
            }
            Self::UpdatePortal(ChangePick::Announce) => {
                let change = Change::Announce(model.now + NOTICE);
                model.make(Call::UpdatePortal(change)).ok()?;
            }
            Self::ResetCustomerMfa(who, end_password) => {
                let customer = customer(who);
                model.make(Call::ResetCustomerMfa { customer, end_password }).ok()?;
            }
            Self::Suspend(who) => {
                let customer = customer(who);
                model.make(Call::Suspend { customer, suspended: true }).ok()?;
            }
            Self::Lift => {
                let customer = model.customers.iter().position(|found| found.suspended)?;
                model.make(Call::Suspend { customer, suspended: false }).ok()?;
            }
            Self::UnlockCustomer(who) => {
                let customer = customer(who);
                model.make(Call::UnlockCustomer { customer }).ok()?;
            }
            Self::RevokeSessions(which) => {
                let which = match which {
                    RevokedPick::Portal => Revoked::Portal,
                    RevokedPick::Customer(who) => Revoked::Customer(customer(who)),
                    RevokedPick::Session(number) => {
                        Revoked::Session(usize::from(number).checked_rem(model.sessions.len())?)
                    }
                };
                model.make(Call::RevokeSessions(which)).ok()?;
            }
            Self::CreateInvitation(who) => {
                let customer = customer(who);
                model.make(Call::CreateInvitation { customer }).ok()?;
            }
            Self::AcceptInvitation(number) => {
                // The newest is the likeliest to be alive.
                let last = model.invitations.len().checked_sub(1)?;
                let invitation = last - usize::from(number / 64).min(last);
                let new = model.passwords;
                model.make(Call::AcceptInvitation { invitation, new }).ok()?;
            }
            Self::Pass(time) => {
                let time = match time {
                    Time::Second => Duration::from_secs(1),
                    Time::Step => STEP,
                    Time::SixMinutes => 6 * MINUTE,
                    Time::TwentyMinutes => 20 * MINUTE,
                    Time::ToAnnounced => model.announced()? - model.now,
                };
                if model.now + time < LONGEST {
                    model.make(Call::Pass(time)).ok()?;
                }
            }
        }
        Some(())
    }
}

/// Goes all the way from the start to the session.
fn sign_in_wholly(
    model: &mut Model,
    customer: usize,
    typed: CodePick,
    between: Meanwhile,
) -> Option<()> {
    model.make(Call::StartSignIn { customer }).ok()?;
    let password = PasswordPick::Right.of(model, customer);
    let sign_in = Holder::Start(model.starts.len() - 1);
    let proven = model.make(Call::VerifyPassword { sign_in, password }).ok()?;
    let Shown::SignIn(next) = proven else { return None };
    let holder = Holder::SignIn(model.sign_ins.len().checked_sub(1)?);
    match next {
        Next::SecondFactor { .. } => {
            let code = typed.of(model, holder, Phone::InForce)?;
            between.perform(model, customer);
            model.make(Call::VerifySecondFactor { sign_in: holder, code }).ok()?;
        }
        Next::Enroll { .. } => {
            model.make(Call::StartEnrollment(holder)).ok()?;
            finish_setup(model, holder, Meanwhile::Nothing)?;
            model.make(Call::GenerateBackupCodes(holder)).ok()?;
            between.perform(model, customer);
            model.make(Call::FinishSignIn(holder)).ok()?;
        }
        _ => {}
    }
    Some(())
}

/// Verifies and enables what `holder` has started.
fn finish_setup(model: &mut Model, holder: Holder, between: Meanwhile) -> Option<()> {
    let code = CodePick::Fresh.of(model, holder, Phone::Pending)?;
    model.make(Call::VerifyEnrollment { holder, code }).ok()?;
    between.perform(model, model.customer_of(holder));
    model.make(Call::EnableMfa(holder)).ok()?;
    Some(())
}

impl Meanwhile {
    fn perform(self, model: &mut Model, customer: usize) {
        let suspend = |suspended| Call::Suspend { customer, suspended };
        let _ = match self {
            Self::Nothing => Some(()),
            Self::Pass(time) => Transition::Pass(time).perform(model),
            Self::UpdatePortal(change) => Transition::UpdatePortal(change).perform(model),
            Self::Reset => {
                let reset = Call::ResetCustomerMfa { customer, end_password: false };
                model.make(reset).ok().map(drop)
            }
            Self::SuspendAndLift => {
                [true, false].into_iter().try_for_each(|on| model.make(suspend(on)).ok().map(drop))
            }
        };
    }
}

fn sign_ins(model: &Model) -> Vec<Holder> {
    (0..model.sign_ins.len()).map(Holder::SignIn).collect()
}

fn all_sign_ins(model: &Model) -> Vec<Holder> {
    (0..model.starts.len()).map(Holder::Start).chain(sign_ins(model)).collect()
}

fn sessions(model: &Model) -> Vec<Holder> {
    (0..model.sessions.len()).map(Holder::Session).collect()
}

/// Everything that may set a factor up.
fn holders(model: &Model) -> Vec<Holder> {
    sign_ins(model).into_iter().chain(sessions(model)).collect()
}

/// How far a refused call has come: what was typed was looked at, or not even that.
const fn rank(refused: Refused) -> u8 {
    match refused {
        Refused::WrongCode { .. } | Refused::Wait(..) => 1,
        Refused::For(Reason(ErrorReason::CredentialsRejected)) => 1,
        _ => 0,
    }
}

impl Pick {
    /// Makes a call for one of `holders`; says for which.
    fn call(
        self,
        model: &mut Model,
        holders: &[Holder],
        call: impl Fn(&Model, Holder) -> Option<Call>,
    ) -> Option<Holder> {
        let calls: Vec<_> =
            holders.iter().filter_map(|&holder| Some((holder, call(model, holder)?))).collect();
        let rank =
            |call| if self.apt { model.clone().make(call).map_or_else(rank, |_| 2) } else { 0 };
        let ranked: Vec<_> =
            calls.into_iter().map(|(holder, call)| (rank(call), holder, call)).collect();
        let best = ranked.iter().map(|(rank, ..)| *rank).max()?;
        let apt: Vec<_> = ranked.into_iter().filter(|(rank, ..)| *rank == best).collect();
        let last = apt.len().checked_sub(1)?;
        // The newest is the likeliest to be alive, and what shrinking comes to.
        let (_, holder, call) = apt[last - usize::from(self.number) % apt.len()];
        let _ = model.make(call);
        Some(holder)
    }

    fn call_session(
        self,
        model: &mut Model,
        call: impl Fn(&Model, usize) -> Option<Call>,
    ) -> Option<Holder> {
        self.call(model, &sessions(model), |model, holder| match holder {
            Holder::Session(session) => call(model, session),
            _ => None,
        })
    }
}
