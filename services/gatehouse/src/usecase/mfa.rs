//! A customer's MFA, as their own session sees and ends it.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::customer::CustomerView;
use gatehouse_domain::enrollment::Owner;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Token;

use super::Call;
use super::account::Account;
use super::retry::retry;
use super::sessions::SignedIn;
use super::sign_in::{EnrollmentView, enrollment_view};
use crate::app::App;
use crate::error::AppError;

/// A customer's MFA, and what the session that asks is setting up.
pub struct MfaView {
    /// Factor and backup codes.
    pub customer: CustomerView,
    /// The policy.
    pub portal: Portal,
    /// Started by this session; a start elsewhere is not shown.
    pub pending: Option<EnrollmentView>,
    /// When it stands so.
    pub at: Timestamp,
}

/// How it stands.
///
/// # Errors
/// [`AppError::SessionInvalid`].
pub async fn get(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
) -> Result<MfaView, AppError> {
    let held = SignedIn::read(app, portal, token, &ClientContext::default(), call.now).await?;
    view(app, &held, call.now).await
}

pub(super) async fn view(app: &App, held: &SignedIn, now: Timestamp) -> Result<MfaView, AppError> {
    let Account { portal, customer, .. } = &held.account;
    let owner = Owner::Session(held.session.id);
    let pending = enrollment_view(app, &held.account, owner, now).await?;
    let customer = CustomerView {
        customer: customer.clone(),
        factor: held.account.factor().cloned(),
        backup_codes: app.store.read().backup_codes(&customer.key).await?,
    };
    Ok(MfaView { customer, portal: portal.clone(), pending, at: now })
}

/// Takes the factor and the backup codes out of force; where there are none, it
/// changes nothing. Sessions keep the assurance they have.
///
/// # Errors
/// [`AppError::SessionInvalid`], [`AppError::MfaEnforced`],
/// [`AppError::ReauthenticationRequired`].
pub async fn disable(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
    client: &ClientContext,
) -> Result<MfaView, AppError> {
    let seen = SignedIn::read(app, portal, token, client, call.now).await?;
    let held = retry(app, || try_disable(app, call, &seen)).await?;
    view(app, &held, call.now).await
}

async fn try_disable(app: &App, call: &Call, seen: &SignedIn) -> Result<SignedIn, AppError> {
    let tx = app.store.begin().await?;
    let mut held = seen.lock(&tx, call.now).await?;
    if held.account.portal.settings.enforces_mfa(call.now) {
        return Err(AppError::MfaEnforced);
    }
    held.require_fresh_proof(&tx, call.now).await?;
    if held.account.factor.is_none() {
        return Ok(held);
    }
    let customer = &held.account.customer;
    tx.delete_factor(&customer.key).await?;
    tx.delete_backup_codes(&customer.key).await?;
    let after = customer.next_generation();
    tx.update_customer(customer, &after).await?;
    held.account.customer = after;
    held.account.factor = None;
    tx.record(&held.event(app, call, EventType::MfaDisabled)).await?;
    tx.commit().await?;
    Ok(held)
}
