//! Customers, as administrators see them.

mod delete;
pub mod import;
mod unlock;
mod update;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use gatehouse_domain::audit::EventType;
use gatehouse_domain::customer::{Customer, CustomerView};
use gatehouse_domain::email::Email;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::id::{CustomerId, CustomerKey, PortalId, name};
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::password::Password;
use gatehouse_domain::portal::Portal;
use gatehouse_domain::session::SessionEnd;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::{CustomerFilter, SealedPassword, Sessions, StoreError, Tx};

pub use delete::delete;
pub use unlock::unlock;
pub use update::{CustomerChange, update};

use super::passwords::{NewPassword, hash_new};
use super::retry::retry;
use super::{Call, about_customer, portals, sessions};
use crate::app::App;
use crate::error::AppError;

const EMAIL: &str = "customer.email";
const ANOTHER_HAS_IT: &str = "another customer has it";

/// A customer with the portal whose policy holds for them.
#[derive(Clone, Debug)]
pub struct CustomerInPortal {
    /// The customer.
    pub view: CustomerView,
    /// The portal.
    pub portal: Portal,
}

/// A customer to be made.
pub struct NewCustomer {
    /// In which portal.
    pub portal: PortalId,
    /// Unset: the server picks one.
    pub id: Option<CustomerId>,
    /// The address to sign in with.
    pub email: Email,
    /// What people call them.
    pub display_name: String,
    /// Already suspended.
    pub suspended: bool,
    /// Unset: none until an invitation is accepted.
    pub password: Option<Password>,
}

/// Makes a customer.
///
/// # Errors
/// [`AppError::ResourceNotFound`] for the portal, [`AppError::ResourceExists`]
/// for id or email, [`AppError::PasswordPolicy`], [`AppError::Overloaded`].
pub async fn create(
    app: &App,
    call: &Call,
    new: NewCustomer,
) -> Result<CustomerInPortal, AppError> {
    let portal = portals::get(app, &new.portal).await?;
    let id = new.id.unwrap_or_else(|| CustomerId::generate(call.now, &mut app.entropy.rng()));
    let key = CustomerKey::new(new.portal, id);
    let password = match new.password {
        Some(password) => {
            let password = NewPassword { password, field: "password" };
            Some(hash_new(app, call, &portal, &key, &new.email, password).await?)
        }
        None => None,
    };
    let has_password = password.is_some();
    let customer = Customer {
        suspended_at: new.suspended.then_some(call.now),
        ..Customer::new(key, new.email, new.display_name, has_password, call.now)
    };
    retry(app, || insert(app, call, &customer, password.as_ref())).await?;
    Ok(CustomerInPortal {
        view: CustomerView { customer, factor: None, backup_codes: None },
        portal,
    })
}

async fn insert(
    app: &App,
    call: &Call,
    customer: &Customer,
    password: Option<&SealedPassword>,
) -> Result<(), AppError> {
    let key = &customer.key;
    let tx = app.store.begin().await?;
    if tx.lock_portal_shared(&key.portal).await?.is_none() {
        return Err(portals::not_found(&key.portal));
    }
    match tx.insert_customer(customer, password.cloned()).await {
        Err(StoreError::Duplicate) => {
            drop(tx);
            return Err(taken(app, customer).await?);
        }
        result => result?,
    }
    tx.record(&call.event(app, EventType::CustomerCreated, about_customer(key))).await?;
    Ok(tx.commit().await?)
}

/// Which of a customer's unique properties is taken, and by whom.
async fn taken(app: &App, customer: &Customer) -> Result<AppError, AppError> {
    let other = with_email(app, customer).await?;
    if app.store.read().customer(&customer.key).await?.is_none() {
        return Ok(email_taken(&other.unwrap_or_else(|| customer.key.clone())));
    }
    let mut fields = vec![FieldViolation::new("customer_id", "is taken")];
    fields.extend(other.map(|_| FieldViolation::new(EMAIL, ANOTHER_HAS_IT)));
    Ok(AppError::ResourceExists { name: name::customer(&customer.key), fields })
}

/// Who in its portal has the email that `customer` is to have.
async fn with_email(app: &App, customer: &Customer) -> Result<Option<CustomerKey>, AppError> {
    let found = app.store.read().customer_by_email(&customer.key.portal, &customer.email).await?;
    Ok(found.map(|(other, _)| other.key))
}

fn email_taken(by: &CustomerKey) -> AppError {
    AppError::ResourceExists {
        name: name::customer(by),
        fields: vec![FieldViolation::new(EMAIL, ANOTHER_HAS_IT)],
    }
}

/// One customer.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub async fn get(app: &App, key: &CustomerKey) -> Result<CustomerInPortal, AppError> {
    let portal = app.store.read().portal(&key.portal).await?;
    let view = app.store.read().customer_view(key).await?;
    match (portal, view) {
        (Some(portal), Some(view)) => Ok(CustomerInPortal { view, portal }),
        _ => Err(not_found(key)),
    }
}

/// At most `limit` customers after `after`.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn list(
    app: &App,
    filter: &CustomerFilter,
    after: Option<&CustomerKey>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<CustomerInPortal>, AppError> {
    loop {
        let views = app.store.read().customers(filter, after, limit, now).await?;
        if let Some(found) = in_portals(app, views).await? {
            return Ok(found);
        }
    }
}

/// The customers with their portals; `None` if one has been deleted meanwhile,
/// and its customers with it.
async fn in_portals(
    app: &App,
    views: Vec<CustomerView>,
) -> Result<Option<Vec<CustomerInPortal>>, AppError> {
    let mut portals = HashMap::<PortalId, Portal>::new();
    let mut found = Vec::with_capacity(views.len());
    for view in views {
        let portal = match portals.entry(view.customer.key.portal.clone()) {
            Entry::Occupied(portal) => portal.get().clone(),
            Entry::Vacant(place) => match app.store.read().portal(place.key()).await? {
                Some(portal) => place.insert(portal).clone(),
                None => return Ok(None),
            },
        };
        found.push(CustomerInPortal { view, portal });
    }
    Ok(Some(found))
}

/// An administrator's reset of a customer's MFA.
pub struct MfaReset {
    /// Whose.
    pub key: CustomerKey,
    /// Why, for the audit trail.
    pub reason: String,
    /// Also void the password.
    pub end_password: bool,
}

/// Takes the factor, everything being set up and the backup codes away, ends
/// every sign-in, session and invitation, and forgets wrong codes. Gives how many live
/// sessions were ended.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub async fn reset_mfa(
    app: &App,
    call: &Call,
    reset: &MfaReset,
) -> Result<(CustomerInPortal, u64), AppError> {
    retry(app, || try_reset_mfa(app, call, reset)).await
}

async fn try_reset_mfa(
    app: &App,
    call: &Call,
    reset: &MfaReset,
) -> Result<(CustomerInPortal, u64), AppError> {
    let key = &reset.key;
    let tx = app.store.begin().await?;
    let (portal, seen) = lock(&tx, key).await?;
    tx.delete_factor(key).await?;
    tx.delete_enrollments(key).await?;
    tx.delete_backup_codes(key).await?;
    tx.end_sign_ins(key, call.now).await?;
    tx.end_invitations(key).await?;
    let why = SessionEnd::MfaReset;
    let ended = sessions::end(call, &tx, &portal, key, Sessions::All, why).await?;
    if reset.end_password {
        tx.set_password(key, None).await?;
    }
    let after = Customer { codes: CodeBudget::default(), ..seen.next_generation() };
    tx.update_customer(&seen, &after).await?;
    let mut event = call.event(app, EventType::MfaReset, about_customer(key));
    event.attributes = vec![
        ("reason", reset.reason.clone()),
        ("end_password", reset.end_password.to_string()),
        ("sessions_ended", ended.to_string()),
    ];
    tx.record(&event).await?;
    let found = view(&tx, key, portal).await?;
    tx.commit().await?;
    Ok((found, ended))
}

/// Locks a customer of a portal whose settings `tx` then relies on.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub(super) async fn lock(tx: &Tx, key: &CustomerKey) -> Result<(Portal, Customer), AppError> {
    let portal = tx.lock_portal_shared(&key.portal).await?.ok_or_else(|| not_found(key))?;
    let customer = tx.lock_customer(key).await?.ok_or_else(|| not_found(key))?;
    Ok((portal, customer))
}

/// A customer as `tx` leaves them.
async fn view(tx: &Tx, key: &CustomerKey, portal: Portal) -> Result<CustomerInPortal, AppError> {
    let view = tx.customer_view(key).await?.ok_or_else(|| not_found(key))?;
    Ok(CustomerInPortal { view, portal })
}

fn not_found(key: &CustomerKey) -> AppError {
    AppError::ResourceNotFound { name: name::customer(key) }
}
