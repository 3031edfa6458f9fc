//! A sign-in under way, with all that decides what it asks for next.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::id::PortalId;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::{Next, SignIn};
use gatehouse_domain::sign_in_start::{SignInStart, SignInToken};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{DigestKind, Token};
use gatehouse_persistence::Tx;

use crate::app::App;
use crate::error::AppError;
use crate::usecase::account::{Account, require_passwords};
use crate::usecase::{Call, about_customer};

/// A live sign-in whose password has been proven.
pub(in crate::usecase) struct UnderWay {
    pub sign_in: SignIn,
    pub account: Account,
    pub next: Next,
    pub token: Token,
}

impl UnderWay {
    pub(super) fn of(sign_in: SignIn, account: Account, token: Token, now: Timestamp) -> Self {
        let next = sign_in.next(&account.portal.settings, account.factor_id(), now);
        Self { sign_in, account, next, token }
    }

    /// As it stands at this moment.
    pub async fn read(
        app: &App,
        portal: &Portal,
        token: &SignInToken,
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let token = match token {
            SignInToken::Proven(token) => token.clone(),
            SignInToken::Start(text) => return Err(too_early(app, portal, text, now).await),
        };
        let digests = app.vault().digests(DigestKind::SignIn, token.expose().as_bytes());
        let held = app.store.read().sign_in_with_customer(&portal.id, &digests, now).await?;
        let (sign_in, customer, factor) = held.ok_or(AppError::SignInInvalid)?;
        let account = Account { portal: portal.clone(), customer, factor };
        Ok(Self::of(sign_in, account, token, now))
    }

    /// As it stands in a transaction, in which nothing of it changes any more.
    pub async fn lock(&self, app: &App, tx: &Tx, now: Timestamp) -> Result<Self, AppError> {
        let account = Account::lock(tx, self.account.key()).await?;
        let account = account.ok_or(AppError::SignInInvalid)?;
        // A reset or suspension that committed first has ended it.
        let sign_in = self.find(app, tx, now).await?.ok_or(AppError::SignInInvalid)?;
        Ok(Self::of(sign_in, account, self.token.clone(), now))
    }

    pub(super) async fn find(
        &self,
        app: &App,
        tx: &Tx,
        now: Timestamp,
    ) -> Result<Option<SignIn>, AppError> {
        let digests = app.vault().digests(DigestKind::SignIn, self.token.expose().as_bytes());
        Ok(tx.sign_in(&self.account.portal.id, &digests, now).await?)
    }

    /// Refuses a step that is not the one the sign-in is at.
    pub fn require(&self, step: impl FnOnce(Next) -> bool) -> Result<(), AppError> {
        self.account.require_passwords()?;
        if step(self.next) {
            Ok(())
        } else {
            Err(AppError::SignInStep { expected: self.next.as_str() })
        }
    }

    /// Something that the sign-in does or is refused.
    pub fn event(&self, app: &App, call: &Call, kind: EventType) -> Event {
        Event {
            client: self.sign_in.client.clone(),
            ..call.event(app, kind, about_customer(self.account.key()))
        }
    }
}

/// Why a later step refuses the token of a start.
async fn too_early(app: &App, portal: &Portal, text: &str, now: Timestamp) -> AppError {
    if let Err(error) = open_start(app, &portal.id, text, now).await {
        return error;
    }
    match require_passwords(portal) {
        Err(error) => error,
        Ok(()) => AppError::SignInStep { expected: Next::Password.as_str() },
    }
}

/// Opens the token of a start that has not led to a proven password yet.
pub(super) async fn open_start(
    app: &App,
    portal: &PortalId,
    text: &str,
    now: Timestamp,
) -> Result<SignInStart, AppError> {
    let start =
        app.vault().open_sign_in_start(portal, text).map_err(|_| AppError::SignInInvalid)?;
    if !start.is_live(now) || app.store.read().sign_in_is_proven(start.id).await? {
        return Err(AppError::SignInInvalid);
    }
    Ok(start)
}
