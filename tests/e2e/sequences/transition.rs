//! What may happen next, by numbers that shrink: "the third live sign-in" is
//! whichever that is once earlier calls are left out.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::call::{Call, Change, Code, Holder, Password, Proof, Target};
use super::model::{Model, Policy, STEP};

const MINUTE: Duration = Duration::from_mins(1);
/// No case lasts as long as a day, nor an announcement as a case.
const LONGEST: Duration = Duration::from_hours(23);
const NOTICE: Duration = Duration::from_hours(1);
const CUSTOMERS: u32 = 2;

/// One of several; of those for whom the call would succeed, if there are any
/// and it is to be `apt`.
#[derive(Clone, Copy, Debug)]
pub struct Pick {
    number: u8,
    apt: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum PasswordPick {
    Right,
    Wrong,
    /// One of the customer's or another's, this many before the last.
    Earlier(u8),
}

#[derive(Clone, Copy, Debug)]
pub enum CodePick {
    /// The one that the right phone shows, or will show next if it was used.
    Fresh,
    /// What the right phone shows so many steps from now.
    Off(i8),
    /// What was accepted last.
    Used,
    Wrong,
    /// What another phone shows: an old or a pending one, another customer's.
    OtherPhone(u8),
    Backup(u8),
    UsedBackup(u8),
    /// Of whichever set.
    OtherBackup(u8, u8),
    WrongBackup,
}

#[derive(Clone, Copy, Debug)]
pub enum ProofPick {
    Code(CodePick),
    Password(PasswordPick),
    /// The kind that is asked for, and right.
    Apt,
}

#[derive(Clone, Copy, Debug)]
pub enum TargetPick {
    This,
    Others,
    Session(u8),
}

#[derive(Clone, Copy, Debug)]
pub enum ChangePick {
    Now(Change),
    /// In an hour.
    Announce,
}

#[derive(Clone, Copy, Debug)]
pub enum Time {
    Second,
    Step,
    SixMinutes,
    TwentyMinutes,
    /// Until what was announced is in force.
    ToAnnounced,
}

#[derive(Clone, Copy, Debug)]
pub enum Transition {
    /// StartSignIn and VerifyPassword.
    SignIn(u8, PasswordPick),
    StartSignIn(u8),
    GetSignIn(Pick),
    VerifyPassword(Pick, PasswordPick),
    VerifySecondFactor(Pick, CodePick),
    FinishSignIn(Pick),
    /// StartEnrollment, VerifyEnrollment and EnableMfa.
    SetUp(Pick),
    StartEnrollment(Pick),
    VerifyEnrollment(Pick, CodePick),
    DeleteEnrollment(Pick),
    EnableMfa(Pick),
    GenerateBackupCodes(Pick),
    GetMfa(Pick),
    DisableMfa(Pick),
    ValidateSession(Pick, bool, bool),
    ReauthenticateSession(Pick, ProofPick),
    ChangePassword(Pick, PasswordPick),
    SignOut(Pick, TargetPick),
    UpdatePortal(ChangePick),
    ResetCustomerMfa(u8, bool),
    Pass(Time),
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        any::<bool>()
            .prop_map(|enforced| Self::new(Policy { enforced, ..Policy::default() }, CUSTOMERS))
            .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        use Transition as T;

        let customer = any::<u8>;
        prop_oneof![
            12 => (customer(), password()).prop_map(|(who, typed)| T::SignIn(who, typed)),
            1 => customer().prop_map(T::StartSignIn),
            2 => pick().prop_map(T::GetSignIn),
            2 => (pick(), password()).prop_map(|(who, typed)| T::VerifyPassword(who, typed)),
            14 => (pick(), code()).prop_map(|(who, typed)| T::VerifySecondFactor(who, typed)),
            6 => pick().prop_map(T::FinishSignIn),
            5 => pick().prop_map(T::SetUp),
            4 => pick().prop_map(T::StartEnrollment),
            5 => (pick(), code()).prop_map(|(who, typed)| T::VerifyEnrollment(who, typed)),
            1 => pick().prop_map(T::DeleteEnrollment),
            5 => pick().prop_map(T::EnableMfa),
            4 => pick().prop_map(T::GenerateBackupCodes),
            1 => pick().prop_map(T::GetMfa),
            2 => pick().prop_map(T::DisableMfa),
            3 => (pick(), any::<bool>(), any::<bool>())
                .prop_map(|(who, strong, fresh)| T::ValidateSession(who, strong, fresh)),
            6 => (pick(), proof()).prop_map(|(who, proof)| T::ReauthenticateSession(who, proof)),
            3 => (pick(), password()).prop_map(|(who, typed)| T::ChangePassword(who, typed)),
            2 => (pick(), target()).prop_map(|(who, target)| T::SignOut(who, target)),
            6 => change().prop_map(T::UpdatePortal),
            2 => (customer(), prop::bool::weighted(0.2))
                .prop_map(|(who, too)| T::ResetCustomerMfa(who, too)),
            12 => time().prop_map(T::Pass),
        ]
        .boxed()
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        !Self::apply(state.clone(), transition).script.is_empty()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        state.script.clear();
        // Without anybody to call for, nothing is called.
        let _ = transition.perform(&mut state);
        state
    }
}

fn pick() -> impl Strategy<Value = Pick> {
    (any::<u8>(), prop::bool::weighted(0.75)).prop_map(|(number, apt)| Pick { number, apt })
}

fn password() -> impl Strategy<Value = PasswordPick> {
    prop_oneof![
        8 => Just(PasswordPick::Right),
        2 => Just(PasswordPick::Wrong),
        1 => any::<u8>().prop_map(PasswordPick::Earlier),
    ]
}

fn code() -> impl Strategy<Value = CodePick> {
    prop_oneof![
        10 => Just(CodePick::Fresh),
        2 => (-2_i8..=2).prop_map(CodePick::Off),
        2 => Just(CodePick::Used),
        3 => Just(CodePick::Wrong),
        3 => any::<u8>().prop_map(CodePick::OtherPhone),
        3 => any::<u8>().prop_map(CodePick::Backup),
        1 => any::<u8>().prop_map(CodePick::UsedBackup),
        2 => any::<(u8, u8)>().prop_map(|(set, slot)| CodePick::OtherBackup(set, slot)),
        1 => Just(CodePick::WrongBackup),
    ]
}

fn proof() -> impl Strategy<Value = ProofPick> {
    prop_oneof![
        4 => Just(ProofPick::Apt),
        3 => code().prop_map(ProofPick::Code),
        1 => password().prop_map(ProofPick::Password),
    ]
}

fn target() -> impl Strategy<Value = TargetPick> {
    prop_oneof![
        Just(TargetPick::This),
        Just(TargetPick::Others),
        any::<u8>().prop_map(TargetPick::Session),
    ]
}

fn change() -> impl Strategy<Value = ChangePick> {
    use ChangePick::{Announce, Now};

    prop_oneof![
        4 => any::<bool>().prop_map(|end_weaker| Now(Change::Enforce { end_weaker })),
        2 => Just(Announce),
        4 => Just(Now(Change::Relax)),
        1 => Just(Now(Change::UseSaml)),
        1 => Just(Now(Change::UseSamlInstead)),
        3 => Just(Now(Change::DropSaml)),
        1 => Just(Now(Change::EnforceInstead)),
    ]
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        2 => Just(Time::Second),
        8 => Just(Time::Step),
        3 => Just(Time::SixMinutes),
        1 => Just(Time::TwentyMinutes),
        1 => Just(Time::ToAnnounced),
    ]
}

impl Transition {
    /// Makes its calls; none, or not all, where there is nobody to call for.
    fn perform(self, model: &mut Model) -> Option<()> {
        let customer = |number: u8| usize::from(number) % model.customers.len();
        match self {
            Self::SignIn(who, typed) => {
                let customer = customer(who);
                model.make(Call::StartSignIn { customer }).ok()?;
                let password = typed.of(model, customer);
                let sign_in = Holder::Start(model.starts.len() - 1);
                model.make(Call::VerifyPassword { sign_in, password }).ok()?;
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
            Self::FinishSignIn(who) => {
                let call = |_: &Model, holder| Some(Call::FinishSignIn(holder));
                who.call(model, &sign_ins(model), call)?;
            }
            Self::SetUp(who) => {
                let call = |_: &Model, holder| Some(Call::StartEnrollment(holder));
                let holder = who.call(model, &holders(model), call)?;
                let code = CodePick::Fresh.of(model, holder, Phone::Pending)?;
                model.make(Call::VerifyEnrollment { holder, code }).ok()?;
                model.make(Call::EnableMfa(holder)).ok()?;
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

impl Pick {
    /// Makes a call for one of `holders`; says for which.
    fn call(
        self,
        model: &mut Model,
        holders: &[Holder],
        call: impl Fn(&Model, Holder) -> Option<Call>,
    ) -> Option<Holder> {
        let calls: Vec<_> = holders
            .iter()
            .filter_map(|&holder| Some((holder, call(model, holder)?)))
            .collect();
        let succeed = |chosen: &(Holder, Call)| self.apt && model.would(chosen.1);
        let mut apt: Vec<_> = calls.iter().copied().filter(succeed).collect();
        if apt.is_empty() {
            apt = calls;
        }
        let last = apt.len().checked_sub(1)?;
        // The newest is the likeliest to be alive, and what shrinking comes to.
        let (holder, call) = apt[last - usize::from(self.number) % apt.len()];
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

impl PasswordPick {
    fn of(self, model: &Model, customer: usize) -> Password {
        match self {
            Self::Right => {
                model.customers[customer].password.map_or(Password::Wrong, Password::Set)
            }
            Self::Wrong => Password::Wrong,
            Self::Earlier(number) => {
                Password::Set(model.passwords - 1 - u32::from(number) % model.passwords)
            }
        }
    }
}

/// Which phone is the right one.
#[derive(Clone, Copy)]
enum Phone {
    InForce,
    Pending,
}

impl CodePick {
    /// The code that this means; `None` if there is none.
    fn of(self, model: &Model, holder: Holder, phone: Phone) -> Option<Code> {
        let factor = model.factor_of(holder);
        let (phone, accepted) = match phone {
            Phone::InForce => (factor.map(|found| found.phone), factor.map(|found| found.accepted)),
            Phone::Pending => (model.enrollment_of(holder).map(|found| found.phone), None),
        };
        let totp = |step| Some(Code::Totp { phone: phone?, step });
        let set = model.customers[model.customer_of(holder)].codes;
        let slot = |number: u8, used: bool| {
            let set = set?;
            let slots: Vec<_> = (0..5).filter(|&slot| model.sets[set].used[slot] == used).collect();
            let slot = slots.get(usize::from(number).checked_rem(slots.len())?)?;
            Some(Code::Backup { set, slot: *slot })
        };
        match self {
            Self::Fresh => {
                let next = accepted.map_or(model.step(), |accepted| accepted + 1);
                totp(next.max(model.step()))
            }
            Self::Off(steps) => totp(model.step() + i64::from(steps)),
            Self::Used => totp(accepted?),
            Self::Wrong => Some(Code::WrongTotp),
            Self::OtherPhone(number) => {
                let phone = usize::from(number).checked_rem(model.phones.len())?;
                Some(Code::Totp { phone, step: model.step() })
            }
            Self::Backup(number) => slot(number, false),
            Self::UsedBackup(number) => slot(number, true),
            Self::OtherBackup(set, slot) => {
                let set = usize::from(set).checked_rem(model.sets.len())?;
                Some(Code::Backup { set, slot: usize::from(slot) % 5 })
            }
            Self::WrongBackup => Some(Code::WrongBackup),
        }
    }
}

impl ProofPick {
    fn of(self, model: &Model, session: usize) -> Option<Proof> {
        let holder = Holder::Session(session);
        match self {
            Self::Code(typed) => typed.of(model, holder, Phone::InForce).map(Proof::Code),
            Self::Password(typed) => {
                Some(Proof::Password(typed.of(model, model.customer_of(holder))))
            }
            Self::Apt if model.factor_of(holder).is_some() => {
                CodePick::Fresh.of(model, holder, Phone::InForce).map(Proof::Code)
            }
            Self::Apt => Some(Proof::Password(
                PasswordPick::Right.of(model, model.customer_of(holder)),
            )),
        }
    }
}
