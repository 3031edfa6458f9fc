//! Backup codes.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::backup_code::{BackupCode, CODES_PER_SET};
use gatehouse_domain::id::BackupCodeSetId;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;

use super::holder::{Credential, Holder, HolderView};
use super::retry::retry;
use super::{Call, sealed};
use crate::app::App;
use crate::error::AppError;

/// A new set, and the only copy of it.
pub type NewCodes = [BackupCode; CODES_PER_SET];

/// Makes five codes in place of all earlier ones. A sign-in stays where it is.
///
/// # Errors
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`],
/// [`AppError::PortalUsesSaml`]; [`AppError::SessionInvalid`],
/// [`AppError::MfaNotEnabled`], [`AppError::ReauthenticationRequired`].
pub async fn generate(
    app: &App,
    call: &Call,
    portal: &Portal,
    credential: &Credential,
) -> Result<(NewCodes, HolderView), AppError> {
    let seen = Holder::read(app, portal, credential, call.now).await?;
    let (codes, holder) = retry(app, || try_generate(app, call, &seen)).await?;
    Ok((codes, holder.view(app, call.now).await?))
}

async fn try_generate(
    app: &App,
    call: &Call,
    seen: &Holder,
) -> Result<(NewCodes, Holder), AppError> {
    let tx = app.store.begin().await?;
    let holder = seen.lock(app, &tx, call.now).await?;
    match &holder {
        Holder::SignIn(held) => held.require(|next| next == Next::BackupCodes)?,
        Holder::Session(held) if held.account.factor.is_none() => {
            return Err(AppError::MfaNotEnabled);
        }
        Holder::Session(held) => held.require_fresh_proof(&tx, call.now).await?,
    }
    let key = holder.account().key();
    let rng = &mut app.entropy.rng();
    let codes = BackupCode::generate_set(rng);
    let set = BackupCodeSetId::generate(call.now, rng);
    let digests = sealed::seal_backup_codes(app, key, set, &codes);
    tx.put_backup_codes(key, set, digests, call.now).await?;
    tx.record(&holder.event(app, call, EventType::BackupCodesGenerated)).await?;
    tx.commit().await?;
    Ok((codes, holder))
}
