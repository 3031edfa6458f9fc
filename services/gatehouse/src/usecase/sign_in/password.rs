//! VerifyPassword.

use gatehouse_domain::audit::{Event, EventType, Resource};
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::password::Password;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::Next;
use gatehouse_domain::sign_in_start::{SignInStart, SignInToken};
use tokio::time::Instant;

use super::held::Held;
use super::proceed::{Stage, proceed};
use super::under_way::{UnderWay, open_start};
use super::view::SignInView;
use crate::app::App;
use crate::error::AppError;
use crate::usecase::account::{Account, require_passwords};
use crate::usecase::proof::password::{self, Proven};
use crate::usecase::proof::{Guess, record_refusal};
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, about_portal};

/// Proves the password: the sign-in goes on with a new token, or ends in a
/// session. An unknown address costs and answers the same as a wrong password, which is
/// a value: when it may be told is another matter.
///
/// # Errors
/// [`AppError::Overloaded`], [`AppError::PortalUsesSaml`] before anything else;
/// [`AppError::SignInInvalid`], [`AppError::SignInStep`], [`AppError::Throttled`];
/// [`AppError::CustomerSuspended`] after a right password only.
pub async fn verify_password(
    app: &App,
    call: &Call,
    portal: &Portal,
    token: SignInToken,
    password: Password,
) -> Result<Result<SignInView, Held>, AppError> {
    // Before anything is read: what is refused for want of room costs the others nothing.
    let place = app.hasher.enter(&portal.id)?;
    require_passwords(portal)?;
    let start = match token {
        SignInToken::Start(text) => open_start(app, &portal.id, &text, call.now).await?,
        proven @ SignInToken::Proven(_) => {
            let held = UnderWay::read(app, portal, &proven, call.now).await?;
            return Err(AppError::SignInStep { expected: held.next.as_str() });
        }
    };
    // StartSignIn has checked it; what it sealed is still what it checked.
    let email = Email::parse(&start.email_as_typed).map_err(|_| AppError::SignInInvalid)?;

    // Its turn is before the charge, so that overload charges nobody.
    let slot = place.turn().await?;
    let begun = Instant::now();
    let guess = Guess { portal: &portal.id, email: &email, client: &start.client };
    let charged = match guess.charge(app, call).await? {
        Ok(charged) => charged,
        Err(wait) => {
            // Its turn is another's, who may need it for a hash.
            drop(slot);
            let found = app.store.read().customer_by_email(&portal.id, &email).await?;
            let customer = found.as_ref().map(|(customer, _)| customer);
            let event = failed(app, call, &guess, customer);
            return Err(record_refusal(app, event, AppError::Throttled(wait)).await?);
        }
    };
    let found = app.store.read().customer_by_email(&portal.id, &email).await?;
    let customer = found.as_ref().map(|(customer, _)| customer.clone());
    if let Some(proven) = password::judge(app, slot, charged, found, password).await? {
        let stage = retry(app, || accept(app, call, &start, &proven)).await??;
        return Ok(Ok(stage.view(app, call).await?));
    }
    let failed = || failed(app, call, &guess, customer.as_ref());
    let error = password::reject(app, call, &guess, failed).await?;
    Ok(Err(Held::wrong(app, &portal.id, begun, error).await?))
}

/// Goes on with a right password under the policy of this moment. What refuses
/// a right password is a value: an error would roll back the charge's return.
async fn accept(
    app: &App,
    call: &Call,
    start: &SignInStart,
    proven: &Proven,
) -> Result<Result<Stage, AppError>, AppError> {
    let tx = app.store.begin().await?;
    let account = Account::lock(&tx, &proven.customer.key).await?;
    let Some(account) = account else {
        // Deleted meanwhile.
        let Customer { key, email, .. } = &proven.customer;
        let guess = Guess { portal: &key.portal, email, client: &start.client };
        let refusal = AppError::CredentialsRejected { attempts_remaining: None };
        return Ok(Err(proven.refuse(app, tx, failed(app, call, &guess, None), refusal).await?));
    };
    let proceeded = match check(&account, proven) {
        Err(refusal) => Err((account, refusal)),
        Ok(()) => proceed(app, call, &tx, account, start.id, start.client.clone())
            .await?
            // Another call with this start was first.
            .map_err(|account| (account, AppError::SignInInvalid)),
    };
    match proceeded {
        Ok(stage) => {
            proven.take_back(&tx).await?;
            proven.store_rehash(&tx).await?;
            tx.commit().await?;
            Ok(Ok(stage))
        }
        Err((account, refusal)) => {
            let customer = &account.customer;
            let (portal, email) = (&account.portal.id, &customer.email);
            let guess = Guess { portal, email, client: &start.client };
            let event = failed(app, call, &guess, Some(customer));
            Ok(Err(proven.refuse(app, tx, event, refusal).await?))
        }
    }
}

/// Refuses a right password that does not sign in.
fn check(account: &Account, proven: &Proven) -> Result<(), AppError> {
    proven.check(&account.customer)?;
    if account.customer.suspended_at.is_some() {
        return Err(AppError::CustomerSuspended);
    }
    account.require_passwords()
}

/// That a password was refused, perhaps of nobody.
fn failed(app: &App, call: &Call, guess: &Guess<'_>, customer: Option<&Customer>) -> Event {
    let resource: Resource =
        customer.map_or_else(|| about_portal(guess.portal), |found| about_customer(&found.key));
    Event {
        client: guess.client.clone(),
        attributes: vec![
            ("step", Next::Password.as_str().to_owned()),
            ("proof", "password".to_owned()),
        ],
        ..call.event(app, EventType::SignInFailed, resource)
    }
}
