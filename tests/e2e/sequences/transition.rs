//! What may happen next, by numbers that shrink: "the third live sign-in" is
//! whichever that is once earlier calls are left out.

mod perform;
mod pick;
mod single;
#[cfg(test)]
mod tests;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::call::Change;
use super::model::{Model, Policy};

const CUSTOMERS: u32 = 2;

/// One of several; if it is to be `apt`, of those for whom the call comes furthest.
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
pub enum RevokedPick {
    Session(u8),
    Customer(u8),
    Portal,
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

/// What happens between two steps.
#[derive(Clone, Copy, Debug)]
pub enum Meanwhile {
    Nothing,
    Pass(Time),
    UpdatePortal(ChangePick),
    Reset,
    SuspendAndLift,
}

#[derive(Clone, Copy, Debug)]
pub enum Transition {
    /// StartSignIn and VerifyPassword.
    SignIn(u8, PasswordPick),
    /// That, and whatever is asked for next until there is a session.
    SignInWholly(u8, CodePick, Meanwhile),
    StartSignIn(u8),
    GetSignIn(Pick),
    VerifyPassword(Pick, PasswordPick),
    VerifySecondFactor(Pick, CodePick),
    /// So many wrong codes, at one sign-in.
    Guess(Pick, u8),
    FinishSignIn(Pick),
    /// StartEnrollment, VerifyEnrollment and EnableMfa.
    SetUp(Pick, Meanwhile),
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
    Suspend(u8),
    /// Whoever is suspended, if anybody is.
    Lift,
    UnlockCustomer(u8),
    RevokeSessions(RevokedPick),
    CreateInvitation(u8),
    AcceptInvitation(u8),
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
            10 => (customer(), password()).prop_map(|(who, typed)| T::SignIn(who, typed)),
            12 => (customer(), code(), meanwhile())
                .prop_map(|(who, typed, between)| T::SignInWholly(who, typed, between)),
            1 => customer().prop_map(T::StartSignIn),
            2 => pick().prop_map(T::GetSignIn),
            2 => (pick(), password()).prop_map(|(who, typed)| T::VerifyPassword(who, typed)),
            14 => (pick(), code()).prop_map(|(who, typed)| T::VerifySecondFactor(who, typed)),
            3 => (pick(), 1_u8..=5).prop_map(|(who, times)| T::Guess(who, times)),
            6 => pick().prop_map(T::FinishSignIn),
            6 => (pick(), meanwhile()).prop_map(|(who, between)| T::SetUp(who, between)),
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
            1 => customer().prop_map(T::Suspend),
            5 => Just(T::Lift),
            1 => customer().prop_map(T::UnlockCustomer),
            1 => revoked().prop_map(T::RevokeSessions),
            2 => customer().prop_map(T::CreateInvitation),
            3 => any::<u8>().prop_map(T::AcceptInvitation),
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
        2 => any::<u8>().prop_map(CodePick::UsedBackup),
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

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        10 => Just(Meanwhile::Nothing),
        3 => Just(Meanwhile::Pass(Time::SixMinutes)),
        2 => time().prop_map(Meanwhile::Pass),
        2 => change().prop_map(Meanwhile::UpdatePortal),
        1 => Just(Meanwhile::Reset),
        1 => Just(Meanwhile::SuspendAndLift),
    ]
}

fn target() -> impl Strategy<Value = TargetPick> {
    prop_oneof![
        Just(TargetPick::This),
        Just(TargetPick::Others),
        any::<u8>().prop_map(TargetPick::Session),
    ]
}

fn revoked() -> impl Strategy<Value = RevokedPick> {
    prop_oneof![
        any::<u8>().prop_map(RevokedPick::Session),
        any::<u8>().prop_map(RevokedPick::Customer),
        Just(RevokedPick::Portal),
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
