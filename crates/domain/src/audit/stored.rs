//! An event as the database has it, column by column: what the chain is made of.

use uuid::Uuid;

use crate::id::AuditEventId;
use crate::time::Timestamp;

/// All that is stored of an event but its place in the chain, whether or not it makes sense:
/// an event that somebody has changed is checked, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of audit_event, by their names")]
pub struct StoredEvent {
    pub id: Uuid,
    pub event_at: i64,
    pub kind: String,
    pub portal_id: Option<String>,
    pub customer_id: Option<String>,
    pub session_id: Option<Uuid>,
    pub api_key_id: Option<Uuid>,
    pub api_key_display_name: String,
    pub claimed_actor: String,
    pub caller_address: String,
    pub request_id: String,
    pub client_ip: String,
    pub client_user_agent: String,
    pub reason: Option<String>,
    pub attributes: String,
}

impl StoredEvent {
    /// Which event.
    #[must_use]
    pub const fn id(&self) -> AuditEventId {
        AuditEventId::from_uuid(self.id)
    }

    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.event_at)
    }

    /// Appends every column in an order that never changes, so that no two events are encoded
    /// alike.
    pub(super) fn encode(&self, message: &mut Vec<u8>) {
        let at = self.event_at.to_be_bytes();
        let columns: [Option<&[u8]>; 15] = [
            Some(self.id.as_bytes()),
            Some(&at),
            Some(self.kind.as_bytes()),
            text(self.portal_id.as_deref()),
            text(self.customer_id.as_deref()),
            uuid(self.session_id.as_ref()),
            uuid(self.api_key_id.as_ref()),
            Some(self.api_key_display_name.as_bytes()),
            Some(self.claimed_actor.as_bytes()),
            Some(self.caller_address.as_bytes()),
            Some(self.request_id.as_bytes()),
            Some(self.client_ip.as_bytes()),
            Some(self.client_user_agent.as_bytes()),
            text(self.reason.as_deref()),
            Some(self.attributes.as_bytes()),
        ];
        for column in columns {
            match column {
                None => message.push(0),
                Some(column) => {
                    message.push(1);
                    message.extend((column.len() as u64).to_be_bytes());
                    message.extend(column);
                }
            }
        }
    }
}

fn text(text: Option<&str>) -> Option<&[u8]> {
    text.map(str::as_bytes)
}

fn uuid(id: Option<&Uuid>) -> Option<&[u8]> {
    id.map(|id| id.as_bytes().as_slice())
}
