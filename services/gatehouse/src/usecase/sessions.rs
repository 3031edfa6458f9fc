//! Sessions: validate, prove again, sign out.

pub mod administration;
mod reauthenticate;
mod requirements;
mod signed_in;

use gatehouse_domain::audit::{Event, EventType, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerKey, SessionId};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::{Limits, Session, SessionEnd};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Token;
use gatehouse_persistence::{HeldSession, Sessions, Tx};

pub use reauthenticate::{SessionProof, reauthenticate};
pub use requirements::Requirements;
pub(super) use requirements::reauthentication_required;
pub(super) use signed_in::SignedIn;

use self::signed_in::{check_live, find, live};
use super::retry::retry;
use super::{Call, about_customer};
use crate::app::App;
use crate::error::AppError;

/// A session as its answers show it.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
}

/// A session as administrators see it, with the present address of whose it is.
#[derive(Clone, Debug)]
pub struct CustomerSession {
    /// The session.
    pub view: SessionView,
    /// The customer's address.
    pub email: Email,
}

impl SessionView {
    pub(super) fn of(session: Session, portal: &Portal) -> Self {
        Self { expires_at: session.expires_at(&portal.settings.session), session }
    }
}

/// A session that was found good enough, and whose it is.
pub struct ValidSession {
    /// The session.
    pub view: SessionView,
    /// The customer's address.
    pub email: String,
    /// The customer's name, for people.
    pub display_name: String,
}

/// Succeeds only for a live session that is good enough; counts as its use. `asked` is
/// what was found of `token` when the call was authorized, if it was looked up then.
///
/// # Errors
/// [`AppError::SessionInvalid`], [`AppError::ReauthenticationRequired`],
/// [`AppError::MfaNotEnabled`] where stepping up cannot help.
pub async fn validate(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
    asked: Option<Option<HeldSession>>,
    require: Requirements,
) -> Result<ValidSession, AppError> {
    let held = match asked {
        Some(held) => held,
        None => held(app, portal, token).await?,
    };
    let HeldSession { mut session, email, display_name, factor_enabled_at } =
        held.ok_or(AppError::SessionInvalid { end: None })?;
    check_live(&session, portal, call.now)?;
    require.check(app, &session, factor_enabled_at, call.now).await?;

    if !require.passive && session.activity_is_due(call.now, &portal.settings.session) {
        match app.store.touch_session(session.id, call.now).await {
            Ok(()) => session.last_used_at = call.now,
            // Read just now, from a database that takes no changes: no reason to refuse
            // the call. Unwritten, its use keeps the session from nothing but its idle end.
            Err(error) => tracing::warn!(%error, "the use of a session was not written"),
        }
    }
    Ok(ValidSession { view: SessionView::of(session, portal), email, display_name })
}

/// The session of a call whose message came later than its headers.
async fn held(app: &App, portal: &Portal, token: &Token) -> Result<Option<HeldSession>, AppError> {
    let held = find(app, portal, token).await?;
    Ok(held.map(|(session, customer, factor)| HeldSession {
        session,
        email: customer.email.to_string(),
        display_name: customer.display_name,
        factor_enabled_at: factor.map(|(factor, _)| factor.enabled_at),
    }))
}

/// At most `limit` live sessions of the customer whose session asks, the newest
/// first, from the one after `after` on; and the id of the one that asks.
///
/// # Errors
/// [`AppError::SessionInvalid`].
pub async fn own(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
    after: Option<SessionId>,
    limit: u64,
) -> Result<(Vec<SessionView>, SessionId), AppError> {
    let this = live(app, portal, token, call.now).await?;
    let customer = Some(&this.customer.customer);
    let found = administration::page(app, portal, customer, after, limit, call.now).await?;
    Ok((found.into_iter().map(|found| found.view).collect(), this.id))
}

/// Ends sessions of a customer that `tx` has locked. Gives how many of them were
/// live under the policy of `portal`, which it has locked too.
pub(super) async fn end(
    call: &Call,
    tx: &Tx,
    portal: &Portal,
    key: &CustomerKey,
    which: Sessions,
    why: SessionEnd,
) -> Result<u64, AppError> {
    let limits = Limits::from(&portal.settings.session);
    Ok(tx.end_sessions(key, which, why, &limits, call.now).await?)
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
    portal: &Portal,
    token: &Token,
    client: &ClientContext,
    target: SignOutTarget,
) -> Result<u64, AppError> {
    let held = match (SignedIn::read(app, portal, token, client, call.now).await, &target) {
        (Err(AppError::SessionInvalid { .. }), SignOutTarget::This) => return Ok(0),
        (held, _) => held?,
    };
    let session = &held.session;
    let which = match target {
        SignOutTarget::This => Sessions::One(session.id),
        SignOutTarget::Session(customer, id) if customer == session.customer => Sessions::One(id),
        // Of somebody else's session nothing is told and nothing is ended.
        SignOutTarget::Session(..) => return Ok(0),
        SignOutTarget::Others => Sessions::AllBut(session.id),
    };
    retry(app, || try_sign_out(app, call, &held, which)).await
}

async fn try_sign_out(
    app: &App,
    call: &Call,
    held: &SignedIn,
    which: Sessions,
) -> Result<u64, AppError> {
    let tx = app.store.begin().await?;
    let held = match (held.lock(&tx, call.now).await, &which) {
        (Err(AppError::SessionInvalid { .. }), Sessions::One(id)) if *id == held.session.id => {
            return Ok(0);
        }
        (held, _) => held?,
    };
    let (portal, key) = (&held.account.portal, held.account.key());
    let session = if let Sessions::One(id) = which { Some(id) } else { None };
    let ended = end(call, &tx, portal, key, which, SessionEnd::SignedOut).await?;
    if ended > 0 {
        let event = Event {
            resource: Resource { session, ..about_customer(key) },
            attributes: vec![("sessions_ended", ended.to_string())],
            ..held.event(app, call, EventType::SignedOut)
        };
        tx.record(&event).await?;
    }
    // Also of those that had run out: a longer limit later must not bring them back.
    tx.commit().await?;
    Ok(ended)
}
