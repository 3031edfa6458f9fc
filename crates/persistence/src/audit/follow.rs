//! Events in the order of their numbers, for those who watch the trail.

use gatehouse_domain::audit::RecordedEvent;
use gatehouse_domain::id::AuditEventId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::list::decode;
use crate::entity::audit_event::{Column, Entity};
use crate::error::Result;
use crate::store::{Queries, corrupt};

impl<C: ConnectionTrait> Queries<C> {
    /// The highest number, and the event that has it; none where no event has one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn last_numbered_event(&self) -> Result<Option<(i64, AuditEventId)>> {
        let last = Entity::find()
            .select_only()
            .column(Column::Number)
            .column(Column::Id)
            .filter(Column::Number.is_not_null())
            .order_by_desc(Column::Number)
            .into_tuple::<(i64, Uuid)>()
            .one(&self.0)
            .await?;
        Ok(last.map(|(number, id)| (number, AuditEventId::from_uuid(id))))
    }

    /// At most `limit` events with numbers above `number`, with these.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn events_after(&self, number: i64, limit: u64) -> Result<Vec<(i64, RecordedEvent)>> {
        let rows = Entity::find()
            .filter(Column::Number.is_not_null())
            .filter(Column::Number.gt(number))
            .order_by_asc(Column::Number)
            .limit(limit)
            .all(&self.0)
            .await?;
        let numbered = rows.into_iter().map(|row| {
            let number = row.number.ok_or_else(|| corrupt("audit_event", &row.id))?;
            Ok((number, decode(row)?))
        });
        numbered.collect()
    }
}
