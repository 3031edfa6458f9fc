//! customer.proto

use gatehouse_api::v1;
use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerKey, PortalId, name};
use gatehouse_domain::lockout::Lock;
use gatehouse_domain::password::Password;
use gatehouse_domain::portal::check_display_name;
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::CustomerFilter;

use super::fields::{Fields, count, given, timestamp};
use super::mfa;
use crate::error::AppError;
use crate::usecase::customers::{CustomerChange, CustomerInPortal, NewCustomer};

/// The message.
#[must_use]
pub fn message(found: &CustomerInPortal, now: Timestamp) -> v1::Customer {
    let CustomerInPortal { view, portal } = found;
    let customer = &view.customer;
    v1::Customer {
        name: name::customer(&customer.key),
        email: customer.email.to_string(),
        display_name: customer.display_name.clone(),
        suspended: customer.suspended_at.is_some(),
        mfa: Some(mfa::message(view, &portal.settings, now)),
        has_password: customer.has_password,
        lock: customer.codes.lock(now).map(lock),
        last_sign_in_time: customer.last_sign_in_at.map(timestamp),
        create_time: Some(timestamp(customer.created_at)),
        update_time: Some(timestamp(customer.updated_at)),
        etag: customer.etag(),
    }
}

/// The message of what keeps a customer out.
#[must_use]
pub fn lock(lock: Lock) -> v1::CustomerLock {
    v1::CustomerLock { until_time: lock.until.map(timestamp), failures: count(lock.failures) }
}

/// The customer to make in `portal`.
///
/// # Errors
/// [`AppError::RequestInvalid`].
pub fn new(request: v1::CreateCustomerRequest, portal: PortalId) -> Result<NewCustomer, AppError> {
    let mut fields = Fields::default();
    let id = match request.customer_id.as_str() {
        "" => Some(None),
        id => fields.take("customer_id", id.parse()).map(Some),
    };
    let password = match request.password.as_str() {
        "" => Some(None),
        password => fields.take("password", Password::parse(password)).map(Some),
    };
    let customer = fields.require("customer", request.customer).unwrap_or_default();
    let email = fields.take("customer.email", Email::parse(&customer.email));
    fields.take("customer.display_name", check_display_name(&customer.display_name));
    match (id, password, email) {
        (Some(id), Some(password), Some(email)) => {
            fields.finish()?;
            Ok(NewCustomer {
                portal,
                id,
                email,
                display_name: customer.display_name,
                suspended: customer.suspended,
                password,
            })
        }
        _ => Err(fields.into_error()),
    }
}

/// The change of `key` that a message and its mask ask for: what is named is
/// taken from the message, where unset it takes its default.
///
/// # Errors
/// [`AppError::RequestInvalid`].
pub fn change(
    customer: v1::Customer,
    key: CustomerKey,
    paths: &[String],
) -> Result<CustomerChange, AppError> {
    let mut fields = Fields::default();
    let etag = given(customer.etag);
    let mut change = CustomerChange { key, etag, email: None, display_name: None, suspended: None };
    if paths.is_empty() {
        fields.note("update_mask", "required: name what to change");
    }
    for path in paths {
        match path.as_str() {
            "email" => {
                change.email = fields.take("customer.email", Email::parse(&customer.email));
            }
            "display_name" => {
                let name = &customer.display_name;
                fields.take("customer.display_name", check_display_name(name));
                change.display_name = Some(name.clone());
            }
            "suspended" => change.suspended = Some(customer.suspended),
            path => {
                let path = path.chars().take(100).collect::<String>();
                let what = "must be of email, display_name, suspended";
                fields.note("update_mask", format!("{what}, not {path:?}"));
            }
        }
    }
    fields.finish()?;
    Ok(change)
}

/// Which customers of `portals` to list.
pub fn filter(
    fields: &mut Fields,
    request: &v1::ListCustomersRequest,
    portals: PortalScope,
) -> CustomerFilter {
    let email = match request.email.as_str() {
        "" => None,
        email => fields.take("email", Email::parse(email)),
    };
    let has_factor = match v1::MfaState::try_from(request.mfa_state) {
        Ok(v1::MfaState::Unspecified) => None,
        Ok(v1::MfaState::Enabled) => Some(true),
        Ok(v1::MfaState::Disabled) => Some(false),
        Err(_) => {
            fields.note("mfa_state", "must be MFA_STATE_DISABLED or MFA_STATE_ENABLED");
            None
        }
    };
    let (suspended, locked) = (request.suspended, request.locked);
    CustomerFilter { portals, email, has_factor, suspended, locked }
}
