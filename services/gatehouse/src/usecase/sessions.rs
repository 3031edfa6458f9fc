//! Sessions: validate, sign out.

pub mod administration;

use std::time::Duration;

use gatehouse_domain::audit::{EventType, Resource};
use gatehouse_domain::customer::Customer;
use gatehouse_domain::id::{CustomerKey, PortalId, SessionId};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::{Assurance, Limits, Session, SessionEnd};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Digest, DigestKind, Token};
use gatehouse_persistence::Sessions;

use super::retry::retry;
use super::{Call, about_customer, portals};
use crate::app::App;
use crate::error::AppError;

const PASSWORD: &[&str] = &["password"];
const TOTP: &[&str] = &["totp_code"];
const TOTP_OR_BACKUP_CODE: &[&str] = &["totp_code", "backup_code"];

/// What a service asks of a session.
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    /// At least this much.
    pub assurance: Option<Assurance>,
    /// A proof no older than this.
    pub max_authentication_age: Option<Duration>,
    /// Only look: not a use.
    pub passive: bool,
}

/// A session that is good enough.
#[derive(Clone, Debug)]
pub struct ValidSession {
    /// The session.
    pub session: Session,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
    /// Whose it is.
    pub customer: Customer,
}

/// Succeeds only for a live session that is good enough; counts as its use.
///
/// # Errors
/// [`AppError::SessionInvalid`], [`AppError::ReauthenticationRequired`],
/// [`AppError::MfaNotEnabled`] where stepping up cannot help.
pub async fn validate(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &Token,
    require: Requirements,
) -> Result<ValidSession, AppError> {
    let portal = portals::own(app, portal).await?;
    let mut session = live(app, &portal, token, call.now).await?;
    let read = app.store.read();
    let customer = read.customer(&session.customer).await?;
    let customer = customer.ok_or(AppError::SessionInvalid { end: None })?;
    check(app, &session, require, call.now).await?;

    let policy = &portal.settings.session;
    if !require.passive && session.activity_is_due(call.now, policy) {
        app.store.touch_session(session.id, call.now).await?;
        session.last_used_at = call.now;
    }
    Ok(ValidSession { expires_at: session.expires_at(policy), session, customer })
}

async fn check(
    app: &App,
    session: &Session,
    require: Requirements,
    now: Timestamp,
) -> Result<(), AppError> {
    if require.assurance.is_none() && require.max_authentication_age.is_none() {
        return Ok(());
    }
    let has_factor = app.store.read().factor(&session.customer).await?.is_some();
    if require.assurance > Some(session.assurance()) {
        return Err(if has_factor {
            AppError::ReauthenticationRequired { accepted: codes(app, &session.customer).await? }
        } else {
            AppError::MfaNotEnabled
        });
    }
    let fresh = require.max_authentication_age.is_none_or(|age| {
        session.proven_at(has_factor).is_some_and(|proven_at| now.since(proven_at) <= age)
    });
    if fresh {
        return Ok(());
    }
    let accepted = if has_factor { codes(app, &session.customer).await? } else { PASSWORD };
    Err(AppError::ReauthenticationRequired { accepted })
}

async fn codes(app: &App, key: &CustomerKey) -> Result<&'static [&'static str], AppError> {
    let left = app.store.read().backup_codes(key).await?;
    Ok(if left.is_some_and(|codes| codes.remaining > 0) { TOTP_OR_BACKUP_CODE } else { TOTP })
}

/// The live session that `token` is of.
async fn live(
    app: &App,
    portal: &Portal,
    token: &Token,
    now: Timestamp,
) -> Result<Session, AppError> {
    let session = app.store.read().session(&portal.id, &digests(app, token)).await?;
    let session = session.ok_or(AppError::SessionInvalid { end: None })?;
    session.check_live(now, &portal.settings.session).map_err(ended)?;
    Ok(session)
}

const fn ended(end: SessionEnd) -> AppError {
    AppError::SessionInvalid { end: Some(end.as_str()) }
}

fn digests(app: &App, token: &Token) -> Vec<Digest> {
    app.vault.digests(DigestKind::Session, token.expose().as_bytes())
}

/// What to end.
#[derive(Clone, Debug)]
pub enum SignOutTarget {
    /// The session that asks.
    This,
    /// Another one, by its name.
    Session(CustomerKey, SessionId),
    /// Every one of the customer but the one that asks.
    Others,
}

/// Ends sessions of the customer whose session asks; gives how many were live.
/// Signing a dead session out is fine and ends none.
///
/// # Errors
/// [`AppError::SessionInvalid`] where a dead session asks for others.
pub async fn sign_out(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &Token,
    target: SignOutTarget,
) -> Result<u64, AppError> {
    let portal = portals::own(app, portal).await?;
    let session = match (live(app, &portal, token, call.now).await, &target) {
        (Err(AppError::SessionInvalid { .. }), SignOutTarget::This) => return Ok(0),
        (session, _) => session?,
    };
    let which = match target {
        SignOutTarget::This => Sessions::One(session.id),
        SignOutTarget::Session(customer, id) if customer == session.customer => Sessions::One(id),
        // Of somebody else's session nothing is told and nothing is ended.
        SignOutTarget::Session(..) => return Ok(0),
        SignOutTarget::Others => Sessions::AllBut(session.id),
    };
    retry(app, || try_sign_out(app, call, &portal, &session, which)).await
}

async fn try_sign_out(
    app: &App,
    call: &Call,
    portal: &Portal,
    session: &Session,
    which: Sessions,
) -> Result<u64, AppError> {
    let limits = Limits::from(&portal.settings.session);
    let key = &session.customer;
    let tx = app.store.begin().await?;
    let ended = tx.end_sessions(key, which, SessionEnd::SignedOut, &limits, call.now).await?;
    let resource = Resource { session: Some(session.id), ..about_customer(key) };
    let mut event = call.event(app, EventType::SignedOut, resource);
    event.attributes = vec![("sessions_ended", ended.to_string())];
    tx.record(&event).await?;
    tx.commit().await?;
    Ok(ended)
}
