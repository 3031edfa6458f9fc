//! The calls that a transition makes, in the state that it meets.

use gatehouse_api::v1::ErrorReason;

use super::super::call::{Call, Code, Holder, Next, Reason, Refused, Shown};
use super::super::model::Model;
use super::pick::Phone;
use super::{CodePick, Meanwhile, PasswordPick, Pick, Transition};

impl Transition {
    /// Makes its calls; none, or not all, where there is nobody to call for.
    pub(super) fn perform(self, model: &mut Model) -> Option<()> {
        match self {
            Self::SignIn(who, typed) => {
                let customer = model.number_of(who);
                model.make(Call::StartSignIn { customer }).ok()?;
                let password = typed.of(model, customer);
                let sign_in = Holder::Start(model.starts.len() - 1);
                model.make(Call::VerifyPassword { sign_in, password }).ok()?;
            }
            Self::SignInWholly(who, typed, between) => {
                sign_in_wholly(model, model.number_of(who), typed, between)?;
            }
            Self::Guess(who, times) => {
                let code = Code::WrongTotp;
                let guess = |_: &Model, sign_in| Some(Call::VerifySecondFactor { sign_in, code });
                let sign_in = who.call(model, &model.sign_in_holders(), guess)?;
                for _ in 1..times {
                    let _ = model.make(Call::VerifySecondFactor { sign_in, code });
                }
            }
            Self::SetUp(who, between) => {
                let start = |_: &Model, holder| Some(Call::StartEnrollment(holder));
                let holder = who.call(model, &model.enrolling_holders(), start)?;
                finish_setup(model, holder, between)?;
            }
            _ => match self.holders(model) {
                Some((who, holders)) => {
                    who.call(model, &holders, |model, holder| self.by_holder(model, holder))?;
                }
                None => drop(model.make(self.by_nobody(model)?)),
            },
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

/// How far a refused call has come: what was typed was looked at, or not even that.
const fn rank(refused: Refused) -> u8 {
    match refused {
        Refused::WrongCode { .. }
        | Refused::Wait(..)
        | Refused::For(Reason(ErrorReason::CredentialsRejected)) => 1,
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
}
