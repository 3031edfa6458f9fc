//! Setting up a factor: start, verify a code, give up, enable.

mod verify;

use gatehouse_domain::audit::EventType;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::{self, Enrollment, Owner, State};
use gatehouse_domain::id::{EnrollmentId, FactorId, PortalId};
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::totp::{TotpParameters, TotpSecret};
use gatehouse_domain::vault::Token;

pub use verify::verify;

use super::retry::retry;
use super::sign_in::{Loaded, SignInView, view};
use super::{Call, sealed};
use crate::app::App;
use crate::error::AppError;

/// Set up, or Change: makes a new enrollment in place of any earlier one.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`].
pub async fn start(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &SignInToken,
) -> Result<SignInView, AppError> {
    let (loaded, token) = Loaded::read(app, portal, token, call.now).await?;
    let loaded = retry(app, || try_start(app, call, &loaded, &token)).await?;
    view(app, &loaded, &token, call.now).await
}

async fn try_start(
    app: &App,
    call: &Call,
    seen: &Loaded,
    token: &Token,
) -> Result<Loaded, AppError> {
    let tx = app.store.begin().await?;
    let loaded = seen.lock(app, &tx, token, call.now).await?;
    loaded.require(is_enroll)?;
    let rng = &mut app.entropy.rng();
    let secret = TotpSecret::generate(rng);
    let enrollment = Enrollment {
        id: EnrollmentId::generate(call.now, rng),
        customer: loaded.customer.key.clone(),
        owner: Owner::SignIn(loaded.sign_in.id),
        state: State::Pending,
        parameters: TotpParameters::default(),
        charges: 0,
        failures: 0,
        charged_at: None,
        expires_at: (call.now + enrollment::LIFETIME).min(loaded.sign_in.expires_at),
    };
    let sealed = sealed::seal_enrollment(app, &enrollment, &secret);
    tx.put_enrollment(&enrollment, sealed, call.now).await?;
    loaded.record(app, call, &tx, EventType::EnrollmentStarted).await?;
    tx.commit().await?;
    Ok(loaded)
}

/// Gives up what is not in force yet; nothing to give up is fine.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`].
pub async fn delete(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &SignInToken,
) -> Result<SignInView, AppError> {
    let (loaded, token) = Loaded::read(app, portal, token, call.now).await?;
    let loaded = retry(app, || try_delete(app, call, &loaded, &token)).await?;
    view(app, &loaded, &token, call.now).await
}

async fn try_delete(
    app: &App,
    call: &Call,
    seen: &Loaded,
    token: &Token,
) -> Result<Loaded, AppError> {
    let tx = app.store.begin().await?;
    let loaded = seen.lock(app, &tx, token, call.now).await?;
    loaded.require(is_enroll)?;
    if tx.delete_enrollment(Owner::SignIn(loaded.sign_in.id)).await? {
        loaded.record(app, call, &tx, EventType::EnrollmentDeleted).await?;
        tx.commit().await?;
    }
    Ok(loaded)
}

/// Brings a verified enrollment into force and ends every other one of the
/// customer. Repeated by the sign-in that did so, it answers the same again.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`], [`AppError::EnrollmentNotStarted`],
/// [`AppError::EnrollmentNotVerified`].
pub async fn enable(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &SignInToken,
) -> Result<SignInView, AppError> {
    let (loaded, token) = Loaded::read(app, portal, token, call.now).await?;
    let loaded = retry(app, || try_enable(app, call, &loaded, &token)).await?;
    view(app, &loaded, &token, call.now).await
}

async fn try_enable(
    app: &App,
    call: &Call,
    seen: &Loaded,
    token: &Token,
) -> Result<Loaded, AppError> {
    let tx = app.store.begin().await?;
    let mut loaded = seen.lock(app, &tx, token, call.now).await?;
    loaded.require(|next| is_enroll(next) || next == Next::BackupCodes)?;
    if loaded.next == Next::BackupCodes {
        return Ok(loaded);
    }
    let owner = Owner::SignIn(loaded.sign_in.id);
    let found = tx.enrollment(owner, call.now).await?;
    let (enrollment, sealed) = found.ok_or(AppError::EnrollmentNotStarted)?;
    let secret = sealed::open_enrollment(app, &enrollment, &sealed)?;
    let factor = enrollment
        .enable(FactorId::generate(call.now, &mut app.entropy.rng()), call.now)
        .map_err(|_| AppError::EnrollmentNotVerified)?;

    let sealed = sealed::seal_factor(app, &factor, &secret);
    tx.put_factor(&factor, sealed.clone()).await?;
    tx.delete_enrollments(&factor.customer).await?;
    if !tx.set_enabled_factor(loaded.sign_in.id, factor.id, call.now).await? {
        return Err(AppError::SignInInvalid);
    }
    let seen = &loaded.customer;
    let after = Customer { generation: seen.generation + 1, ..seen.clone() };
    tx.update_customer(seen, &after).await?;
    loaded.record(app, call, &tx, EventType::MfaEnabled).await?;
    tx.commit().await?;

    loaded.sign_in.enabled_factor = Some(factor.id);
    loaded.next = Next::BackupCodes;
    loaded.customer = after;
    loaded.factor = Some((factor, sealed));
    Ok(loaded)
}

const fn is_enroll(next: Next) -> bool {
    matches!(next, Next::Enroll { .. })
}
