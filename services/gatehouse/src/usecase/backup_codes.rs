//! Backup codes.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::backup_code::{BackupCode, CODES_PER_SET};
use gatehouse_domain::id::{BackupCodeSetId, PortalId};
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::SignInToken;
use gatehouse_domain::vault::Token;

use super::retry::retry;
use super::sign_in::{Loaded, SignInView, view};
use super::{Call, sealed};
use crate::app::App;
use crate::error::AppError;

/// A new set, and the only copy of it.
pub type NewCodes = [BackupCode; CODES_PER_SET];

/// Makes five codes in place of all earlier ones. The sign-in stays where it is.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`].
pub async fn generate(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: &SignInToken,
) -> Result<(NewCodes, SignInView), AppError> {
    let (loaded, token) = Loaded::read(app, portal, token, call.now).await?;
    let (codes, loaded) = retry(app, || try_generate(app, call, &loaded, &token)).await?;
    Ok((codes, view(app, &loaded, &token, call.now).await?))
}

async fn try_generate(
    app: &App,
    call: &Call,
    seen: &Loaded,
    token: &Token,
) -> Result<(NewCodes, Loaded), AppError> {
    let tx = app.store.begin().await?;
    let loaded = seen.lock(app, &tx, token, call.now).await?;
    loaded.require(|next| next == Next::BackupCodes)?;
    let key = &loaded.customer.key;
    let rng = &mut app.entropy.rng();
    let codes = BackupCode::generate_set(rng);
    let set = BackupCodeSetId::generate(call.now, rng);
    let digests = sealed::seal_backup_codes(app, key, set, &codes);
    tx.put_backup_codes(key, set, digests, call.now).await?;
    loaded.record(app, call, &tx, EventType::BackupCodesGenerated).await?;
    tx.commit().await?;
    Ok((codes, loaded))
}
