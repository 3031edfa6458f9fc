//! VerifySecondFactor.

use gatehouse_domain::backup_code::BackupCode;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::id::{BackupCodeSetId, FactorId, PortalId};
use gatehouse_domain::lockout::{CodeBudget, JUDGING_WAIT, Refusal};
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::totp::{TimeStep, TotpCode, TotpFactor, TotpParameters, TotpVerdict};
use gatehouse_domain::vault::Token;
use gatehouse_persistence::Tx;

use super::failure::failed;
use super::issue::{Proof, issue};
use super::load::Loaded;
use super::view::SignInView;
use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, sealed};

/// What a customer presents.
pub enum SecondFactor {
    /// A code of the authenticator.
    Totp(TotpCode),
    /// A backup code.
    BackupCode(BackupCode),
}

/// What a code that was found right uses up.
#[derive(Clone, Copy)]
enum Spend {
    TimeStep { factor: FactorId, step: TimeStep },
    BackupCode { set: BackupCodeSetId, slot: u8 },
}

enum Verdict {
    Right(Spend),
    Not(Rejection),
}

#[derive(Clone, Copy)]
enum Rejection {
    /// Right, and used before.
    Replayed,
    Wrong,
}

/// Proves a second factor, which ends the sign-in with its session.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`], [`AppError::RequestInvalid`] for a code of the
/// wrong length, [`AppError::SignInLocked`], [`AppError::Throttled`],
/// [`AppError::CredentialsRejected`], also for a code that has been used.
pub async fn verify_second_factor(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &SignInToken,
    proof: SecondFactor,
) -> Result<SignInView, AppError> {
    let (loaded, token) = Loaded::read(app, portal, token, call.now).await?;
    loaded.require(|next| next == Next::SecondFactor)?;
    let Some((factor, secret)) = &loaded.factor else {
        return Err(AppError::SignInStep { expected: loaded.next.as_str() });
    };
    if let SecondFactor::Totp(code) = &proof {
        check_length(factor.parameters, code)?;
    }

    // Committed before anything secret is compared: a caller that goes away, a
    // crash or a lost database leaves the guess counted.
    retry(app, || charge(app, call, &loaded)).await?;
    match judge(app, call, &loaded, factor, secret, &proof).await? {
        Verdict::Right(spend) => retry(app, || accept(app, call, &loaded, &token, spend)).await?,
        Verdict::Not(why) => Err(retry(app, || reject(app, call, &loaded, &token, why)).await?),
    }
}

/// Refuses a code of another length than the authenticator's, before any charge.
pub(in crate::usecase) fn check_length(
    parameters: TotpParameters,
    code: &TotpCode,
) -> Result<(), AppError> {
    let digits = parameters.digits();
    if code.digits() == digits {
        Ok(())
    } else {
        Err(FieldViolation::new("totp_code", format!("must be {digits} digits")).into())
    }
}

async fn charge(app: &App, call: &Call, loaded: &Loaded) -> Result<(), AppError> {
    let tx = app.store.begin().await?;
    let seen = tx.lock_customer(&loaded.customer.key).await?.ok_or(AppError::SignInInvalid)?;
    let codes = seen
        .codes
        .charge(call.now, &loaded.portal.settings.lockout)
        .map_err(|refusal| refused(call, refusal))?;
    save_codes(&tx, &seen, codes).await?;
    Ok(tx.commit().await?)
}

fn refused(call: &Call, refusal: Refusal) -> AppError {
    match refusal {
        Refusal::Locked { until } => {
            AppError::SignInLocked(until.map(|until| Wait::until(until, call.now)))
        }
        Refusal::Judging => AppError::Throttled(Wait::until(call.now + JUDGING_WAIT, call.now)),
    }
}

async fn judge(
    app: &App,
    call: &Call,
    loaded: &Loaded,
    factor: &Factor,
    secret: &[u8],
    proof: &SecondFactor,
) -> Result<Verdict, AppError> {
    match proof {
        SecondFactor::Totp(code) => {
            let secret = sealed::open_factor(app, factor, secret)?;
            let totp = TotpFactor::new(secret, factor.parameters);
            let skew = loaded.portal.settings.totp_skew_steps();
            Ok(match totp.verify(code, call.now, skew, Some(factor.accepted_step)) {
                TotpVerdict::Accepted { step } => {
                    Verdict::Right(Spend::TimeStep { factor: factor.id, step })
                }
                TotpVerdict::Replayed => Verdict::Not(Rejection::Replayed),
                TotpVerdict::Rejected => Verdict::Not(Rejection::Wrong),
            })
        }
        SecondFactor::BackupCode(code) => {
            let key = &loaded.customer.key;
            let stored = app.store.read().stored_backup_codes(key).await?;
            Ok(match sealed::find_backup_code(app, key, &stored, code)? {
                Some(found) if found.used_at.is_some() => Verdict::Not(Rejection::Replayed),
                Some(found) => {
                    Verdict::Right(Spend::BackupCode { set: found.set, slot: found.slot })
                }
                None => Verdict::Not(Rejection::Wrong),
            })
        }
    }
}

/// Spends a right code and makes the session, if nothing has changed that
/// forbids it. What refuses a right code is a value: an error would roll back
/// the return of its charge.
async fn accept(
    app: &App,
    call: &Call,
    seen: &Loaded,
    token: &Token,
    use_up: Spend,
) -> Result<Result<SignInView, AppError>, AppError> {
    let tx = app.store.begin().await?;
    let loaded = match seen.lock(app, &tx, token, call.now).await {
        Ok(loaded) => loaded,
        // Ended meanwhile, by another call with the same code or by a reset.
        Err(refusal @ AppError::SignInInvalid) => {
            take_back(tx, seen).await?;
            return Ok(Err(refusal));
        }
        Err(error) => return Err(error),
    };
    if let Err(refusal) = loaded.require(|next| next == Next::SecondFactor) {
        take_back(tx, seen).await?;
        return Ok(Err(refusal));
    }
    let key = &loaded.customer.key;
    let (spent, word) = match use_up {
        Spend::TimeStep { factor, step } => {
            (tx.accept_time_step(key, factor, step, call.now).await?, "totp")
        }
        Spend::BackupCode { set, slot } => {
            (tx.consume_backup_code(key, set, slot, call.now).await?, "backup_code")
        }
    };
    if !spent {
        // Another call was first with the same code.
        drop(tx);
        return Ok(Err(reject(app, call, seen, token, Rejection::Replayed).await?));
    }
    if !tx.finish_sign_in(loaded.sign_in.id, call.now).await? {
        return Err(AppError::SignInInvalid);
    }
    let codes = loaded.customer.codes.take_back().clear();
    let proof = Proof { at: call.now, second_factor: Some(word), codes };
    let issued = issue(app, call, &tx, &loaded, proof).await?;
    tx.commit().await?;
    Ok(Ok(SignInView::finished(&loaded, token, issued)))
}

/// Ends `tx` with nothing but the return of a right code's charge.
async fn take_back(tx: Tx, loaded: &Loaded) -> Result<(), AppError> {
    if let Some(seen) = tx.lock_customer(&loaded.customer.key).await? {
        save_codes(&tx, &seen, seen.codes.take_back()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Records a rejected code and what it does to the budget. A sign-in that has
/// ended meanwhile says so: its wrong code is nobody's any more.
async fn reject(
    app: &App,
    call: &Call,
    loaded: &Loaded,
    token: &Token,
    why: Rejection,
) -> Result<AppError, AppError> {
    let key = &loaded.customer.key;
    let lockout = &loaded.portal.settings.lockout;
    let tx = app.store.begin().await?;
    let seen = tx.lock_customer(key).await?.ok_or(AppError::SignInInvalid)?;
    let live = loaded.is_live(app, &tx, token, call.now).await?;
    let codes = match why {
        Rejection::Replayed => seen.codes.take_back(),
        Rejection::Wrong if live => seen.codes.fail(call.now, lockout),
        Rejection::Wrong => seen.codes,
    };
    save_codes(&tx, &seen, codes).await?;
    let error = if live {
        AppError::CredentialsRejected { attempts_remaining: Some(codes.remaining(lockout)) }
    } else {
        AppError::SignInInvalid
    };
    let (resource, client) = (about_customer(key), &loaded.sign_in.client);
    tx.record(&failed(app, call, resource, client, Next::SecondFactor, &error)).await?;
    tx.commit().await?;
    Ok(error)
}

async fn save_codes(tx: &Tx, seen: &Customer, codes: CodeBudget) -> Result<(), AppError> {
    let after = Customer { codes, ..seen.clone() };
    Ok(tx.update_customer(seen, &after).await?)
}
