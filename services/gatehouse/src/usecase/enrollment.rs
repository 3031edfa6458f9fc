//! Setting up a factor: start, verify a code, give up, enable. On behalf of a
//! sign-in that is at `enroll`, or of a session in My Account.

mod verify;

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::enrollment::{self, Enrollment, Factor, State};
use gatehouse_domain::id::{EnrollmentId, FactorId};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::totp::{TotpParameters, TotpSecret};
use gatehouse_persistence::Tx;

pub use verify::verify;

use super::holder::{Credential, Holder, HolderView};
use super::retry::retry;
use super::{Call, sealed};
use crate::app::App;
use crate::error::AppError;

/// Set up, or Change: makes a new enrollment in place of any earlier one of the
/// same holder. A factor in force stays so.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`]; [`AppError::SessionInvalid`],
/// [`AppError::ReauthenticationRequired`].
pub async fn start(
    app: &App,
    call: &Call,
    portal: &Portal,
    credential: &Credential,
) -> Result<HolderView, AppError> {
    let seen = Holder::read(app, portal, credential, call.now).await?;
    let holder = retry(app, || try_start(app, call, &seen)).await?;
    holder.view(app, call.now).await
}

async fn try_start(app: &App, call: &Call, seen: &Holder) -> Result<Holder, AppError> {
    let tx = app.store.begin().await?;
    let holder = seen.lock(app, &tx, call.now).await?;
    holder.require_enrolling()?;
    holder.require_fresh_proof(&tx, call.now).await?;
    let rng = &mut app.entropy.rng();
    let secret = TotpSecret::generate(rng);
    let enrollment = Enrollment {
        id: EnrollmentId::generate(call.now, rng),
        customer: holder.account().key().clone(),
        owner: holder.owner(),
        state: State::Pending,
        parameters: TotpParameters::default(),
        charges: 0,
        failures: 0,
        charged_at: None,
        expires_at: (call.now + enrollment::LIFETIME).min(holder.ends_at()),
    };
    let sealed = sealed::seal_enrollment(app, &enrollment, &secret);
    tx.put_enrollment(&enrollment, sealed, call.now).await?;
    tx.record(&holder.event(app, call, EventType::EnrollmentStarted)).await?;
    tx.commit().await?;
    Ok(holder)
}

/// Gives up what is not in force yet; nothing to give up is fine.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`]; [`AppError::SessionInvalid`].
pub async fn delete(
    app: &App,
    call: &Call,
    portal: &Portal,
    credential: &Credential,
) -> Result<HolderView, AppError> {
    let seen = Holder::read(app, portal, credential, call.now).await?;
    let holder = retry(app, || try_delete(app, call, &seen)).await?;
    holder.view(app, call.now).await
}

async fn try_delete(app: &App, call: &Call, seen: &Holder) -> Result<Holder, AppError> {
    let tx = app.store.begin().await?;
    let holder = seen.lock(app, &tx, call.now).await?;
    holder.require_enrolling()?;
    if tx.delete_enrollment(holder.owner(), None).await? {
        tx.record(&holder.event(app, call, EventType::EnrollmentDeleted)).await?;
        tx.commit().await?;
    }
    Ok(holder)
}

/// Brings a verified enrollment into force, in place of any other factor, and ends
/// every other enrollment of the customer. Repeated by what has done so, it
/// answers the same again. A session becomes multi-factor by it, and fresh.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`]; [`AppError::SessionInvalid`],
/// [`AppError::ReauthenticationRequired`]; [`AppError::EnrollmentNotStarted`],
/// [`AppError::EnrollmentNotVerified`].
pub async fn enable(
    app: &App,
    call: &Call,
    portal: &Portal,
    credential: &Credential,
) -> Result<HolderView, AppError> {
    let seen = Holder::read(app, portal, credential, call.now).await?;
    let holder = retry(app, || try_enable(app, call, &seen)).await?;
    holder.view(app, call.now).await
}

async fn try_enable(app: &App, call: &Call, seen: &Holder) -> Result<Holder, AppError> {
    let tx = app.store.begin().await?;
    let mut holder = seen.lock(app, &tx, call.now).await?;
    if let Holder::SignIn(held) = &holder {
        held.require(|next| matches!(next, Next::Enroll { .. } | Next::BackupCodes))?;
    }
    let owner = holder.owner();
    let Some((enrollment, sealed)) = tx.enrollment(owner, call.now).await? else {
        let in_force = holder.account().factor();
        let enabled_here = in_force.is_some_and(|factor| factor.enabled_by == owner);
        return if enabled_here { Ok(holder) } else { Err(AppError::EnrollmentNotStarted) };
    };
    holder.require_fresh_proof(&tx, call.now).await?;
    let secret = sealed::open_enrollment(app, &enrollment, &sealed)?;
    let factor = enrollment
        .enable(FactorId::generate(call.now, &mut app.entropy.rng()), call.now)
        .map_err(|_| AppError::EnrollmentNotVerified)?;
    let replaced = holder.account().factor.is_some();

    let sealed = sealed::seal_factor(app, &factor, &secret);
    tx.put_factor(&factor, sealed.clone()).await?;
    tx.delete_enrollments(&factor.customer).await?;
    note_enabled(&tx, call, &mut holder, &factor).await?;
    let account = holder.account_mut();
    let before = &account.customer;
    let after = before.next_generation();
    tx.update_customer(before, &after).await?;
    account.customer = after;
    account.factor = Some((factor, sealed));
    let attributes = vec![("replaced", replaced.to_string())];
    tx.record(&Event { attributes, ..holder.event(app, call, EventType::MfaEnabled) }).await?;
    tx.commit().await?;
    Ok(holder)
}

/// Notes the factor in what has enabled it: a sign-in goes on from there, and a
/// session has proven a second factor, whose code was just verified.
async fn note_enabled(
    tx: &Tx,
    call: &Call,
    holder: &mut Holder,
    factor: &Factor,
) -> Result<(), AppError> {
    match holder {
        Holder::SignIn(held) => {
            if !tx.set_enabled_factor(held.sign_in.id, factor.id, call.now).await? {
                return Err(AppError::SignInInvalid);
            }
            held.sign_in.enabled_factor = Some(factor.id);
            held.next = Next::BackupCodes;
        }
        Holder::Session(held) => {
            tx.prove_session(held.session.id, true, call.now).await?;
        }
    }
    Ok(())
}
