//! VerifyEnrollment. Its wrong codes charge the enrollment, not the customer.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::enrollment::{Enrollment, Owner, State};
use gatehouse_domain::id::PortalId;
use gatehouse_domain::lockout::JUDGING_WAIT;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::totp::{TimeStep, TotpCode, TotpFactor, TotpVerdict};
use gatehouse_persistence::Tx;

use super::is_enroll;
use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::retry::retry;
use crate::usecase::sign_in::{Loaded, SignInView, check_length, view};
use crate::usecase::{Call, about_customer, sealed};

/// Proves that the app knows the secret. Of an enrollment that is verified
/// already the code is not read.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`], [`AppError::EnrollmentNotStarted`],
/// [`AppError::CredentialsRejected`]: the fifth ends the enrollment.
pub async fn verify(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &SignInToken,
    code: &TotpCode,
) -> Result<SignInView, AppError> {
    let (loaded, token) = Loaded::read(app, portal, token, call.now).await?;
    loaded.require(is_enroll)?;
    let owner = Owner::SignIn(loaded.sign_in.id);
    let found = app.store.read().enrollment(owner, call.now).await?;
    let (enrollment, sealed) = found.ok_or(AppError::EnrollmentNotStarted)?;
    if enrollment.state == State::Pending {
        check_length(enrollment.parameters, code)?;
        if charge(app, call, &enrollment).await? {
            let secret = sealed::open_enrollment(app, &enrollment, &sealed)?;
            let totp = TotpFactor::new(secret, enrollment.parameters);
            let skew = loaded.portal.settings.totp_skew_steps();
            match totp.verify(code, call.now, skew, None) {
                TotpVerdict::Accepted { step } => {
                    retry(app, || accept(app, call, &loaded, &enrollment, step)).await?;
                }
                TotpVerdict::Replayed | TotpVerdict::Rejected => {
                    return Err(retry(app, || reject(app, call, &loaded, &enrollment)).await?);
                }
            }
        }
    }
    view(app, &loaded, &token, call.now).await
}

/// Charges one code, committed before it is compared; false if another call has
/// verified the enrollment meanwhile.
async fn charge(app: &App, call: &Call, enrollment: &Enrollment) -> Result<bool, AppError> {
    let tx = app.store.begin().await?;
    if tx.charge_enrollment(enrollment.id, call.now).await? {
        tx.commit().await?;
        return Ok(true);
    }
    let now = current(&tx, call, enrollment).await?.ok_or(AppError::EnrollmentNotStarted)?;
    if now.state != State::Pending {
        return Ok(false);
    }
    if now.is_abandoned(call.now) {
        tx.delete_enrollment(now.owner).await?;
        tx.commit().await?;
        return Err(AppError::EnrollmentNotStarted);
    }
    Err(AppError::Throttled(Wait::until(call.now + JUDGING_WAIT, call.now)))
}

/// The same enrollment as it is in `tx`, unless it has ended or made way for another.
async fn current(
    tx: &Tx,
    call: &Call,
    enrollment: &Enrollment,
) -> Result<Option<Enrollment>, AppError> {
    let found = tx.enrollment(enrollment.owner, call.now).await?;
    Ok(found.map(|(now, _)| now).filter(|now| now.id == enrollment.id))
}

async fn accept(
    app: &App,
    call: &Call,
    loaded: &Loaded,
    enrollment: &Enrollment,
    step: TimeStep,
) -> Result<(), AppError> {
    let tx = app.store.begin().await?;
    if tx.verify_enrollment(enrollment.id, step).await? {
        loaded.record(app, call, &tx, EventType::EnrollmentVerified).await?;
        return Ok(tx.commit().await?);
    }
    // Verified by another call, or ended.
    let now = current(&tx, call, enrollment).await?;
    now.map(drop).ok_or(AppError::EnrollmentNotStarted)
}

/// Records a wrong code, and ends the enrollment with the last one it bears.
async fn reject(
    app: &App,
    call: &Call,
    loaded: &Loaded,
    enrollment: &Enrollment,
) -> Result<AppError, AppError> {
    let tx = app.store.begin().await?;
    tx.fail_enrollment(enrollment.id).await?;
    let remaining = match current(&tx, call, enrollment).await? {
        Some(now) if now.remaining() == 0 => {
            tx.delete_enrollment(now.owner).await?;
            0
        }
        Some(now) => now.remaining(),
        None => 0,
    };
    let error = AppError::CredentialsRejected { attempts_remaining: Some(remaining) };
    let key = &loaded.customer.key;
    let mut event = call.event(app, EventType::EnrollmentFailed, about_customer(key));
    event.client = loaded.sign_in.client.clone();
    event.reason = Some(error.reason().as_str_name());
    event.attributes = vec![("attempts_remaining", remaining.to_string())];
    tx.record(&event).await?;
    tx.commit().await?;
    Ok(error)
}
