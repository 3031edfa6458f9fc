//! A live session, with all that decides what it may do.

use gatehouse_domain::audit::{Event, EventType, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::{Session, SessionEnd};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Digest, DigestKind, Token};
use gatehouse_persistence::{Tx, WithCustomer};

use super::requirements::{is_fresh, reauthentication_required};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::account::Account;
use crate::usecase::{Call, about_customer};

/// A live session and whose it is.
pub(in crate::usecase) struct SignedIn {
    pub session: Session,
    pub account: Account,
    /// The device that calls; the one that signed in, where the call names none.
    pub client: ClientContext,
}

impl SignedIn {
    /// As it stands at this moment.
    pub async fn read(
        app: &App,
        portal: &Portal,
        token: &Token,
        client: &ClientContext,
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let held = find(app, portal, token).await?;
        let (session, customer, factor) = held.ok_or(AppError::SessionInvalid { end: None })?;
        check_live(&session, portal, now)?;
        let account = Account { portal: portal.clone(), customer, factor };
        let unnamed = *client == ClientContext::default();
        let client = if unnamed { session.client.clone() } else { client.clone() };
        Ok(Self { session, account, client })
    }

    /// As it stands in a transaction, in which nothing of it changes any more.
    pub async fn lock(&self, tx: &Tx, now: Timestamp) -> Result<Self, AppError> {
        let Some(account) = Account::lock(tx, self.account.key()).await? else {
            return Err(AppError::SessionInvalid { end: None });
        };
        // Whatever ends one locks its customer, or the portal, before.
        let session = self.reread(tx, &account.portal, now).await?;
        Ok(Self { session, account, client: self.client.clone() })
    }

    /// The session as it is in `tx`, live under the policy of `portal`.
    pub(super) async fn reread(
        &self,
        tx: &Tx,
        portal: &Portal,
        now: Timestamp,
    ) -> Result<Session, AppError> {
        let session = tx.customer_session(self.account.key(), self.session.id).await?;
        let session = session.ok_or(AppError::SessionInvalid { end: None })?;
        check_live(&session, portal, now)?;
        Ok(session)
    }

    /// Whether its last proof that counts is no older than the portal's
    /// reauthentication window.
    pub fn is_freshly_proven(&self, now: Timestamp) -> bool {
        let window = self.account.portal.settings.session.reauthentication_window();
        is_fresh(&self.session, self.account.factor_enabled_at(), window, now)
    }

    /// Refuses one that is not freshly proven, in the transaction that has locked it.
    pub async fn require_fresh_proof(&self, tx: &Tx, now: Timestamp) -> Result<(), AppError> {
        if self.is_freshly_proven(now) {
            return Ok(());
        }
        let left = tx.backup_codes(self.account.key()).await?;
        Err(reauthentication_required(self.account.factor.is_some(), left))
    }

    /// Something that the session does or is refused.
    pub fn event(&self, app: &App, call: &Call, kind: EventType) -> Event {
        let session = Some(self.session.id);
        let resource = Resource { session, ..about_customer(self.account.key()) };
        Event { client: self.client.clone(), ..call.event(app, kind, resource) }
    }
}

/// The session that `token` is of, live or not, and whose it is.
pub(super) async fn find(
    app: &App,
    portal: &Portal,
    token: &Token,
) -> Result<Option<WithCustomer<Session>>, AppError> {
    Ok(app.store.read().session_with_customer(&portal.id, &digests(app, token)).await?)
}

fn digests(app: &App, token: &Token) -> Vec<Digest> {
    app.vault().digests(DigestKind::Session, token.expose().as_bytes())
}

/// The live session that `token` is of.
pub(super) async fn live(
    app: &App,
    portal: &Portal,
    token: &Token,
    now: Timestamp,
) -> Result<Session, AppError> {
    let session = app.store.read().session(&portal.id, &digests(app, token)).await?;
    let session = session.ok_or(AppError::SessionInvalid { end: None })?;
    check_live(&session, portal, now)?;
    Ok(session)
}

/// Refuses a session that has ended under the policy of `portal`.
pub(super) fn check_live(
    session: &Session,
    portal: &Portal,
    now: Timestamp,
) -> Result<(), AppError> {
    let ended = |end: SessionEnd| AppError::SessionInvalid { end: Some(end.as_str()) };
    session.check_live(now, &portal.settings.session).map_err(ended)
}
