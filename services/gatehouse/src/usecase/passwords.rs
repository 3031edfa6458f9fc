//! Passwords: what a new one has to be, and how one takes the place of another.

use gatehouse_domain::audit::{Event, EventType};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::id::CustomerKey;
use gatehouse_domain::password::{NewPasswordContext, Password, check_new};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::SessionEnd;
use gatehouse_domain::vault::Token;
use gatehouse_persistence::{SealedPassword, Sessions, Tx};
use tokio::task::spawn_blocking;

use super::account::{Account, require_passwords};
use super::proof::password::{Proven, verify_own};
use super::retry::retry;
use super::sessions::{SignedIn, reauthentication_required};
use super::{Call, sealed, sessions};
use crate::app::App;
use crate::error::AppError;

/// A password that somebody wants to have.
pub struct NewPassword {
    /// The password.
    pub password: Password,
    /// The request's field that it came in.
    pub field: &'static str,
}

/// Checks a new password against the portal's policy and hashes it.
///
/// # Errors
/// [`AppError::PasswordPolicy`], [`AppError::Overloaded`].
pub(super) async fn hash_new(
    app: &App,
    call: &Call,
    portal: &Portal,
    key: &CustomerKey,
    email: &Email,
    new: NewPassword,
) -> Result<SealedPassword, AppError> {
    let password = check_policy(call, portal, email, new).await?;
    let slot = app.hasher.reserve(&portal.id).await?;
    let hash = slot.hash(password, app.entropy.salt()).await?;
    Ok(sealed::seal_password(app, key, &hash))
}

/// Checks a new password on a thread of its own: a hostile one takes a while.
async fn check_policy(
    call: &Call,
    portal: &Portal,
    email: &Email,
    new: NewPassword,
) -> Result<Password, AppError> {
    let NewPassword { password, field } = new;
    let (now, portal, email) = (call.now, portal.clone(), email.clone());
    let check = move || {
        let context = NewPasswordContext {
            portal_name: &portal.settings.display_name,
            portal_id: portal.id.as_str(),
            email: &email,
        };
        check_new(&password, portal.settings.password_min_length(now), &context).map(|()| password)
    };
    let checked = spawn_blocking(check).await.map_err(|error| AppError::Internal(error.into()))?;
    checked.map_err(|violation| {
        AppError::PasswordPolicy(vec![FieldViolation::new(field, violation.to_string())])
    })
}

/// Sets the password of a locked customer, and ends what was gained with the one
/// before: these sessions, every sign-in, every invitation. Gives the customer as
/// they are then, and how many live sessions were ended.
pub(super) async fn set(
    tx: &Tx,
    call: &Call,
    account: &Account,
    hash: SealedPassword,
    which: Sessions,
) -> Result<(Customer, u64), AppError> {
    let Account { portal, customer, .. } = account;
    let key = &customer.key;
    tx.set_password(key, Some(hash)).await?;
    tx.end_sign_ins(key, call.now).await?;
    tx.end_invitations(key).await?;
    let why = SessionEnd::PasswordChanged;
    let ended = sessions::end(call, tx, portal, key, which, why).await?;
    let after = Customer { has_password: true, ..customer.next_generation() };
    tx.update_customer(customer, &after).await?;
    Ok((after, ended))
}

/// Changes the password of the customer whose session asks, and ends every other
/// session. Gives how many of those were live.
///
/// # Errors
/// [`AppError::PortalUsesSaml`] before anything else; [`AppError::SessionInvalid`],
/// [`AppError::ReauthenticationRequired`], [`AppError::PasswordPolicy`],
/// [`AppError::Overloaded`], [`AppError::Throttled`],
/// [`AppError::CredentialsRejected`] for a wrong present one.
pub async fn change(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: &Token,
    client: &ClientContext,
    (current, new): (Password, NewPassword),
) -> Result<u64, AppError> {
    require_passwords(portal)?;
    let seen = SignedIn::read(app, portal, token, client, call.now).await?;
    if !seen.is_freshly_proven(call.now) {
        let left = app.store.read().backup_codes(seen.account.key()).await?;
        return Err(reauthentication_required(seen.account.factor.is_some(), left));
    }
    let Account { portal, customer, .. } = &seen.account;
    let new = check_policy(call, portal, &customer.email, new).await?;
    // Both reserved before the charge, so that overload charges nobody.
    let slots = app.hasher.reserve_two(&portal.id).await?;
    let failed = || seen.event(app, call, EventType::PasswordChangeFailed);
    let (proven, new_slot) = verify_own(app, call, &seen, slots, current, failed).await?;
    let hash = new_slot.hash(new, app.entropy.salt()).await?;
    let hash = sealed::seal_password(app, &customer.key, &hash);
    retry(app, || accept(app, call, &seen, &proven, &hash)).await?
}

/// Changes it, if nothing has changed that forbids it. What refuses a right
/// password is a value: an error would roll back the charge's return.
async fn accept(
    app: &App,
    call: &Call,
    seen: &SignedIn,
    proven: &Proven,
    hash: &SealedPassword,
) -> Result<Result<u64, AppError>, AppError> {
    let tx = app.store.begin().await?;
    let held = match lock(&tx, call, seen, proven).await {
        Ok(held) => held,
        Err(refusal) if refusal.is_verdict() => {
            let event = seen.event(app, call, EventType::PasswordChangeFailed);
            return Ok(Err(proven.refuse(app, tx, event, refusal).await?));
        }
        Err(error) => return Err(error),
    };
    proven.take_back(&tx).await?;
    let this = held.session.id;
    let (_, ended) = set(&tx, call, &held.account, hash.clone(), Sessions::AllBut(this)).await?;
    tx.prove_session(this, false, call.now).await?;
    let attributes = vec![("by", "customer".to_owned()), ("sessions_ended", ended.to_string())];
    tx.record(&Event { attributes, ..held.event(app, call, EventType::PasswordChanged) }).await?;
    tx.commit().await?;
    Ok(Ok(ended))
}

/// The session as it stands in `tx`, where it may change the password still: a
/// factor that came into force meanwhile asks for a proof of its own.
async fn lock(
    tx: &Tx,
    call: &Call,
    seen: &SignedIn,
    proven: &Proven,
) -> Result<SignedIn, AppError> {
    let held = seen.lock(tx, call.now).await?;
    held.account.require_passwords()?;
    proven.check(&held.account.customer)?;
    held.require_fresh_proof(tx, call.now).await?;
    Ok(held)
}
