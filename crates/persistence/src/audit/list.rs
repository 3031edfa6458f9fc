//! Pages of events.

use std::time::Duration;

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::audit::{Caller, EventType, RecordedEvent, Resource, is_type_form};
use gatehouse_domain::id::{ApiKeyId, AuditEventId, CustomerId, PortalId, SessionId};
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{ExprTrait, LikeExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entity::audit_event::{Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, corrupt};

/// Ids tell the time to the millisecond.
const MILLISECOND: Duration = Duration::from_millis(1);

/// Which events to list. Unset filters do not filter.
#[derive(Clone, Debug)]
pub struct AuditEventFilter {
    /// Of these portals; with all of them, also of none.
    pub portals: PortalScope,
    /// Of this customer, in every one of the portals.
    pub customer: Option<CustomerId>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// Of one of these types, or of one that begins with its words; empty: of all.
    pub types: Vec<String>,
    /// By this key.
    pub api_key: Option<ApiKeyId>,
    /// From then on.
    pub start: Option<Timestamp>,
    /// Before then.
    pub end: Option<Timestamp>,
}

impl AuditEventFilter {
    /// Every event.
    pub const ALL: Self = Self {
        portals: PortalScope::All,
        customer: None,
        session: None,
        types: Vec::new(),
        api_key: None,
        start: None,
        end: None,
    };

    /// Whether `event` is one of those that [`Queries::audit_events`] finds.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        let Resource { portal, customer, session } = &event.resource;
        let is_in_scope = match &self.portals {
            PortalScope::All => true,
            PortalScope::Some(_) => portal.as_ref().is_some_and(|id| self.portals.contains(id)),
        };
        let key = event.caller.api_key.as_ref().map(|(id, _)| *id);
        is_in_scope
            && (self.customer.is_none() || self.customer == *customer)
            && (self.session.is_none() || self.session == *session)
            && (self.types.is_empty() || self.types.iter().any(|words| is_of(&event.kind, words)))
            && (self.api_key.is_none() || self.api_key == key)
            && self.start.is_none_or(|start| start <= event.at)
            && self.end.is_none_or(|end| event.at < end)
    }
}

impl<C: ConnectionTrait> Queries<C> {
    /// When the last thing happened that is recorded here, of one type or of any.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn last_event_at(&self, kind: Option<EventType>) -> Result<Option<Timestamp>> {
        let mut last = Entity::find().select_only().column(Column::EventAt);
        if let Some(kind) = kind {
            last = last.filter(Column::Kind.eq(kind.as_str()));
        }
        let last = last.order_by_desc(Column::Id).into_tuple::<i64>().one(&self.0).await?;
        Ok(row::times(last))
    }

    /// At most `limit` events, the newest first, before `before`. They are there
    /// as soon as what they tell of.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn audit_events(
        &self,
        filter: &AuditEventFilter,
        before: Option<AuditEventId>,
        limit: u64,
    ) -> Result<Vec<RecordedEvent>> {
        let mut these = condition(filter);
        if let Some(before) = before {
            these = these.add(Column::Id.lt(before.as_uuid()));
        }
        let rows = Entity::find().filter(these).order_by_desc(Column::Id).limit(limit);
        rows.all(&self.0).await?.into_iter().map(decode).collect()
    }
}

fn condition(filter: &AuditEventFilter) -> Condition {
    let mut all = Condition::all();
    if let PortalScope::Some(portals) = &filter.portals {
        all = all.add(Column::PortalId.is_in(portals.iter().map(PortalId::as_str)));
    }
    if let Some(customer) = &filter.customer {
        all = all.add(Column::CustomerId.eq(customer.as_str()));
    }
    if let Some(session) = filter.session {
        all = all.add(Column::SessionId.eq(session.as_uuid()));
    }
    if !filter.types.is_empty() {
        let of_types = filter.types.iter().map(|words| of_type(words));
        all = all.add(of_types.fold(Condition::any(), Condition::add));
    }
    if let Some(key) = filter.api_key {
        all = all.add(Column::ApiKeyId.eq(key.as_uuid()));
    }
    // By id as well, of which there are indexes: it sorts by the same time.
    if let Some(start) = filter.start {
        let first = AuditEventId::lowest_at(start).as_uuid();
        all = all.add(Column::Id.gte(first)).add(Column::EventAt.gte(start.as_micros()));
    }
    if let Some(end) = filter.end {
        let after_last = AuditEventId::lowest_at(end + MILLISECOND).as_uuid();
        all = all.add(Column::Id.lt(after_last)).add(Column::EventAt.lt(end.as_micros()));
    }
    all
}

/// A type itself, or all that begin with its words.
fn of_type(words: &str) -> Condition {
    // An underscore is a wildcard elsewhere than in our words.
    let longer = format!("{}.%", words.replace('_', r"\_"));
    let longer = Column::Kind.into_expr().like(LikeExpr::new(longer).escape('\\'));
    Condition::any().add(Column::Kind.eq(words)).add(longer)
}

/// The same of a type that has been read.
fn is_of(kind: &str, words: &str) -> bool {
    kind.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(super) fn decode(row: Model) -> Result<RecordedEvent> {
    let id = row.id;
    try_decode(row).ok_or_else(|| corrupt("audit_event", &id))
}

fn try_decode(row: Model) -> Option<RecordedEvent> {
    let resource = Resource {
        portal: row::optional(row.portal_id, |id| id.parse().ok())?,
        customer: row::optional(row.customer_id, |id| id.parse().ok())?,
        session: row.session_id.map(SessionId::from_uuid),
    };
    let is_nested = (resource.portal.is_some() || resource.customer.is_none())
        && (resource.customer.is_some() || resource.session.is_none());
    let api_key = match (row.api_key_id, row.api_key_display_name) {
        (None, name) if name.is_empty() => None,
        (None, _) => return None,
        (Some(id), name) => Some((ApiKeyId::from_uuid(id), name)),
    };
    let address = match row.caller_address.as_str() {
        "" => None,
        address => Some(address.parse().ok()?),
    };
    if !is_nested || !is_type_form(&row.kind) {
        return None;
    }
    Some(RecordedEvent {
        id: AuditEventId::from_uuid(row.id),
        at: Timestamp::from_micros(row.event_at),
        kind: row.kind,
        resource,
        caller: Caller {
            api_key,
            claimed_actor: row.claimed_actor,
            address,
            request_id: row.request_id,
        },
        client: row::client(&row.client_ip, row.client_user_agent)?,
        reason: row.reason,
        attributes: serde_json::from_str(&row.attributes).ok()?,
    })
}
