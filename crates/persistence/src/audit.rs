//! The audit trail.

mod chain;
mod follow;
pub(crate) mod list;
mod retention;

use std::collections::BTreeMap;

use gatehouse_domain::audit::Event;
use sea_orm::{EntityTrait, Set};

use crate::entity::audit_event::{ActiveModel, Entity};
use crate::error::{Result, StoreError};
use crate::row;
use crate::store::Tx;

pub use chain::{MOST_COUNTED, Numbering};

impl Tx {
    /// Records what this transaction does: an event with the attributes of its
    /// type, to which builds for tests hold it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn record(&self, event: &Event) -> Result<()> {
        self.record_all(&[event]).await
    }

    /// Records some, at least one, by one statement.
    ///
    /// # Errors
    /// [`crate::StoreError::Duplicate`] if one with the same id is recorded already.
    pub async fn record_all(&self, events: &[&Event]) -> Result<()> {
        let rows = events.iter().copied().map(new_row).collect::<Result<Vec<_>>>()?;
        Entity::insert_many(rows).exec_without_returning(&self.0).await?;
        for event in events {
            self.0.note_event(event);
        }
        Ok(())
    }
}

/// The row of an event that has no number yet.
pub(crate) fn new_row(event: &Event) -> Result<ActiveModel> {
    debug_assert!(event.has_its_attributes(), "{:?}: {:?}", event.kind, event.attributes);
    let attributes = event.attributes.iter().map(|(key, value)| (*key, value.as_str()));
    let attributes = serde_json::to_string(&attributes.collect::<BTreeMap<_, _>>())
        .map_err(|error| StoreError::Internal(error.into()))?;
    let caller = &event.caller;
    let (key_id, key_name) = caller.api_key.clone().unzip();
    Ok(ActiveModel {
        id: Set(event.id.as_uuid()),
        event_at: Set(event.at.as_micros()),
        kind: Set(event.kind.as_str().to_owned()),
        portal_id: Set(event.resource.portal.as_ref().map(ToString::to_string)),
        customer_id: Set(event.resource.customer.as_ref().map(ToString::to_string)),
        session_id: Set(event.resource.session.map(|id| id.as_uuid())),
        api_key_id: Set(key_id.map(|id| id.as_uuid())),
        api_key_display_name: Set(key_name.unwrap_or_default()),
        claimed_actor: Set(caller.claimed_actor.clone()),
        caller_address: Set(caller.address.map(|at| at.to_string()).unwrap_or_default()),
        request_id: Set(caller.request_id.clone()),
        client_ip: Set(row::client_ip(&event.client)),
        client_user_agent: Set(event.client.user_agent().to_owned()),
        reason: Set(event.reason.map(str::to_owned)),
        attributes: Set(attributes),
        number: Set(None),
        chain_digest: Set(None),
        chain_key_id: Set(None),
    })
}
