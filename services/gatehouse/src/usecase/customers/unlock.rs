//! UnlockCustomer.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::id::CustomerKey;
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::throttle::ADDRESS;

use super::{CustomerInPortal, lock, view};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::proof::email_budget;
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer};

/// Forgets a customer's wrong codes, and the wrong passwords at their address.
/// The short waits of a source between its own tries go on.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub async fn unlock(
    app: &App,
    call: &Call,
    key: &CustomerKey,
) -> Result<CustomerInPortal, AppError> {
    retry(app, || try_unlock(app, call, key)).await
}

async fn try_unlock(
    app: &App,
    call: &Call,
    key: &CustomerKey,
) -> Result<CustomerInPortal, AppError> {
    let tx = app.store.begin().await?;
    let (portal, seen) = lock(&tx, key).await?;
    let after = Customer { codes: CodeBudget::default(), ..seen.clone() };
    tx.update_customer(&seen, &after).await?;
    email_budget(app, &key.portal, &seen.email, &ADDRESS).clear(&tx).await?;
    tx.record(&call.event(app, EventType::CustomerUnlocked, about_customer(key))).await?;
    let found = view(&tx, key, portal).await?;
    tx.commit().await?;
    Ok(found)
}
