//! RequestInvitation: for customers who forgot the password.

use gatehouse_domain::client::ClientContext;
use gatehouse_domain::email::Email;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::throttle::INVITATION_REQUEST;

use super::{IssuedInvitation, Requester, issue};
use crate::app::App;
use crate::error::{AppError, Wait};
use crate::usecase::Call;
use crate::usecase::account::require_passwords;
use crate::usecase::proof::{Budget, email_budget};
use crate::usecase::retry::retry;

/// Makes an invitation for whoever has this address, beside earlier ones; none
/// where that is nobody, or somebody who is suspended. Asking is counted by
/// address, known or not.
///
/// # Errors
/// [`AppError::PortalUsesSaml`], [`AppError::Throttled`].
pub async fn request(
    app: &App,
    call: &Call,
    portal: &Portal,
    email: &Email,
    client: &ClientContext,
) -> Result<Option<IssuedInvitation>, AppError> {
    retry(app, || try_request(app, call, portal, email, client)).await
}

async fn try_request(
    app: &App,
    call: &Call,
    portal: &Portal,
    email: &Email,
    client: &ClientContext,
) -> Result<Option<IssuedInvitation>, AppError> {
    let tx = app.store.begin().await?;
    let portal = tx.lock_portal_shared(&portal.id).await?.ok_or(AppError::ApiKeyInvalid)?;
    require_passwords(&portal)?;
    let found = match tx.customer_by_email(&portal.id, email).await? {
        Some((seen, _)) => tx.lock_customer(&seen.key).await?,
        None => None,
    };
    // As they are once they cannot change any more.
    let invited = found.filter(|now| now.email == *email && now.suspended_at.is_none());

    let budget = email_budget(app, &portal.id, email, &INVITATION_REQUEST);
    let mut budgets = Budget::lock(&tx, &[budget]).await?;
    for budget in &mut budgets {
        let charged = budget.throttle.charge(call.now, budget.rule);
        budget.throttle =
            charged.map_err(|until| AppError::Throttled(Wait::until(until, call.now)))?;
    }
    tx.save_throttles(&budgets).await?;
    let issued = match &invited {
        Some(customer) => Some(issue(app, call, &tx, customer, Requester::Customer(client)).await?),
        None => None,
    };
    tx.commit().await?;
    Ok(issued)
}
