//! The numbers of events. They come after the events, in batches, so that no
//! sign-in waits for another one's.

use gatehouse_domain::audit::{ChainDigest, ChainEnd, RecordedEvent};
use gatehouse_domain::id::AuditEventId;
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::list;
use crate::entity::audit_event::{Column, Entity, Model};
use crate::error::{Result, StoreError};
use crate::store::{Queries, Tx, corrupt};

/// A numbered event as it stands in the chain.
#[derive(Clone, Debug)]
pub struct NumberedEvent {
    row: Model,
}

impl NumberedEvent {
    /// The event.
    #[must_use]
    pub const fn id(&self) -> AuditEventId {
        AuditEventId::from_uuid(self.row.id)
    }

    /// The number that it has been given.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.row.number.unwrap_or_default()
    }

    /// What it tells.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn recorded(self) -> Result<RecordedEvent> {
        list::decode(self.row)
    }

    /// The chain from `end` on to this event, if it is the next one and as it was
    /// when it was numbered.
    #[must_use]
    pub fn follows(&self, end: &ChainEnd) -> Option<ChainEnd> {
        let next = end.next(&columns(&self.row).each_ref().map(Option::as_deref));
        let digest = self.row.chain_digest.as_deref().and_then(ChainDigest::from_bytes);
        let fits = self.row.number == Some(next.number) && digest == Some(next.digest);
        fits.then_some(next)
    }
}

impl<C: ConnectionTrait> Queries<C> {
    /// When the oldest event happened that has no number, if any has none.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn oldest_unnumbered_event(&self) -> Result<Option<Timestamp>> {
        let these =
            Entity::find().select_only().column(Column::EventAt).filter(Column::Number.is_null());
        let oldest = these.order_by_asc(Column::Id).into_tuple::<i64>().one(&self.0).await?;
        Ok(oldest.map(Timestamp::from_micros))
    }

    /// The event with the highest number, and that number; none where none has one.
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
            .into_tuple::<(i64, uuid::Uuid)>()
            .one(&self.0)
            .await?;
        Ok(last.map(|(number, id)| (number, AuditEventId::from_uuid(id))))
    }

    /// At most `limit` numbered events in the order of their numbers, after `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn numbered_events(
        &self,
        after: Option<i64>,
        limit: u64,
    ) -> Result<Vec<NumberedEvent>> {
        let mut rows = Entity::find().filter(Column::Number.is_not_null());
        if let Some(after) = after {
            rows = rows.filter(Column::Number.gt(after));
        }
        let rows = rows.order_by_asc(Column::Number).limit(limit).all(&self.0).await?;
        Ok(rows.into_iter().map(|row| NumberedEvent { row }).collect())
    }
}

impl Tx {
    /// Numbers at most `limit` events that have none, in the order of their ids;
    /// gives how many. Under a lease that this transaction holds, or two of them
    /// would want the same numbers.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] and [`StoreError::Duplicate`] where others number
    /// too. [`StoreError::Corrupt`] if the chain ends in what is no digest.
    pub async fn number_events(&self, limit: u64) -> Result<usize> {
        let mut end = self.chain_end().await?;
        let rows = Entity::find()
            .filter(Column::Number.is_null())
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(&self.0)
            .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (mut numbers, mut digests) = (CaseStatement::new(), CaseStatement::new());
        for row in &rows {
            end = end.next(&columns(row).each_ref().map(Option::as_deref));
            numbers = numbers.case(Column::Id.eq(row.id), Expr::value(end.number));
            let digest = end.digest.as_bytes().to_vec();
            digests = digests.case(Column::Id.eq(row.id), Expr::value(digest));
        }
        let numbered = Entity::update_many()
            .col_expr(Column::Number, numbers.into())
            .col_expr(Column::ChainDigest, digests.into())
            .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
            .filter(Column::Number.is_null())
            .exec(&self.0)
            .await?;
        if numbered.rows_affected == rows.len() as u64 {
            Ok(rows.len())
        } else {
            Err(StoreError::Conflict("events were numbered by another transaction".into()))
        }
    }

    /// Gives rows that are about to be written the numbers that follow, while nobody
    /// else numbers.
    #[cfg(feature = "seed")]
    pub(crate) async fn number_new(
        &self,
        rows: &mut [crate::entity::audit_event::ActiveModel],
    ) -> Result<()> {
        use sea_orm::{Set, TryIntoModel};

        let mut end = self.chain_end().await?;
        for row in rows {
            let model = row.clone().try_into_model()?;
            end = end.next(&columns(&model).each_ref().map(Option::as_deref));
            row.number = Set(Some(end.number));
            row.chain_digest = Set(Some(end.digest.as_bytes().to_vec()));
        }
        Ok(())
    }

    async fn chain_end(&self) -> Result<ChainEnd> {
        let last = Entity::find()
            .filter(Column::Number.is_not_null())
            .order_by_desc(Column::Number)
            .one(&self.0)
            .await?;
        let Some(row) = last else { return Ok(ChainEnd::START) };
        let digest = row.chain_digest.as_deref().and_then(ChainDigest::from_bytes);
        match (row.number, digest) {
            (Some(number), Some(digest)) => Ok(ChainEnd { number, digest }),
            _ => Err(corrupt("audit_event", &row.id)),
        }
    }
}

/// All that an event says, in the order in which the chain takes it.
fn columns(row: &Model) -> [Option<Vec<u8>>; 15] {
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let id = |id: uuid::Uuid| id.as_bytes().to_vec();
    [
        Some(id(row.id)),
        Some(row.event_at.to_be_bytes().to_vec()),
        text(&row.kind),
        row.portal_id.as_deref().and_then(text),
        row.customer_id.as_deref().and_then(text),
        row.session_id.map(id),
        row.api_key_id.map(id),
        text(&row.api_key_display_name),
        text(&row.claimed_actor),
        text(&row.caller_address),
        text(&row.request_id),
        text(&row.client_ip),
        text(&row.client_user_agent),
        row.reason.as_deref().and_then(text),
        text(&row.attributes),
    ]
}
