//! Factors and backup codes.

use gatehouse_api::v1;

use super::super::call::{Code, Holder, Shown};
use super::{Authenticator, Event, SignInExt, Stop, System, read_next, setup};

/// What the answer is about: you get back what you came with.
enum Held {
    SignIn(v1::SignIn),
    Mfa(v1::Mfa),
}

impl Held {
    fn secret(&self) -> Option<String> {
        let totp = match self {
            Self::SignIn(sign_in) => sign_in.pending()?.1,
            Self::Mfa(mfa) => setup(mfa)?.1,
        };
        Some(totp.secret.clone())
    }
}

/// Calls `$method` for a sign-in or for a session, whichever `$holder` is.
macro_rules! for_holder {
    ($self:ident, $holder:expr, $method:ident($($argument:expr),*)) => {
        match $holder {
            Holder::Session(session) => {
                Held::Mfa($self.account(session).$method($($argument),*).await?)
            }
            holder => Held::SignIn($self.web.$method($self.token(holder), $($argument),*).await?),
        }
    };
}

impl System<'_> {
    pub(super) fn phone_in_force(&self, holder: Holder) -> Option<usize> {
        self.history.now().customer(self.customer_of(holder)).phone
    }

    pub(super) async fn start_enrollment(&mut self, holder: Holder) -> Result<Shown, Stop> {
        let held = for_holder!(self, holder, start_enrollment());
        self.phones.push(Authenticator::with_secret(&held.secret().unwrap()));
        self.note(Event::EnrollmentStarted { phone: self.phones.len() - 1, holder });
        Ok(self.answered(&held))
    }

    pub(super) async fn verify_enrollment(
        &mut self,
        holder: Holder,
        code: Code,
    ) -> Result<Shown, Stop> {
        let started = self.history.enrollment(holder);
        let typed = self.typed(code, started.map(|(phone, _)| phone))?;
        let held = for_holder!(self, holder, verify_enrollment(&typed));
        // Of an enrollment that is verified already the code is not read.
        if let Some((phone, false)) = started {
            self.note(Event::EnrollmentVerified { phone, code, holder });
        }
        Ok(self.answered(&held))
    }

    pub(super) async fn delete_enrollment(&mut self, holder: Holder) -> Result<Shown, Stop> {
        let held = for_holder!(self, holder, delete_enrollment());
        Ok(self.answered(&held))
    }

    pub(super) async fn enable_mfa(&mut self, holder: Holder) -> Result<Shown, Stop> {
        let held = for_holder!(self, holder, enable_mfa());
        // Asked again it is the same answer. A sign-in has nothing new to enable then.
        let is_new = match &held {
            Held::SignIn(_) => true,
            Held::Mfa(mfa) => self.factor_since(mfa) == Some(self.now()),
        };
        if let Some((phone, _)) = self.history.enrollment(holder).filter(|_| is_new) {
            let customer = self.customer_of(holder);
            self.note(Event::Enabled { customer, phone, holder });
        }
        Ok(self.answered(&held))
    }

    pub(super) async fn disable_mfa(&mut self, session: usize) -> Result<Shown, Stop> {
        let mfa = self.account(session).disable_mfa().await?;
        let customer = self.sessions[session].customer;
        self.note(Event::Disabled { customer, session });
        Ok(Shown::Mfa(self.read_mfa(&mfa)))
    }

    pub(super) async fn generate_backup_codes(&mut self, holder: Holder) -> Result<Shown, Stop> {
        let (codes, held) = match holder {
            Holder::Session(session) => {
                let (codes, mfa) = self.account(session).backup_codes().await?;
                (codes, Held::Mfa(mfa))
            }
            holder => {
                let (codes, sign_in) = self.web.backup_codes(self.token(holder)).await?;
                (codes, Held::SignIn(sign_in))
            }
        };
        assert_eq!(codes.len(), 5);
        self.sets.push(codes);
        let customer = self.customer_of(holder);
        self.note(Event::CodesMade { customer, set: self.sets.len() - 1 });
        Ok(self.answered(&held))
    }

    fn answered(&self, held: &Held) -> Shown {
        match held {
            Held::SignIn(sign_in) => Shown::SignIn(read_next(sign_in)),
            Held::Mfa(mfa) => Shown::Mfa(self.read_mfa(mfa)),
        }
    }
}
