//! Passwords, wherever they are presented: at sign-in and within a session.

use gatehouse_domain::audit::Event;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::password::{Password, PasswordHash};
use gatehouse_persistence::{SealedPassword, Tx};

use super::{Charged, Guess, record_refusal};
use crate::app::App;
use crate::error::AppError;
use crate::hasher::HashSlot;
use crate::usecase::retry::retry;
use crate::usecase::sessions::SignedIn;
use crate::usecase::tries::{self, Changed, Place};
use crate::usecase::{Call, refused, sealed};

/// A password that was found right, outside of any transaction.
pub(in crate::usecase) struct Proven {
    /// Whose it was then.
    pub customer: Customer,
    /// A stronger hash of the same password, to put in place of the stored one.
    rehash: Option<SealedPassword>,
    charged: Charged,
    place: Place,
}

impl Proven {
    /// Takes its charge back, and only that.
    pub async fn take_back(&self, tx: &Tx) -> Result<(), AppError> {
        self.charged.take_back(tx).await
    }

    /// Refuses what proves nothing of `customer`, as they are locked now: the
    /// password is no more.
    pub fn check(&self, customer: &Customer) -> Result<(), AppError> {
        if customer.password_revision == self.customer.password_revision {
            Ok(())
        } else {
            Err(AppError::CredentialsRejected { attempts_remaining: None })
        }
    }

    /// Ends `tx` with nothing but the return of its charge and what tells that it was
    /// refused all the same.
    pub async fn refuse(
        &self,
        app: &App,
        tx: Tx,
        event: Event,
        refusal: AppError,
    ) -> Result<AppError, AppError> {
        self.take_back(&tx).await?;
        let event = refused(event, &refusal);
        tries::commit(app, tx, &event, Changed::Nothing, &self.place).await?;
        Ok(refusal)
    }

    /// Puts the stronger hash in place, where there is one.
    pub async fn store_rehash(&self, tx: &Tx) -> Result<(), AppError> {
        match &self.rehash {
            Some(rehash) => Ok(tx.rehash_password(&self.customer.key, rehash.clone()).await?),
            None => Ok(()),
        }
    }
}

/// Compares a password that has been charged with the hash that is `stored`, if
/// there is one. `None` if it is wrong, after the same work in every case.
pub(in crate::usecase) async fn judge(
    app: &App,
    slot: HashSlot,
    charged: Charged,
    stored: Option<(Customer, Option<SealedPassword>)>,
    password: Password,
) -> Result<Option<Proven>, AppError> {
    let hash = match &stored {
        Some((customer, Some(hash))) => Some(sealed::open_password(app, &customer.key, hash)?),
        _ => None,
    };
    let verdict = slot.verify(password, hash, app.entropy.salt()).await?;
    Ok(stored.filter(|_| verdict.matches).map(|(customer, _)| {
        let reseal = |hash: PasswordHash| sealed::seal_password(app, &customer.key, &hash);
        let rehash = verdict.rehash.map(reseal);
        Proven { customer, rehash, charged, place: Place::default() }
    }))
}

/// Tells of a wrong password. The charge stays.
pub(in crate::usecase) async fn reject(
    app: &App,
    call: &Call,
    guess: &Guess<'_>,
    failed: impl Fn() -> Event + Sync,
) -> Result<AppError, AppError> {
    let place = Place::default();
    retry(app, || async {
        let error = AppError::CredentialsRejected { attempts_remaining: None };
        let tx = app.store.begin().await?;
        guess.count_wrong(app, &tx, call.now).await?;
        tries::commit(app, tx, &refused(failed(), &error), Changed::Nothing, &place).await?;
        Ok(error)
    })
    .await
}

/// Proves the password of the customer whose session it is, against the same
/// budgets as at sign-in. What is `spare` is kept for what comes after a right one, and
/// otherwise dropped.
///
/// # Errors
/// [`AppError::Throttled`], [`AppError::CredentialsRejected`]: recorded as what
/// `failed` says.
pub(in crate::usecase) async fn verify_own<S: Send>(
    app: &App,
    call: &Call,
    seen: &SignedIn,
    (slot, spare): (HashSlot, S),
    password: Password,
    failed: impl Fn() -> Event + Sync,
) -> Result<(Proven, S), AppError> {
    let customer = &seen.account.customer;
    let guess =
        Guess { portal: &customer.key.portal, email: &customer.email, client: &seen.client };
    let charged = match guess.charge(app, call).await? {
        Ok(charged) => charged,
        Err(wait) => {
            // Its turn is another's, who may need it for a hash.
            drop((slot, spare));
            return Err(record_refusal(app, failed(), AppError::Throttled(wait)).await?);
        }
    };
    let stored = app.store.read().customer_with_password(&customer.key).await?;
    if let Some(proven) = judge(app, slot, charged, stored, password).await? {
        return Ok((proven, spare));
    }
    drop(spare);
    Err(reject(app, call, &guess, failed).await?)
}
