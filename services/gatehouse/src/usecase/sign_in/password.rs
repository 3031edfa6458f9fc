//! VerifyPassword.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::password::{Password, PasswordHash};
use gatehouse_domain::sign_in::{Next, SignIn, after_password};
use gatehouse_domain::sign_in_start::{SignInStart, SignInToken};
use gatehouse_domain::vault::{DigestKind, Token, TokenKind};
use gatehouse_persistence::SealedPassword;

use super::failure::failed;
use super::guess::{Charged, Guess};
use super::issue::{Proof, issue};
use super::load::{Loaded, open_start};
use super::view::{SignInView, view};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, about_portal, portals, sealed};

/// A customer whose password was found right, outside of any transaction.
struct Proven {
    customer: Customer,
    /// A stronger hash of the same password, to put in place of the stored one.
    rehash: Option<SealedPassword>,
}

/// Proves the password: the sign-in goes on with a new token, or ends in a
/// session. An unknown address costs and answers the same as a wrong password.
///
/// # Errors
/// [`AppError::PortalUsesSaml`] before anything else; [`AppError::SignInInvalid`],
/// [`AppError::SignInStep`], [`AppError::Overloaded`], [`AppError::Throttled`],
/// [`AppError::CredentialsRejected`]; [`AppError::CustomerSuspended`] after a
/// right password only.
pub async fn verify_password(
    app: &App,
    call: &Call,
    portal: &PortalId,
    token: SignInToken,
    password: Password,
) -> Result<SignInView, AppError> {
    let portal = portals::own(app, portal).await?;
    if portal.settings.saml.is_some() {
        return Err(AppError::PortalUsesSaml);
    }
    let start = match token {
        SignInToken::Start(text) => open_start(app, &portal.id, &text, call.now).await?,
        proven @ SignInToken::Proven(_) => {
            let (loaded, _) = Loaded::read(app, &portal.id, &proven, call.now).await?;
            return Err(AppError::SignInStep { expected: loaded.next.as_str() });
        }
    };
    // StartSignIn has checked it; what it sealed is still what it checked.
    let email = Email::parse(&start.email_as_typed).map_err(|_| AppError::SignInInvalid)?;

    // Reserved before the charge, so that overload charges nobody.
    let slot = app.hasher.reserve()?;
    let guess = Guess { portal: &portal.id, email: &email, client: &start.client };
    let charged = guess.charge(app, call).await?;

    let found = app.store.read().customer_by_email(&portal.id, &email).await?;
    let stored = match &found {
        Some((customer, Some(hash))) => Some(sealed::open_password(app, &customer.key, hash)?),
        _ => None,
    };
    let verdict = slot.verify(password, stored, app.entropy.salt()).await?;

    match found {
        Some((customer, _)) if verdict.matches => {
            let reseal = |hash: PasswordHash| sealed::seal_password(app, &customer.key, &hash);
            let rehash = verdict.rehash.map(reseal);
            let proven = Proven { customer, rehash };
            retry(app, || accept(app, call, &start, &proven, &charged)).await?
        }
        found => {
            let customer = found.map(|(customer, _)| customer);
            Err(retry(app, || reject(app, call, &guess, customer.as_ref())).await?)
        }
    }
}

/// Records a wrong password. The charge stays.
async fn reject(
    app: &App,
    call: &Call,
    guess: &Guess<'_>,
    customer: Option<&Customer>,
) -> Result<AppError, AppError> {
    let error = AppError::CredentialsRejected { attempts_remaining: None };
    let tx = app.store.begin().await?;
    guess.count_wrong(app, &tx, call.now).await?;
    let resource =
        customer.map_or_else(|| about_portal(guess.portal), |found| about_customer(&found.key));
    tx.record(&failed(app, call, resource, guess.client, Next::Password, &error)).await?;
    tx.commit().await?;
    Ok(error)
}

/// Goes on with a right password under the policy of this moment. What refuses
/// a right password is a value: an error would roll back the charge's return.
async fn accept(
    app: &App,
    call: &Call,
    start: &SignInStart,
    proven: &Proven,
    charged: &Charged,
) -> Result<Result<SignInView, AppError>, AppError> {
    let key = &proven.customer.key;
    let tx = app.store.begin().await?;
    let portal = tx.lock_portal_shared(&key.portal).await?.ok_or(AppError::ApiKeyInvalid)?;
    let Some(customer) = tx.lock_customer(key).await? else {
        return Err(AppError::CredentialsRejected { attempts_remaining: None });
    };
    charged.take_back(&tx).await?;

    let factor = tx.factor_with_secret(key).await?;
    let factor_id = factor.as_ref().map(|(factor, _)| factor.id);
    let next = after_password(&portal.settings, factor_id, call.now);
    let refusal = if customer.password_revision != proven.customer.password_revision {
        // The proof is of a password that is no more.
        Some(AppError::CredentialsRejected { attempts_remaining: None })
    } else if customer.suspended_at.is_some() {
        Some(AppError::CustomerSuspended)
    } else if next == Next::Saml {
        Some(AppError::PortalUsesSaml)
    } else if tx.sign_in_is_proven(start.id).await? {
        // Another call with this start was first.
        Some(AppError::SignInInvalid)
    } else {
        None
    };
    if let Some(refusal) = refusal {
        let resource = about_customer(key);
        tx.record(&failed(app, call, resource, &start.client, Next::Password, &refusal)).await?;
        tx.commit().await?;
        return Ok(Err(refusal));
    }

    if let Some(rehash) = &proven.rehash {
        tx.rehash_password(key, rehash.clone()).await?;
    }
    let sign_in = SignIn::proven(start.id, key.clone(), start.client.clone(), next, call.now);
    let token = Token::generate(TokenKind::SignIn, &mut app.entropy.rng());
    let digest = app.vault.digest(DigestKind::SignIn, token.expose().as_bytes());
    let ended_at = (next == Next::Session).then_some(call.now);
    tx.insert_sign_in(&sign_in, &digest, ended_at).await?;

    let loaded = Loaded { sign_in, portal, customer, factor, next };
    if next == Next::Session {
        let codes = loaded.customer.codes;
        let proof = Proof { at: call.now, second_factor: None, codes };
        let issued = issue(app, call, &tx, &loaded, proof).await?;
        tx.commit().await?;
        return Ok(Ok(SignInView::finished(&loaded, &token, issued)));
    }
    let mut event = call.event(app, EventType::PasswordVerified, about_customer(key));
    event.client = start.client.clone();
    event.attributes = vec![("next", next.as_str().to_owned())];
    tx.record(&event).await?;
    tx.commit().await?;
    Ok(Ok(view(app, &loaded, &token, call.now).await?))
}
