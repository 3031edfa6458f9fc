//! FinishSignIn: "Continue to Sign In".

use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::SignInToken;

use super::issue::{Proof, issue};
use super::under_way::UnderWay;
use super::view::SignInView;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::Call;
use crate::usecase::retry::retry;

/// Ends a sign-in at `backup_codes`, or at an optional `enroll`, with its session.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`], [`AppError::CustomerSuspended`].
pub async fn finish(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &SignInToken,
) -> Result<SignInView, AppError> {
    let seen = UnderWay::read(app, portal, token, call.now).await?;
    retry(app, || try_finish(app, call, &seen)).await
}

async fn try_finish(app: &App, call: &Call, seen: &UnderWay) -> Result<SignInView, AppError> {
    let tx = app.store.begin().await?;
    let held = seen.lock(app, &tx, call.now).await?;
    held.require(|next| matches!(next, Next::BackupCodes | Next::Enroll { optional: true }))?;
    if !tx.finish_sign_in(held.sign_in.id, call.now).await? {
        return Err(AppError::SignInInvalid);
    }
    let codes = held.account.customer.codes;
    let proof = match held.account.factor() {
        // The code was verified when the factor was set up, not now.
        Some(factor) => {
            Proof { at: factor.enabled_at, second_factor: Some("totp"), codes: codes.clear() }
        }
        None => Proof { at: held.sign_in.proven_at, second_factor: None, codes },
    };
    let issued = issue(app, call, &tx, &held, proof).await?;
    tx.commit().await?;
    Ok(SignInView::finished(&held, issued))
}
