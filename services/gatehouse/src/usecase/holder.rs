//! On whose behalf factors are set up and proven: a sign-in under way, or a
//! session.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Token;
use gatehouse_persistence::Tx;

use super::Call;
use super::account::Account;
use super::mfa::{self, MfaView};
use super::sessions::SignedIn;
use super::sign_in::{SignInView, UnderWay, view};
use crate::app::App;
use crate::error::AppError;

/// What a call about factors presents.
pub enum Credential {
    /// A sign-in at `enroll` or `backup_codes`.
    SignIn(SignInToken),
    /// A session, in My Account, and the device that calls.
    Session(Token, ClientContext),
}

/// What was found under a [`Credential`].
pub(in crate::usecase) enum Holder {
    SignIn(UnderWay),
    Session(SignedIn),
}

/// How it stands afterwards: you get back what you came with.
pub enum HolderView {
    /// The sign-in.
    SignIn(Box<SignInView>),
    /// The customer's MFA, as the session sees it.
    Mfa(Box<MfaView>),
}

impl Holder {
    /// As it stands at this moment.
    pub async fn read(
        app: &App,
        portal: &Portal,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Self, AppError> {
        Ok(match credential {
            Credential::SignIn(token) => {
                Self::SignIn(UnderWay::read(app, portal, token, now).await?)
            }
            Credential::Session(token, client) => {
                Self::Session(SignedIn::read(app, portal, token, client, now).await?)
            }
        })
    }

    /// As it stands in a transaction, in which nothing of it changes any more.
    pub async fn lock(&self, app: &App, tx: &Tx, now: Timestamp) -> Result<Self, AppError> {
        Ok(match self {
            Self::SignIn(seen) => Self::SignIn(seen.lock(app, tx, now).await?),
            Self::Session(seen) => Self::Session(seen.lock(tx, now).await?),
        })
    }

    /// Customer, portal and factor.
    pub const fn account(&self) -> &Account {
        match self {
            Self::SignIn(held) => &held.account,
            Self::Session(held) => &held.account,
        }
    }

    /// Customer, portal and factor, to be kept as they are written.
    pub const fn account_mut(&mut self) -> &mut Account {
        match self {
            Self::SignIn(held) => &mut held.account,
            Self::Session(held) => &mut held.account,
        }
    }

    /// As what it owns an enrollment.
    pub const fn owner(&self) -> Owner {
        match self {
            Self::SignIn(held) => Owner::SignIn(held.sign_in.id),
            Self::Session(held) => Owner::Session(held.session.id),
        }
    }

    /// When it ends whatever happens, and all that it has started with it.
    pub fn ends_at(&self) -> Timestamp {
        match self {
            Self::SignIn(held) => held.sign_in.expires_at,
            Self::Session(held) => held.session.created_at + held.session.limits.absolute,
        }
    }

    /// Refuses where no factor may be set up: in a sign-in that is elsewhere.
    pub fn require_enrolling(&self) -> Result<(), AppError> {
        match self {
            Self::SignIn(held) => held.require(|next| matches!(next, Next::Enroll { .. })),
            Self::Session(_) => Ok(()),
        }
    }

    /// Refuses a session whose last proof is too old. A sign-in is as young as its
    /// password.
    pub async fn require_fresh_proof(&self, tx: &Tx, now: Timestamp) -> Result<(), AppError> {
        match self {
            Self::SignIn(_) => Ok(()),
            Self::Session(held) => held.require_fresh_proof(tx, now).await,
        }
    }

    /// Something that it does or is refused.
    pub fn event(&self, app: &App, call: &Call, kind: EventType) -> Event {
        match self {
            Self::SignIn(held) => held.event(app, call, kind),
            Self::Session(held) => held.event(app, call, kind),
        }
    }

    /// How it stands.
    pub async fn view(&self, app: &App, now: Timestamp) -> Result<HolderView, AppError> {
        Ok(match self {
            Self::SignIn(held) => HolderView::SignIn(Box::new(view(app, held, now).await?)),
            Self::Session(held) => HolderView::Mfa(Box::new(mfa::view(app, held, now).await?)),
        })
    }
}
