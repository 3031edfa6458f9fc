//! Codes of an authenticator and backup codes: one budget, one judgement, one
//! place where they are used up, for sign-ins and sessions alike.

use gatehouse_domain::audit::Event;
use gatehouse_domain::backup_code::BackupCode;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::id::{BackupCodeSetId, CustomerKey, FactorId};
use gatehouse_domain::lockout::{CodeBudget, JUDGING_WAIT, Refusal};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TimeStep, TotpCode, TotpFactor, TotpParameters, TotpVerdict};
use gatehouse_persistence::Tx;

use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::account::Account;
use crate::usecase::retry::retry;
use crate::usecase::tries::{self, Changed, Place};
use crate::usecase::{self, Call, sealed};

/// What a customer presents.
pub enum SecondFactor {
    /// A code of the authenticator.
    Totp(TotpCode),
    /// A backup code.
    BackupCode(BackupCode),
}

impl SecondFactor {
    /// The audit trail's word for it.
    pub(in crate::usecase) const fn word(&self) -> &'static str {
        match self {
            Self::Totp(_) => "totp",
            Self::BackupCode(_) => "backup_code",
        }
    }
}

/// Who presents a second factor: a sign-in under way, or a session.
pub(in crate::usecase) trait Claimant: Send + Sized + Sync {
    /// What a right one comes to.
    type Proven: Send;

    /// As it stands in a transaction, in which nothing of it changes any more.
    ///
    /// # Errors
    /// Why it is dead, if it is.
    fn lock(
        &self,
        app: &App,
        tx: &Tx,
        now: Timestamp,
    ) -> impl Future<Output = Result<Self, AppError>> + Send;

    /// Why it is dead in `tx`, if it is.
    fn end(
        &self,
        app: &App,
        tx: &Tx,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<AppError>, AppError>> + Send;

    /// Customer, portal and factor.
    fn account(&self) -> &Account;

    /// Refuses one that no second factor is asked of any more.
    fn require_second_factor(&self) -> Result<(), AppError>;

    /// Goes on in `tx`, where the second factor that is called `word` has been
    /// used up; its charge is to be taken back.
    fn proceed(
        self,
        app: &App,
        call: &Call,
        tx: &Tx,
        word: &'static str,
    ) -> impl Future<Output = Result<Self::Proven, AppError>> + Send;

    /// That the second factor that is called `word` was refused.
    fn failed(&self, app: &App, call: &Call, word: &'static str) -> Event;
}

/// What a code that was found right uses up.
#[derive(Clone, Copy)]
enum Spend {
    TimeStep { factor: FactorId, step: TimeStep },
    BackupCode { set: BackupCodeSetId, slot: u8 },
}

impl Spend {
    /// Uses it up; false if another call was first.
    async fn spend(self, tx: &Tx, key: &CustomerKey, now: Timestamp) -> Result<bool, AppError> {
        Ok(match self {
            Self::TimeStep { factor, step } => tx.accept_time_step(key, factor, step, now).await?,
            Self::BackupCode { set, slot } => tx.consume_backup_code(key, set, slot, now).await?,
        })
    }
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

/// One proof that is presented.
struct Attempt<'a, C> {
    app: &'a App,
    call: &'a Call,
    seen: &'a C,
    word: &'static str,
    place: Place,
}

/// Proves a second factor of a customer who has one in force.
///
/// # Errors
/// [`AppError::RequestInvalid`] for a code of the wrong length,
/// [`AppError::SignInLocked`], [`AppError::Throttled`],
/// [`AppError::CredentialsRejected`], also for a code that has been used; what
/// the claimant is refused with where it has ended or gone elsewhere meanwhile.
pub(in crate::usecase) async fn verify<C: Claimant>(
    app: &App,
    call: &Call,
    seen: &C,
    proof: &SecondFactor,
) -> Result<C::Proven, AppError> {
    let Some((factor, secret)) = &seen.account().factor else {
        return Err(AppError::MfaNotEnabled);
    };
    if let SecondFactor::Totp(code) = proof {
        check_length(factor.parameters, code)?;
    }
    let attempt = Attempt { app, call, seen, word: proof.word(), place: Place::default() };
    // Committed before anything secret is compared: a caller that goes away, a
    // crash or a lost database leaves the guess counted.
    attempt.charge().await??;
    match judge(app, call, seen.account(), factor, secret, proof).await? {
        Verdict::Right(spend) => retry(app, || attempt.accept(spend)).await?,
        Verdict::Not(why) => Err(retry(app, || attempt.reject(why)).await?),
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

async fn judge(
    app: &App,
    call: &Call,
    account: &Account,
    factor: &Factor,
    secret: &[u8],
    proof: &SecondFactor,
) -> Result<Verdict, AppError> {
    match proof {
        SecondFactor::Totp(code) => {
            let secret = sealed::open_factor(app, factor, secret)?;
            let totp = TotpFactor::new(secret, factor.parameters);
            let skew = account.portal.settings.totp_skew_steps();
            Ok(match totp.verify(code, call.now, skew, Some(factor.accepted_step)) {
                TotpVerdict::Accepted { step } => {
                    Verdict::Right(Spend::TimeStep { factor: factor.id, step })
                }
                TotpVerdict::Replayed => Verdict::Not(Rejection::Replayed),
                TotpVerdict::Rejected => Verdict::Not(Rejection::Wrong),
            })
        }
        SecondFactor::BackupCode(code) => {
            let key = account.key();
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

impl<C: Claimant> Attempt<'_, C> {
    /// Counts it before it is judged: by one statement, if it may be judged and nobody
    /// has charged another one meanwhile.
    async fn charge(&self) -> Result<Result<(), AppError>, AppError> {
        let Self { app, call, seen, .. } = self;
        let Account { portal, customer, .. } = seen.account();
        if let Ok(codes) = customer.codes.charge(call.now, &portal.settings.lockout)
            && app.store.charge_codes(customer, codes).await?
        {
            return Ok(Ok(()));
        }
        retry(app, || self.lock_and_charge()).await
    }

    /// The same under a lock. A refusal is a value: an error would roll back its event.
    async fn lock_and_charge(&self) -> Result<Result<(), AppError>, AppError> {
        let Self { app, call, seen, .. } = self;
        let Account { portal, customer, .. } = seen.account();
        let tx = app.store.begin().await?;
        let Some(customer) = tx.lock_customer(&customer.key).await? else {
            return self.gone(tx).await.map(Err);
        };
        let lockout = &portal.settings.lockout;
        let settled = customer.codes.settle(call.now, lockout);
        let charged = settled.charge(call.now, lockout);
        let codes = charged.unwrap_or(settled);
        if codes != customer.codes {
            save_codes(&tx, &customer, codes).await?;
        }
        let Err(refusal) = charged else {
            tx.commit().await?;
            return Ok(Ok(()));
        };
        let error = refused(call, refusal);
        // Guesses that nobody has judged may have begun a lock.
        let begins_lock = customer.codes.locked_until != codes.locked_until;
        let what = if begins_lock { Changed::State } else { Changed::Nothing };
        self.end(tx, &error, what).await?;
        Ok(Err(error))
    }

    /// Uses a right code up for what it was presented for, if nothing has changed
    /// that forbids it. What refuses a right code is a value: an error would roll
    /// back the return of its charge.
    async fn accept(&self, spend: Spend) -> Result<Result<C::Proven, AppError>, AppError> {
        let Self { app, call, seen, .. } = self;
        let key = seen.account().key();
        let tx = app.store.begin().await?;
        let held = match seen.lock(app, &tx, call.now).await {
            Ok(held) => held,
            // Ended meanwhile, by another call with the same code or by a reset.
            Err(refusal) if refusal.is_verdict() => {
                return self.refuse(tx, refusal).await.map(Err);
            }
            Err(error) => return Err(error),
        };
        if let Err(refusal) = held.require_second_factor() {
            return self.refuse(tx, refusal).await.map(Err);
        }
        if !spend.spend(&tx, key, call.now).await? {
            // Another call was first with the same code.
            drop(tx);
            return Ok(Err(self.reject(Rejection::Replayed).await?));
        }
        let proven = held.proceed(app, call, &tx, self.word).await?;
        tx.commit().await?;
        Ok(Ok(proven))
    }

    /// Ends `tx` with nothing but the return of a right code's charge and what tells that
    /// it was refused all the same.
    async fn refuse(&self, tx: Tx, refusal: AppError) -> Result<AppError, AppError> {
        if let Some(customer) = tx.lock_customer(self.seen.account().key()).await? {
            save_codes(&tx, &customer, customer.codes.take_back()).await?;
        }
        self.end(tx, &refusal, Changed::Nothing).await?;
        Ok(refusal)
    }

    /// Records a rejected code and what it does to the budget. A holder that has
    /// ended meanwhile says so, and nobody learns from the answer whether the code
    /// was wrong: its charge is left to count as wrong when its time is over.
    async fn reject(&self, why: Rejection) -> Result<AppError, AppError> {
        let Self { app, call, seen, .. } = self;
        let Account { portal, customer, .. } = seen.account();
        let lockout = &portal.settings.lockout;
        let tx = app.store.begin().await?;
        let Some(customer) = tx.lock_customer(&customer.key).await? else {
            return self.gone(tx).await;
        };
        let end = seen.end(app, &tx, call.now).await?;
        // A code that was judged wrong always has its event: the password is known to whoever
        // presents it, and the budget bounds how many there are.
        let (codes, changed) = match why {
            Rejection::Replayed => (customer.codes.take_back(), Changed::Nothing),
            Rejection::Wrong if end.is_none() => {
                (customer.codes.fail(call.now, lockout), Changed::State)
            }
            Rejection::Wrong => (customer.codes, Changed::Nothing),
        };
        save_codes(&tx, &customer, codes).await?;
        let error = end.unwrap_or(AppError::CredentialsRejected {
            attempts_remaining: Some(codes.remaining(call.now, lockout)),
        });
        self.end(tx, &error, changed).await?;
        Ok(error)
    }

    /// Ends `tx` with what tells that the proof of a customer who is no more was refused.
    async fn gone(&self, tx: Tx) -> Result<AppError, AppError> {
        let end = self.seen.end(self.app, &tx, self.call.now).await?;
        let refusal = end.unwrap_or(AppError::CredentialsRejected { attempts_remaining: None });
        self.end(tx, &refusal, Changed::Nothing).await?;
        Ok(refusal)
    }

    /// Ends `tx` with what tells that the proof was refused with `error`.
    async fn end(&self, tx: Tx, error: &AppError, changed: Changed) -> Result<(), AppError> {
        tries::commit(self.app, tx, &self.failed(error), changed, &self.place).await
    }

    /// That the proof was refused with `error`.
    fn failed(&self, error: &AppError) -> Event {
        usecase::refused(self.seen.failed(self.app, self.call, self.word), error)
    }
}

fn refused(call: &Call, refusal: Refusal) -> AppError {
    match refusal {
        Refusal::Locked(lock) => {
            AppError::SignInLocked(lock.until.map(|until| Wait::until(until, call.now)))
        }
        Refusal::Judging => AppError::Throttled(Wait::until(call.now + JUDGING_WAIT, call.now)),
    }
}

async fn save_codes(tx: &Tx, seen: &Customer, codes: CodeBudget) -> Result<(), AppError> {
    let after = Customer { codes, ..seen.clone() };
    Ok(tx.update_customer(seen, &after).await?)
}
