//! VerifyEnrollment. Its wrong codes charge the enrollment, not the customer.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::enrollment::{Enrollment, State};
use gatehouse_domain::lockout::JUDGING_WAIT;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::totp::{TimeStep, TotpCode, TotpFactor, TotpVerdict};
use gatehouse_persistence::{SealedSecret, Tx};

use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::holder::{Credential, Holder, HolderView};
use crate::usecase::proof::second_factor::check_length;
use crate::usecase::retry::retry;
use crate::usecase::tries::{self, Changed, Place};
use crate::usecase::{Call, refused, sealed};

/// Proves that the app knows the secret. Of an enrollment that is verified
/// already the code is not read.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`]; [`AppError::SessionInvalid`];
/// [`AppError::EnrollmentNotStarted`], [`AppError::RequestInvalid`] for a code of
/// another length, [`AppError::Throttled`] where as many are judged as it bears,
/// [`AppError::CredentialsRejected`]: the fifth ends the enrollment.
pub async fn verify(
    app: &App,
    call: &Call,
    portal: &Portal,
    credential: &Credential,
    code: &TotpCode,
) -> Result<HolderView, AppError> {
    let holder = Holder::read(app, portal, credential, call.now).await?;
    holder.require_enrolling()?;
    let found = app.store.read().enrollment(holder.owner(), call.now).await?;
    let (enrollment, sealed) = found.ok_or(AppError::EnrollmentNotStarted)?;
    if enrollment.state == State::Pending {
        check_length(enrollment.parameters, code)?;
        let place = Place::default();
        let attempt = Attempt { app, call, holder: &holder, enrollment: &enrollment, place };
        if retry(app, || attempt.charge()).await?? {
            match attempt.judge(&sealed, code)? {
                TotpVerdict::Accepted { step } => retry(app, || attempt.accept(step)).await?,
                TotpVerdict::Replayed | TotpVerdict::Rejected => {
                    return Err(retry(app, || attempt.reject()).await?);
                }
            }
        }
    }
    holder.view(app, call.now).await
}

/// One code that is presented.
struct Attempt<'a> {
    app: &'a App,
    call: &'a Call,
    holder: &'a Holder,
    enrollment: &'a Enrollment,
    place: Place,
}

impl Attempt<'_> {
    /// Charges the code, committed before it is compared; false if another call has
    /// verified the enrollment meanwhile. A refusal is a value: an error would roll
    /// back its event.
    async fn charge(&self) -> Result<Result<bool, AppError>, AppError> {
        let now = self.call.now;
        let tx = self.app.store.begin().await?;
        if tx.charge_enrollment(self.enrollment.id, now).await? {
            tx.commit().await?;
            return Ok(Ok(true));
        }
        let current = self.current(&tx).await?.ok_or(AppError::EnrollmentNotStarted)?;
        if current.state != State::Pending {
            return Ok(Ok(false));
        }
        let (refusal, changed) = if current.is_abandoned(now) {
            tx.delete_enrollment(current.owner, Some(current.id)).await?;
            (AppError::EnrollmentNotStarted, Changed::State)
        } else {
            (AppError::Throttled(Wait::until(now + JUDGING_WAIT, now)), Changed::Nothing)
        };
        tries::commit(self.app, tx, &self.failed(&refusal, 0), changed, &self.place).await?;
        Ok(Err(refusal))
    }

    /// The same enrollment as it is in `tx`, unless it has ended or made way for
    /// another.
    async fn current(&self, tx: &Tx) -> Result<Option<Enrollment>, AppError> {
        let found = tx.enrollment(self.enrollment.owner, self.call.now).await?;
        Ok(found.map(|(now, _)| now).filter(|now| now.id == self.enrollment.id))
    }

    fn judge(&self, sealed: &SealedSecret, code: &TotpCode) -> Result<TotpVerdict, AppError> {
        let secret = sealed::open_enrollment(self.app, self.enrollment, sealed)?;
        let totp = TotpFactor::new(secret, self.enrollment.parameters);
        let skew = self.holder.account().portal.settings.totp_skew_steps();
        Ok(totp.verify(code, self.call.now, skew, None))
    }

    async fn accept(&self, step: TimeStep) -> Result<(), AppError> {
        let Self { app, call, holder, enrollment, .. } = self;
        let tx = app.store.begin().await?;
        if tx.verify_enrollment(enrollment.id, step).await? {
            tx.record(&holder.event(app, call, EventType::EnrollmentVerified)).await?;
            return Ok(tx.commit().await?);
        }
        // Verified by another call, or ended.
        self.current(&tx).await?.map(drop).ok_or(AppError::EnrollmentNotStarted)
    }

    /// Records a wrong code, and ends the enrollment with the last one it bears.
    async fn reject(&self) -> Result<AppError, AppError> {
        let tx = self.app.store.begin().await?;
        tx.fail_enrollment(self.enrollment.id).await?;
        let left = self.current(&tx).await?.map(|now| now.remaining());
        let mut changed = Changed::Nothing;
        if left == Some(0) {
            tx.delete_enrollment(self.enrollment.owner, Some(self.enrollment.id)).await?;
            changed = Changed::State;
        }
        // Ended meanwhile, or made way for another.
        let error = left.map_or(AppError::EnrollmentNotStarted, |left| {
            AppError::CredentialsRejected { attempts_remaining: Some(left) }
        });
        let remaining = left.unwrap_or(0);
        let event = self.failed(&error, remaining);
        tries::commit(self.app, tx, &event, changed, &self.place).await?;
        Ok(error)
    }

    /// That the code was refused with `error`.
    fn failed(&self, error: &AppError, remaining: u32) -> Event {
        let mut event = self.holder.event(self.app, self.call, EventType::EnrollmentFailed);
        event.attributes = vec![("attempts_remaining", remaining.to_string())];
        refused(event, error)
    }
}
