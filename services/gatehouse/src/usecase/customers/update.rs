//! UpdateCustomer.

use gatehouse_domain::audit::EventType;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::CustomerKey;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::SessionEnd;
use gatehouse_persistence::{Sessions, StoreError, Tx};

use super::{CustomerInPortal, email_taken, lock, view, with_email};
use crate::app::App;
use crate::error::AppError;
use crate::usecase::retry::retry;
use crate::usecase::{Call, about_customer, check_etag, sessions};

/// A change of a customer. Unset: stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerChange {
    /// Whose.
    pub key: CustomerKey,
    /// What the etag has to be, if the caller said so.
    pub etag: Option<String>,
    /// Another address to sign in with.
    pub email: Option<Email>,
    /// What people call them.
    pub display_name: Option<String>,
    /// Suspended from now on, or not any more.
    pub suspended: Option<bool>,
}

impl CustomerChange {
    /// What is named, for the audit trail.
    fn paths(&self) -> String {
        let named = [
            ("email", self.email.is_some()),
            ("display_name", self.display_name.is_some()),
            ("suspended", self.suspended.is_some()),
        ];
        let paths = named.into_iter().filter_map(|(path, named)| named.then_some(path));
        paths.collect::<Vec<_>>().join(",")
    }
}

/// Changes a customer. Suspending ends their sessions, sign-ins and invitations;
/// another address ends their invitations, which went to the old one.
///
/// # Errors
/// [`AppError::ResourceNotFound`], [`AppError::EtagMismatch`],
/// [`AppError::ResourceExists`] for the email.
pub async fn update(
    app: &App,
    call: &Call,
    change: &CustomerChange,
) -> Result<CustomerInPortal, AppError> {
    retry(app, || try_update(app, call, change)).await
}

async fn try_update(
    app: &App,
    call: &Call,
    change: &CustomerChange,
) -> Result<CustomerInPortal, AppError> {
    let key = &change.key;
    let tx = app.store.begin().await?;
    let (portal, seen) = lock(&tx, key).await?;
    check_etag(change.etag.as_deref(), &seen.etag())?;

    let suspended_at = match change.suspended {
        Some(true) => seen.suspended_at.or(Some(call.now)),
        Some(false) => None,
        None => seen.suspended_at,
    };
    let suspends = suspended_at.is_some() && seen.suspended_at.is_none();
    let reinstates = suspended_at.is_none() && seen.suspended_at.is_some();
    let after = Customer {
        email: change.email.clone().unwrap_or_else(|| seen.email.clone()),
        display_name: change.display_name.clone().unwrap_or_else(|| seen.display_name.clone()),
        suspended_at,
        updated_at: call.now,
        revision: seen.revision + 1,
        ..if suspends { seen.next_generation() } else { seen.clone() }
    };
    match tx.update_customer(&seen, &after).await {
        Err(StoreError::Duplicate) => {
            drop(tx);
            let other = with_email(app, &after).await?;
            return Err(email_taken(&other.unwrap_or_else(|| key.clone())));
        }
        updated => updated?,
    }
    if suspends || after.email != seen.email {
        tx.end_invitations(key).await?;
    }

    let mut attributes = vec![("paths", change.paths())];
    let kind = if suspends {
        let ended = end_all(call, &tx, &portal, key).await?;
        attributes.push(("sessions_ended", ended.to_string()));
        EventType::CustomerSuspended
    } else if reinstates {
        EventType::CustomerReinstated
    } else {
        EventType::CustomerUpdated
    };
    let mut event = call.event(app, kind, about_customer(key));
    event.attributes = attributes;
    tx.record(&event).await?;
    let found = view(&tx, key, portal).await?;
    tx.commit().await?;
    Ok(found)
}

/// Ends the sign-ins and sessions of a customer; gives how many sessions were live.
async fn end_all(
    call: &Call,
    tx: &Tx,
    portal: &Portal,
    key: &CustomerKey,
) -> Result<u64, AppError> {
    tx.end_sign_ins(key, call.now).await?;
    sessions::end(call, tx, portal, key, Sessions::All, SessionEnd::Suspended).await
}
