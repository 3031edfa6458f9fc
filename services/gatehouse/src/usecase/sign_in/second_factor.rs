//! VerifySecondFactor.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Tx;

use super::issue::{Proof, issue};
use super::under_way::UnderWay;
use super::view::SignInView;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::Call;
use crate::usecase::account::Account;
use crate::usecase::proof::second_factor::{self, Claimant, SecondFactor};

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
    portal: &Portal,
    token: &SignInToken,
    proof: &SecondFactor,
) -> Result<SignInView, AppError> {
    let seen = UnderWay::read(app, portal, token, call.now).await?;
    seen.require_second_factor()?;
    second_factor::verify(app, call, &seen, proof).await
}

impl Claimant for UnderWay {
    type Proven = SignInView;

    async fn lock(&self, app: &App, tx: &Tx, now: Timestamp) -> Result<Self, AppError> {
        Self::lock(self, app, tx, now).await
    }

    async fn end(&self, app: &App, tx: &Tx, now: Timestamp) -> Result<Option<AppError>, AppError> {
        let found = self.find(app, tx, now).await?;
        Ok(if found.is_some() { None } else { Some(AppError::SignInInvalid) })
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn require_second_factor(&self) -> Result<(), AppError> {
        self.require(|next| next == Next::SecondFactor)
    }

    async fn proceed(
        self,
        app: &App,
        call: &Call,
        tx: &Tx,
        word: &'static str,
    ) -> Result<SignInView, AppError> {
        if !tx.finish_sign_in(self.sign_in.id, call.now).await? {
            return Err(AppError::SignInInvalid);
        }
        let codes = self.account.customer.codes.take_back().clear();
        let proof = Proof { at: call.now, second_factor: Some(word), codes };
        let issued = issue(app, call, tx, &self, proof).await?;
        Ok(SignInView::finished(&self, issued))
    }

    fn failed(&self, app: &App, call: &Call, word: &'static str) -> Event {
        let step = Next::SecondFactor.as_str().to_owned();
        let attributes = vec![("step", step), ("proof", word.to_owned())];
        Event { attributes, ..self.event(app, call, EventType::SignInFailed) }
    }
}
