//! What gatehouse does: plain functions, a file for each noun. Each reads the
//! time once, decides by the domain, and stores in transactions of its own.

pub mod api_keys;
pub mod audit;
pub mod backup_codes;
pub mod customers;
pub mod enrollment;
pub mod holder;
pub mod housekeeping;
pub mod invitations;
pub mod keys;
pub mod mfa;
pub mod passwords;
pub mod portals;
pub mod posture;
pub mod proof;
pub mod restore;
pub mod sealed;
pub mod sessions;
pub mod shared_addresses;
pub mod sign_in;
pub mod tries;

mod account;
mod retry;

use std::time::Duration;

use gatehouse_domain::audit::{Caller, Event, EventType, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{AuditEventId, CustomerKey, PortalId};
use gatehouse_domain::time::Timestamp;
use gatehouse_persistence::Lease;

use self::retry::retry;
use crate::app::App;
use crate::error::AppError;

/// One call: when it came, and from whom.
#[derive(Clone, Debug)]
pub struct Call {
    /// The time that the whole of the call goes by.
    pub now: Timestamp,
    /// For the audit trail.
    pub caller: Caller,
}

impl Call {
    /// A call of the server's own, from its command line.
    #[must_use]
    pub fn of_server(now: Timestamp) -> Self {
        Self { now, caller: Caller::default() }
    }

    /// Something that this call does or is refused.
    fn event(&self, app: &App, kind: EventType, resource: Resource) -> Event {
        Event {
            id: AuditEventId::generate(self.now, &mut app.entropy.rng()),
            at: self.now,
            kind,
            resource,
            caller: self.caller.clone(),
            client: ClientContext::default(),
            reason: None,
            attributes: Vec::new(),
        }
    }
}

/// Something that was refused with `error`.
fn refused(event: Event, error: &AppError) -> Event {
    Event { reason: Some(error.reason().as_str_name()), ..event }
}

/// Records `event` in a transaction of its own.
async fn record(app: &App, event: &Event) -> Result<(), AppError> {
    retry(app, || async {
        let tx = app.store.begin().await?;
        tx.record(event).await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Takes `lease` for `time`, or keeps it, in a transaction of its own; gives whether this
/// server has it.
async fn take_lease(
    app: &App,
    lease: Lease,
    now: Timestamp,
    time: Duration,
) -> Result<bool, AppError> {
    retry(app, || async {
        let tx = app.store.begin().await?;
        let is_taken = tx.take_lease(lease, app.server, now, now + time).await?;
        tx.commit().await?;
        Ok(is_taken)
    })
    .await
}

/// Checks the etag that a caller has read, where it was given.
fn check_etag(given: Option<&str>, present: &str) -> Result<(), AppError> {
    if given.is_none_or(|given| given == present) { Ok(()) } else { Err(AppError::EtagMismatch) }
}

fn about_portal(portal: &PortalId) -> Resource {
    Resource { portal: Some(portal.clone()), ..Resource::default() }
}

fn about_customer(key: &CustomerKey) -> Resource {
    Resource { customer: Some(key.customer.clone()), ..about_portal(&key.portal) }
}
