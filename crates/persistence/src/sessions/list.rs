//! Which sessions are live, and pages of them.

use gatehouse_domain::id::{CustomerId, PortalId, SessionId};
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::decode;
use crate::entity::session::{Column, Entity};
use crate::error::Result;
use crate::row;
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

/// [`gatehouse_domain::session::Session::check_live`] as a condition.
pub(crate) fn live_session(limits: &Limits, now: Timestamp) -> Condition {
    let now_micros = now.as_micros();
    let idle = row::duration_micros(limits.idle);
    let absolute = row::duration_micros(limits.absolute);
    Condition::all()
        .add(Column::EndedAt.is_null())
        .add(Column::CreatedAt.gt(now_micros.saturating_sub(absolute)))
        .add(Expr::col(Column::CreatedAt).add(Expr::col(Column::AbsoluteLimit)).gt(now_micros))
        .add(Column::LastUsedAt.gt(now_micros.saturating_sub(idle)))
        .add(Expr::col(Column::LastUsedAt).add(Expr::col(Column::IdleLimit)).gt(now_micros))
}
