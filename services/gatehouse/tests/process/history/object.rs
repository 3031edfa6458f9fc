//! What calls make, and what ends it.

use std::time::Duration;

use super::{Act, Call, Id, RightCode, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    SignIn(Id),
    Session(Id),
    Factor(Id),
    BackupCodes(Id),
    Invitation(Id),
}

/// Whether a call that happened has ended an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Surely,
    Perhaps,
    No,
}

/// An object, and since when it or what it stands on is known to be there.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub object: Object,
    /// The call that made it.
    pub made: Span,
    /// The end of the first call that made the sign-in it comes from.
    sign_in: Option<Duration>,
    /// The same of the factor it was made with.
    factor: Option<Duration>,
}

impl RightCode {
    /// What has to be in force for it.
    pub fn object(self) -> Object {
        match self {
            Self::Totp { factor, .. } => Object::Factor(factor),
            Self::Backup { set, .. } => Object::BackupCodes(set),
        }
    }
}

impl Act {
    pub fn makes(&self) -> Vec<Object> {
        match *self {
            Self::VerifyPassword { sign_in, session, .. }
            | Self::AcceptInvitation { sign_in, session, .. } => {
                vec![Object::SignIn(sign_in), Object::Session(session)]
            }
            Self::VerifySecondFactor { session, .. } | Self::FinishSignIn { session, .. } => {
                vec![Object::Session(session)]
            }
            Self::EnableMfa { factor, .. } => vec![Object::Factor(factor)],
            Self::GenerateBackupCodes { set } => vec![Object::BackupCodes(set)],
            Self::CreateInvitation { invitation } => vec![Object::Invitation(invitation)],
            _ => Vec::new(),
        }
    }

    /// What has to be there for it to succeed.
    pub fn needs(&self) -> Vec<Object> {
        match *self {
            Self::VerifySecondFactor { sign_in, code, .. } => {
                vec![Object::SignIn(sign_in), code.object()]
            }
            Self::FinishSignIn { sign_in, .. } => vec![Object::SignIn(sign_in)],
            Self::AcceptInvitation { invitation, .. } => vec![Object::Invitation(invitation)],
            Self::Validate { session }
            | Self::SignOutOthers { of: session }
            | Self::ChangePassword { session, .. } => vec![Object::Session(session)],
            _ => Vec::new(),
        }
    }
}

/// When `object` of a customer was made, if that was acknowledged.
pub fn life(calls: &[&Call], object: Object) -> Option<Life> {
    let maker = maker(calls, object)?;
    let known = |object| self::maker(calls, object).map(|call| call.span.end);
    let (sign_in, factor) = match maker.act {
        Act::VerifySecondFactor { sign_in, code, .. } => {
            (known(Object::SignIn(sign_in)), known(code.object()))
        }
        Act::FinishSignIn { sign_in, factor, .. } => (
            known(Object::SignIn(sign_in)),
            factor.and_then(|factor| known(Object::Factor(factor))),
        ),
        _ => (None, None),
    };
    Some(Life { object, made: maker.span, sign_in, factor })
}

/// The first to be acknowledged, of those that repeat each other.
fn maker<'a>(calls: &[&'a Call], object: Object) -> Option<&'a Call> {
    let makers = calls.iter().filter(|call| call.succeeded() && call.act.makes().contains(&object));
    makers.min_by_key(|call| call.span.end).copied()
}

/// Whether `call` ends the object, if it happens.
pub fn ends(call: &Call, life: &Life) -> Ends {
    use Object::{BackupCodes, Factor, Invitation, Session, SignIn};

    let start = call.span.start;
    let made = Some(life.made.end);
    // What is known to be there before the call began does not outlive it.
    let if_there = |since: &[Option<Duration>]| {
        let there = since.iter().flatten().any(|since| *since <= start);
        if there { Ends::Surely } else { Ends::Perhaps }
    };
    match (call.act, life.object) {
        (Act::Reset, Session(_)) => if_there(&[made, life.sign_in, life.factor]),
        (Act::Reset | Act::Suspend | Act::ChangePassword { .. }, SignIn(_) | Invitation(_))
        | (Act::Reset, Factor(_) | BackupCodes(_))
        | (Act::Revoke, Session(_)) => if_there(&[made]),
        (Act::Suspend, Session(_)) => if_there(&[made, life.sign_in]),
        (Act::SignOut { session }, Session(id)) if session == id => Ends::Surely,
        (Act::SignOutOthers { of }, Session(id)) if of != id => if_there(&[made]),
        (Act::ChangePassword { session, .. }, Session(id)) if session != id => {
            if_there(&[made, life.sign_in])
        }
        (Act::AcceptInvitation { session, .. }, Session(id)) if session != id => {
            if_there(&[made, life.sign_in])
        }
        (Act::AcceptInvitation { sign_in, .. }, SignIn(id)) if sign_in != id => if_there(&[made]),
        (Act::AcceptInvitation { invitation, .. }, Invitation(id)) if invitation != id => {
            if_there(&[made])
        }
        (Act::EnableMfa { factor, .. }, Factor(id)) if factor != id => if_there(&[made]),
        (Act::GenerateBackupCodes { set }, BackupCodes(id)) if set != id => if_there(&[made]),
        _ => Ends::No,
    }
}
