//! Pages of live sessions.

use gatehouse_domain::id::{CustomerId, PortalId, SessionId};
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::time::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::decode;
use crate::customers::list::live_session;
use crate::entity::session::{Column, Entity};
use crate::error::Result;
use crate::store::Queries;

impl<C: ConnectionTrait> Queries<C> {
    /// At most `limit` sessions of a portal, or of one customer there, that are
    /// live under the portal's `limits`. Newest first, by id, from the one
    /// after `after` on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn live_sessions(
        &self,
        portal: &PortalId,
        customer: Option<&CustomerId>,
        limits: &Limits,
        after: Option<SessionId>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<Session>> {
        let mut these = Condition::all().add(Column::PortalId.eq(portal.as_str()));
        if let Some(customer) = customer {
            these = these.add(Column::CustomerId.eq(customer.as_str()));
        }
        if let Some(after) = after {
            these = these.add(Column::Id.lt(after.as_uuid()));
        }
        let rows = Entity::find()
            .filter(these)
            .filter(live_session(limits, now))
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(&self.0)
            .await?;
        rows.into_iter().map(decode).collect()
    }
}
