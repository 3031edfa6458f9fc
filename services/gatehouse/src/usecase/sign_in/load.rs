//! A sign-in under way, with all that decides what it asks for next.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::sign_in::{Next, SignIn};
use gatehouse_domain::sign_in_start::{SignInStart, SignInToken};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{Digest, DigestKind, Token};
use gatehouse_persistence::{SealedSecret, Tx};

use crate::app::App;
use crate::error::AppError;
use crate::usecase::{Call, about_customer, portals};

/// A live sign-in whose password has been proven.
pub(in crate::usecase) struct Loaded {
    pub sign_in: SignIn,
    pub portal: Portal,
    pub customer: Customer,
    pub factor: Option<(Factor, SealedSecret)>,
    pub next: Next,
}

impl Loaded {
    /// As it stands at this moment.
    pub async fn read(
        app: &App,
        portal: &PortalId,
        token: &SignInToken,
        now: Timestamp,
    ) -> Result<(Self, Token), AppError> {
        let token = match token {
            SignInToken::Proven(token) => token,
            SignInToken::Start(text) => {
                return Err(too_early(app, portal, text, now).await);
            }
        };
        let read = app.store.read();
        let portal = portals::own(app, portal).await?;
        let sign_in = read.sign_in(&portal.id, &digests(app, token), now).await?;
        let sign_in = sign_in.ok_or(AppError::SignInInvalid)?;
        let customer = read.customer(&sign_in.customer).await?.ok_or(AppError::SignInInvalid)?;
        let factor = read.factor_with_secret(&sign_in.customer).await?;
        Ok((Self::of(sign_in, portal, customer, factor, now), token.clone()))
    }

    /// As it stands in a transaction, in which nothing of it changes any more.
    pub async fn lock(
        &self,
        app: &App,
        tx: &Tx,
        token: &Token,
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let key = &self.sign_in.customer;
        let portal = tx.lock_portal_shared(&key.portal).await?.ok_or(AppError::ApiKeyInvalid)?;
        let customer = tx.lock_customer(key).await?.ok_or(AppError::SignInInvalid)?;
        // A reset or suspension that committed first has ended it.
        let sign_in = tx.sign_in(&key.portal, &digests(app, token), now).await?;
        let sign_in = sign_in.ok_or(AppError::SignInInvalid)?;
        let factor = tx.factor_with_secret(key).await?;
        Ok(Self::of(sign_in, portal, customer, factor, now))
    }

    /// Whether the sign-in has not ended meanwhile.
    pub async fn is_live(
        &self,
        app: &App,
        tx: &Tx,
        token: &Token,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let found = tx.sign_in(&self.portal.id, &digests(app, token), now).await?;
        Ok(found.is_some())
    }

    fn of(
        sign_in: SignIn,
        portal: Portal,
        customer: Customer,
        factor: Option<(Factor, SealedSecret)>,
        now: Timestamp,
    ) -> Self {
        let factor_id = factor.as_ref().map(|(factor, _)| factor.id);
        let next = sign_in.next(&portal.settings, factor_id, now);
        Self { sign_in, portal, customer, factor, next }
    }

    /// Refuses a step that is not the one the sign-in is at.
    pub fn require(&self, step: impl FnOnce(Next) -> bool) -> Result<(), AppError> {
        if self.next == Next::Saml {
            Err(AppError::PortalUsesSaml)
        } else if step(self.next) {
            Ok(())
        } else {
            Err(AppError::SignInStep { expected: self.next.as_str() })
        }
    }

    /// Records in `tx` what the sign-in does.
    pub async fn record(
        &self,
        app: &App,
        call: &Call,
        tx: &Tx,
        kind: EventType,
    ) -> Result<(), AppError> {
        let mut event = call.event(app, kind, about_customer(&self.customer.key));
        event.client = self.sign_in.client.clone();
        Ok(tx.record(&event).await?)
    }

    /// The factor in force.
    pub fn factor(&self) -> Option<&Factor> {
        self.factor.as_ref().map(|(factor, _)| factor)
    }

    /// The customer's address.
    pub fn email(&self) -> &str {
        self.customer.email.as_str()
    }
}

fn digests(app: &App, token: &Token) -> Vec<Digest> {
    app.vault.digests(DigestKind::SignIn, token.expose().as_bytes())
}

/// Why a later step refuses the token of a start.
async fn too_early(app: &App, portal: &PortalId, text: &str, now: Timestamp) -> AppError {
    let portal = match portals::own(app, portal).await {
        Ok(portal) => portal,
        Err(error) => return error,
    };
    match open_start(app, &portal.id, text, now).await {
        Err(error) => error,
        Ok(_) if portal.settings.saml.is_some() => AppError::PortalUsesSaml,
        Ok(_) => AppError::SignInStep { expected: Next::Password.as_str() },
    }
}

/// Opens the token of a start that has not led to a proven password yet.
pub(super) async fn open_start(
    app: &App,
    portal: &PortalId,
    text: &str,
    now: Timestamp,
) -> Result<SignInStart, AppError> {
    let start = app.vault.open_sign_in_start(portal, text).map_err(|_| AppError::SignInInvalid)?;
    if !start.is_live(now) || app.store.read().sign_in_is_proven(start.id).await? {
        return Err(AppError::SignInInvalid);
    }
    Ok(start)
}
