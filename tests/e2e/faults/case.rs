//! A call that changes something, in one of the situations that it is made in.

use std::pin::Pin;

use gatehouse_api::v1::ErrorReason;
use prost::Message;

use super::state::{ADDRESS, ADDRESS_AND_SOURCE, CODES, ENROLLMENT};
use gatehouse_tests::{Acme, Authenticator, Enrolled};

/// What a call comes to: nothing is a success.
pub type Verdict = Option<ErrorReason>;

type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Brings a customer whom no other run knows into the situation.
pub type Prepare = for<'a> fn(&'a Acme) -> Task<'a, Prepared>;

/// Holds the customer to be able to go on, once the call has been made to its end. Takes
/// the answer to the last one, which is empty where that was a refusal.
pub type Then = for<'a> fn(&'a Acme, &'a Prepared, &'a [u8]) -> Task<'a, ()>;

/// Who calls.
pub enum By {
    /// The portal's own backend.
    Portal,
    /// An administrator with every right.
    Owner,
    /// Whoever has this key.
    Key(String),
}

/// A request, and what else is looked at than the customer.
pub struct Prepared {
    pub by: By,
    pub message: Vec<u8>,
    /// A sign-in under way.
    pub sign_in: Option<String>,
    /// A session.
    pub session: Option<String>,
    /// A portal that is to be made.
    pub portal: Option<String>,
    /// What has been set up before.
    pub phone: Option<Authenticator>,
    pub backup_codes: Vec<String>,
}

impl Prepared {
    fn new(by: By, message: &impl Message) -> Self {
        Self {
            by,
            message: message.encode_to_vec(),
            sign_in: None,
            session: None,
            portal: None,
            phone: None,
            backup_codes: Vec::new(),
        }
    }

    pub fn by_portal(message: &impl Message) -> Self {
        Self::new(By::Portal, message)
    }

    pub fn by_owner(message: &impl Message) -> Self {
        Self::new(By::Owner, message)
    }

    pub fn by_key(key: String, message: &impl Message) -> Self {
        Self::new(By::Key(key), message)
    }

    pub fn sign_in(self, token: &str) -> Self {
        Self { sign_in: Some(token.to_owned()), ..self }
    }

    pub fn session(self, token: &str) -> Self {
        Self { session: Some(token.to_owned()), ..self }
    }

    pub fn portal(self, name: String) -> Self {
        Self { portal: Some(name), ..self }
    }

    pub fn phone(self, phone: &Authenticator) -> Self {
        Self { phone: Some(phone.clone()), ..self }
    }

    /// With the phone and the backup codes of `enrolled`.
    pub fn factor(self, enrolled: &Enrolled) -> Self {
        Self { backup_codes: enrolled.backup_codes.clone(), ..self.phone(&enrolled.phone) }
    }
}

/// Where a case takes place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A portal that other runs have customers in.
    Shared,
    /// The same, and it enforces MFA.
    Enforcing,
    /// A portal of its own, all of which is looked at.
    Alone,
}

/// A call in a situation, and what it is held to.
pub struct Case {
    pub method: &'static str,
    /// The situation, in a few words.
    pub name: &'static str,
    pub prepare: Prepare,
    pub place: Place,
    /// Whether the rows that end by themselves are counted: nothing else tells how many
    /// invitations there are.
    pub counts_rows: bool,
    /// Whether its effect is a note that it is answered without, too.
    pub only_notes: bool,
    /// Whether the use of the key is to be noted with it: it was not used for a while.
    pub notes_key: bool,
    /// What it comes to without a fault.
    pub verdict: Verdict,
    /// The types of the events that it then leaves.
    pub leaves: &'static [&'static str],
    /// What a proof is charged to in a transaction before the one that judges it, and
    /// is left charged to where a fault came between.
    pub charges: &'static [&'static str],
    /// What the same call comes to once it has taken effect.
    pub once_done: Verdict,
    /// What the same call comes to once it has been charged and not judged.
    pub once_charged: Verdict,
    pub then: Option<Then>,
}

impl Case {
    /// A call that succeeds, and may be repeated.
    pub const fn new(method: &'static str, name: &'static str, prepare: Prepare) -> Self {
        Self {
            method,
            name,
            prepare,
            place: Place::Shared,
            counts_rows: false,
            only_notes: false,
            notes_key: false,
            verdict: None,
            leaves: &[],
            charges: &[],
            once_done: None,
            once_charged: None,
            then: None,
        }
    }

    /// It is refused, each time.
    pub const fn refused(self, reason: ErrorReason) -> Self {
        let verdict = Some(reason);
        Self { verdict, once_done: verdict, once_charged: verdict, ..self }
    }

    pub const fn leaves(self, leaves: &'static [&'static str]) -> Self {
        Self { leaves, ..self }
    }

    pub const fn enforcing(self) -> Self {
        Self { place: Place::Enforcing, ..self }
    }

    pub const fn alone(self) -> Self {
        Self { place: Place::Alone, ..self }
    }

    pub const fn counts_rows(self) -> Self {
        Self { counts_rows: true, ..self }
    }

    pub const fn only_notes(self) -> Self {
        Self { only_notes: true, ..self }
    }

    pub const fn notes_key(self) -> Self {
        Self { notes_key: true, ..self }
    }

    /// It presents a password.
    pub const fn charges_password(self) -> Self {
        Self { charges: &[ADDRESS, ADDRESS_AND_SOURCE], ..self }
    }

    /// It presents a code of the factor in force.
    pub const fn charges_code(self) -> Self {
        Self { charges: &[CODES], ..self }
    }

    /// It presents a code of a factor that is being set up.
    pub const fn charges_enrollment(self) -> Self {
        Self { charges: &[ENROLLMENT], ..self }
    }

    /// Once it has taken effect it is refused.
    pub const fn once_done(self, reason: ErrorReason) -> Self {
        Self { once_done: Some(reason), ..self }
    }

    /// The charge that a fault leaves is the last one that there was.
    pub const fn once_charged(self, reason: ErrorReason) -> Self {
        Self { once_charged: Some(reason), ..self }
    }

    pub const fn then(self, then: Then) -> Self {
        Self { then: Some(then), ..self }
    }

    /// By what it is told from the others.
    pub fn title(&self) -> String {
        format!("{}, {}", self.method, self.name)
    }
}

/// A step that `acme` is passed to by the caller.
macro_rules! on {
    ($acme:ident => $prepared:expr) => {
        |$acme| Box::pin(async move { $prepared })
    };
}

/// The same for what is held afterwards.
macro_rules! after {
    ($acme:ident, $prepared:ident, $answer:ident => $held:expr) => {
        |$acme, $prepared, $answer| {
            Box::pin(async move {
                // Not all of it is needed each time.
                let _ = ($prepared, $answer);
                $held
            })
        }
    };
}
