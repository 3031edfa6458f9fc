//! ReauthenticateSession: proving the customer again within a session.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::password::Password;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Token;
use gatehouse_persistence::Tx;

use super::{SessionView, SignedIn};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::Call;
use crate::usecase::account::Account;
use crate::usecase::proof::password::{Proven, verify_own};
use crate::usecase::proof::second_factor::{self, Claimant, SecondFactor};
use crate::usecase::retry::retry;

/// What a customer presents within a session.
pub enum SessionProof {
    /// The password: only while no factor is in force.
    Password(Password),
    /// A code: only while a factor is.
    SecondFactor(SecondFactor),
}

/// Proves the customer again. A second factor makes the session multi-factor.
///
/// # Errors
/// [`AppError::SessionInvalid`]; [`AppError::RequestInvalid`] for the wrong kind
/// of proof, which charges nobody; [`AppError::Overloaded`],
/// [`AppError::Throttled`], [`AppError::SignInLocked`],
/// [`AppError::CredentialsRejected`].
pub async fn reauthenticate(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
    client: &ClientContext,
    proof: SessionProof,
) -> Result<SessionView, AppError> {
    let seen = SignedIn::read(app, portal, token, client, call.now).await?;
    let has_factor = seen.account.factor.is_some();
    match proof {
        SessionProof::Password(password) if !has_factor => {
            by_password(app, call, &seen, password).await
        }
        SessionProof::SecondFactor(proof) if has_factor => {
            second_factor::verify(app, call, &seen, &proof).await
        }
        SessionProof::Password(_) => Err(second_factor_required()),
        SessionProof::SecondFactor(proof) => {
            let field = match proof {
                SecondFactor::Totp(_) => "totp_code",
                SecondFactor::BackupCode(_) => "backup_code",
            };
            Err(FieldViolation::new(
                field,
                "no second factor is in force: the password is asked for",
            )
            .into())
        }
    }
}

fn second_factor_required() -> AppError {
    FieldViolation::new("password", "a second factor is in force: it is asked for").into()
}

async fn by_password(
    app: &App,
    call: &Call,
    seen: &SignedIn,
    password: Password,
) -> Result<SessionView, AppError> {
    let slot = app.hasher.reserve(&seen.account.portal.id).await?;
    let failed = || failed(app, call, seen, "password");
    let (proven, ()) = verify_own(app, call, seen, (slot, ()), password, failed).await?;
    retry(app, || accept(app, call, seen, &proven)).await?
}

/// Notes the proof, if nothing has changed that forbids it. What refuses a right
/// password is a value: an error would roll back the charge's return.
async fn accept(
    app: &App,
    call: &Call,
    seen: &SignedIn,
    proven: &Proven,
) -> Result<Result<SessionView, AppError>, AppError> {
    let tx = app.store.begin().await?;
    let checked = seen.lock(&tx, call.now).await.and_then(|held| {
        proven.check(&held.account.customer)?;
        if held.account.factor.is_some() { Err(second_factor_required()) } else { Ok(held) }
    });
    let held = match checked {
        Ok(held) => held,
        Err(refusal) if refusal.is_verdict() => {
            let event = failed(app, call, seen, "password");
            return Ok(Err(proven.refuse(app, tx, event, refusal).await?));
        }
        Err(error) => return Err(error),
    };
    proven.take_back(&tx).await?;
    proven.store_rehash(&tx).await?;
    let view = prove(app, call, &tx, held, "password", false).await?;
    tx.commit().await?;
    Ok(Ok(view))
}

/// Notes in `tx` that the customer was proven in a session that it has locked.
async fn prove(
    app: &App,
    call: &Call,
    tx: &Tx,
    held: SignedIn,
    word: &'static str,
    second_factor: bool,
) -> Result<SessionView, AppError> {
    let now = call.now;
    tx.prove_session(held.session.id, second_factor, now).await?;
    let event = held.event(app, call, EventType::SessionReauthenticated);
    tx.record(&Event { attributes: vec![("proof", word.to_owned())], ..event }).await?;
    let mut session = held.session;
    session.last_used_at = now;
    session.authenticated_at = now;
    if second_factor {
        session.second_factor_at = Some(now);
    }
    Ok(SessionView::of(session, &held.account.portal))
}

/// That the proof that is called `word` was refused.
fn failed(app: &App, call: &Call, seen: &SignedIn, word: &'static str) -> Event {
    let event = seen.event(app, call, EventType::ReauthenticationFailed);
    Event { attributes: vec![("proof", word.to_owned())], ..event }
}

impl Claimant for SignedIn {
    type Proven = SessionView;

    async fn lock(&self, _: &App, tx: &Tx, now: Timestamp) -> Result<Self, AppError> {
        Self::lock(self, tx, now).await
    }

    async fn end(&self, _: &App, tx: &Tx, now: Timestamp) -> Result<Option<AppError>, AppError> {
        match self.reread(tx, &self.account.portal, now).await {
            Ok(_) => Ok(None),
            Err(end @ AppError::SessionInvalid { .. }) => Ok(Some(end)),
            Err(error) => Err(error),
        }
    }

    fn account(&self) -> &Account {
        &self.account
    }

    /// Whenever there is a factor, which using its code up makes sure of.
    fn require_second_factor(&self) -> Result<(), AppError> {
        Ok(())
    }

    async fn proceed(
        self,
        app: &App,
        call: &Call,
        tx: &Tx,
        word: &'static str,
    ) -> Result<SessionView, AppError> {
        let seen = &self.account.customer;
        // Its own charge and no more: only a completed sign-in clears the counter.
        let after = Customer { codes: seen.codes.take_back(), ..seen.clone() };
        tx.update_customer(seen, &after).await?;
        prove(app, call, tx, self, word, true).await
    }

    fn failed(&self, app: &App, call: &Call, word: &'static str) -> Event {
        failed(app, call, self, word)
    }
}
