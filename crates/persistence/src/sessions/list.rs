//! Which sessions are live, and pages of them.

use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerId, PortalId, SessionId};
use gatehouse_domain::session::{Limits, Session};
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter,
    QueryOrder, QuerySelect, RelationDef,
};

use super::decode;
use crate::entity::customer;
use crate::entity::session::{Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, corrupt};

/// A session's row, and the email in its customer's.
#[derive(FromQueryResult)]
struct Listed {
    #[sea_orm(nested)]
    session: Model,
    email: String,
}

impl<C: ConnectionTrait> Queries<C> {
    /// At most `limit` sessions of a portal, or of one customer there, that are
    /// live under the portal's `limits`, each with its customer's email. Newest
    /// first, by id, from the one after `after` on.
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
    ) -> Result<Vec<(Session, Email)>> {
        let mut these = Condition::all().add(Column::PortalId.eq(portal.as_str()));
        if let Some(customer) = customer {
            these = these.add(Column::CustomerId.eq(customer.as_str()));
        }
        if let Some(after) = after {
            these = these.add(Column::Id.lt(after.as_uuid()));
        }
        let rows = Entity::find()
            .join(JoinType::InnerJoin, whose())
            .column_as(customer::Column::Email, "email")
            .filter(these)
            .filter(live_session(limits, now))
            .order_by_desc(Column::Id)
            .limit(limit)
            .into_model::<Listed>()
            .all(&self.0)
            .await?;
        rows.into_iter().map(decode_listed).collect()
    }
}

/// From a session to its customer: every one has one.
fn whose() -> RelationDef {
    Entity::belongs_to(customer::Entity)
        .from((Column::PortalId, Column::CustomerId))
        .to((customer::Column::PortalId, customer::Column::Id))
        .into()
}

fn decode_listed(Listed { session, email }: Listed) -> Result<(Session, Email)> {
    let session = decode(session)?;
    let key = &session.customer;
    let corrupt = || corrupt("customer", &format!("{}/{}", key.portal, key.customer));
    let email = row::email(&email).ok_or_else(corrupt)?;
    Ok((session, email))
}

/// [`gatehouse_domain::session::Session::check_live`] as a condition.
pub(crate) fn live_session(limits: &Limits, now: Timestamp) -> Condition {
    let now_micros = now.as_micros();
    let idle = row::duration_micros(limits.idle);
    let absolute = row::duration_micros(limits.absolute);
    // With the table, beside which another may have columns of these names.
    let column = |column| Expr::col((Entity, column));
    // By id as well, in whose order pages are read: none that began earlier is looked at.
    let first = SessionId::lowest_at(now - limits.absolute).as_uuid();
    Condition::all()
        .add(Column::Id.gte(first))
        .add(Column::EndedAt.is_null())
        .add(Column::CreatedAt.gt(now_micros.saturating_sub(absolute)))
        .add(column(Column::CreatedAt).add(column(Column::AbsoluteLimit)).gt(now_micros))
        .add(Column::LastUsedAt.gt(now_micros.saturating_sub(idle)))
        .add(column(Column::LastUsedAt).add(column(Column::IdleLimit)).gt(now_micros))
}
