//! What is typed: passwords and codes, by what they are to the one who types.

use super::super::call::{Code, Holder, Password, Proof};
use super::super::model::Model;
use super::{CodePick, PasswordPick, ProofPick};

impl PasswordPick {
    pub(super) fn of(self, model: &Model, customer: usize) -> Password {
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
pub(super) enum Phone {
    InForce,
    Pending,
}

impl CodePick {
    /// The code that this means; `None` if there is none.
    pub(super) fn of(self, model: &Model, holder: Holder, phone: Phone) -> Option<Code> {
        let factor = model.factor_of(holder);
        let (phone, accepted) = match phone {
            Phone::InForce => (factor.map(|found| found.phone), factor.map(|found| found.accepted)),
            Phone::Pending => (model.enrollment_of(holder).map(|found| found.phone), None),
        };
        let totp = |step| Some(Code::Totp { phone: phone?, step });
        let set = model.customers[model.customer_of(holder)].codes;
        let slot = |number: u8, used: bool| {
            let set = set?;
            let slots: Vec<_> = (0..5).filter(|&slot| model.sets[set][slot] == used).collect();
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
    pub(super) fn of(self, model: &Model, session: usize) -> Option<Proof> {
        let holder = Holder::Session(session);
        match self {
            Self::Code(typed) => typed.of(model, holder, Phone::InForce).map(Proof::Code),
            Self::Password(typed) => {
                Some(Proof::Password(typed.of(model, model.customer_of(holder))))
            }
            Self::Apt if model.factor_of(holder).is_some() => {
                CodePick::Fresh.of(model, holder, Phone::InForce).map(Proof::Code)
            }
            Self::Apt => {
                Some(Proof::Password(PasswordPick::Right.of(model, model.customer_of(holder))))
            }
        }
    }
}
