//! A customer with all that decides what they may do.

use gatehouse_domain::customer::Customer;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::id::{CustomerKey, FactorId};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{SealedSecret, Tx};

use crate::error::AppError;

/// A customer, the portal whose policy holds for them, and their factor in
/// force, read together.
pub(in crate::usecase) struct Account {
    pub portal: Portal,
    pub customer: Customer,
    pub factor: Option<(Factor, SealedSecret)>,
}

impl Account {
    /// As it stands in a transaction, in which nothing of it changes any more.
    pub async fn lock(tx: &Tx, key: &CustomerKey) -> Result<Option<Self>, AppError> {
        let portal = tx.lock_portal_shared(&key.portal).await?.ok_or(AppError::ApiKeyInvalid)?;
        let Some(customer) = tx.lock_customer(key).await? else { return Ok(None) };
        let factor = tx.factor_with_secret(key).await?;
        Ok(Some(Self { portal, customer, factor }))
    }

    /// Whose it is.
    pub fn key(&self) -> &CustomerKey {
        &self.customer.key
    }

    /// The factor in force.
    pub fn factor(&self) -> Option<&Factor> {
        self.factor.as_ref().map(|(factor, _)| factor)
    }

    /// Since when the factor in force is that.
    pub fn factor_enabled_at(&self) -> Option<Timestamp> {
        self.factor().map(|factor| factor.enabled_at)
    }

    /// The id of the factor in force.
    pub fn factor_id(&self) -> Option<FactorId> {
        self.factor().map(|factor| factor.id)
    }

    /// The customer's address.
    pub fn email(&self) -> &str {
        self.customer.email.as_str()
    }

    /// Refuses what has no meaning where the identity provider knows the password.
    pub fn require_passwords(&self) -> Result<(), AppError> {
        require_passwords(&self.portal)
    }
}

/// Refuses what has no meaning where the portal signs in by SAML.
pub(in crate::usecase) fn require_passwords(portal: &Portal) -> Result<(), AppError> {
    if portal.settings.saml.is_some() { Err(AppError::PortalUsesSaml) } else { Ok(()) }
}
