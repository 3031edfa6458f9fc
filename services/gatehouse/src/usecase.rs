//! What gatehouse does: plain functions, a file for each noun. Each reads the
//! time once, decides by the domain, and stores in transactions of its own.

pub mod api_keys;
pub mod audit;
pub mod backup_codes;
pub mod customers;
pub mod enrollment;
pub mod housekeeping;
pub mod portals;
pub mod sealed;
pub mod sessions;
pub mod sign_in;

mod retry;

use gatehouse_domain::audit::{Caller, Event, EventType, Resource};
use gatehouse_domain::client::ClientContext;
use gatehouse_domain::id::{AuditEventId, CustomerKey, PortalId};
use gatehouse_domain::time::Timestamp;

use crate::app::App;

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

fn about_portal(portal: &PortalId) -> Resource {
    Resource { portal: Some(portal.clone()), ..Resource::default() }
}

fn about_customer(key: &CustomerKey) -> Resource {
    Resource { customer: Some(key.customer.clone()), ..about_portal(&key.portal) }
}
