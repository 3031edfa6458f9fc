//! The numbers of events. They come after the events, in batches, so that no
//! sign-in waits for another one's.

use gatehouse_domain::audit::{ChainDigest, ChainEnd, ChainedEvent, StoredEvent};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::{ChainKey, KeyId};
use sea_orm::sea_query::{Asterisk, CaseStatement, Expr, ExprTrait, Func, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
};

use crate::entity::audit_event::{Column, Entity, Model};
use crate::error::{Result, StoreError};
use crate::store::{Queries, Tx, corrupt};

/// Events without a number that are counted at most, to say how many there are.
pub const MOST_COUNTED: u64 = 10_000;

/// Events without a number, and the chain that they will be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The number of the last event that has one; 0 for none.
    pub last: i64,
    /// How many have none, at most [`MOST_COUNTED`].
    pub waiting: u64,
    /// When the oldest of these happened.
    pub oldest: Option<Timestamp>,
}

impl<C: ConnectionTrait> Queries<C> {
    /// How far numbering has come.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn numbering(&self) -> Result<Numbering> {
        let waiting = || Entity::find().select_only().filter(Column::Number.is_null());
        let oldest = waiting().column(Column::EventAt).order_by_asc(Column::Id);
        let oldest = oldest.into_tuple::<i64>().one(&self.0).await?.map(Timestamp::from_micros);
        let waiting = if oldest.is_some() { self.count_waiting().await? } else { 0 };
        let last = self.last_numbered_event().await?.map_or(0, |(number, _)| number);
        Ok(Numbering { last, waiting, oldest })
    }

    /// How many events have no number, at most [`MOST_COUNTED`].
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn count_waiting(&self) -> Result<u64> {
        let waiting = Entity::find().select_only().filter(Column::Number.is_null());
        let some = waiting.column(Column::Id).limit(MOST_COUNTED).into_query();
        let count = Query::select()
            .expr(Func::count(Expr::col(Asterisk)))
            .from_subquery(some, "some")
            .take();
        let row = self.0.query_one(&count).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
    }

    /// At most `limit` numbered events in the order of their numbers, after `after`, also
    /// those of which something cannot be read.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn numbered_events(
        &self,
        after: Option<i64>,
        limit: u64,
    ) -> Result<Vec<ChainedEvent>> {
        let mut rows = Entity::find().filter(Column::Number.is_not_null());
        if let Some(after) = after {
            rows = rows.filter(Column::Number.gt(after));
        }
        if self.0.get_database_backend() == DbBackend::Sqlite {
            rows = rows.filter(Expr::col(Column::Number).eq(whole_number()));
        }
        let rows = rows.order_by_asc(Column::Number).limit(limit).into_query();
        self.0.query_all(&rows).await?.iter().map(chained).collect()
    }

    /// How many events have no number that once had one, or that were passed over: they
    /// happened before `before`, and a later one has a number. What is no whole number is none.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn count_left_over(&self, before: Timestamp) -> Result<u64> {
        let passed = Condition::any()
            .add(Column::EventAt.lt(before.as_micros()))
            .add(Column::ChainDigest.is_not_null())
            .add(Column::ChainKeyId.is_not_null());
        let these = Entity::find().filter(Column::Number.is_null()).filter(passed);
        let mut count = these.count(&self.0).await?;
        if self.0.get_database_backend() == DbBackend::Sqlite {
            let others = Entity::find().filter(Expr::col(Column::Number).ne(whole_number()));
            count += others.count(&self.0).await?;
        }
        Ok(count)
    }

    /// Where the chain ends.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if that is no digest, or if no event is there though
    /// retention always leaves one.
    pub async fn chain_end(&self) -> Result<ChainEnd> {
        let last = Entity::find()
            .filter(Column::Number.is_not_null())
            .order_by_desc(Column::Number)
            .one(&self.0)
            .await?;
        let Some(row) = last else {
            return match self.trail_start().await? {
                None => Ok(ChainEnd::START),
                Some(start) => Err(corrupt("trail_start", &start.removed.number)),
            };
        };
        let digest = row.chain_digest.as_deref().and_then(ChainDigest::from_bytes);
        match (row.number, digest) {
            (Some(number), Some(digest)) => Ok(ChainEnd { number, digest }),
            _ => Err(corrupt("audit_event", &row.id)),
        }
    }
}

impl Tx {
    /// Numbers at most `limit` events that have none, in the order of their ids, and chains
    /// them under `key`; gives how many. Under a lease that this transaction holds, or two of
    /// them would want the same numbers.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] and [`StoreError::Duplicate`] where others number
    /// too. [`StoreError::Corrupt`] as of [`Queries::chain_end`].
    pub async fn number_events(&self, limit: u64, key: &ChainKey) -> Result<usize> {
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
        let (ids, count) = (rows.iter().map(|row| row.id).collect::<Vec<_>>(), rows.len());
        let (mut numbers, mut digests) = (CaseStatement::new(), CaseStatement::new());
        for row in rows {
            let id = row.id;
            end = end.next(Some(key), &stored(row));
            numbers = numbers.case(Column::Id.eq(id), Expr::value(end.number));
            let digest = end.digest.as_bytes().to_vec();
            digests = digests.case(Column::Id.eq(id), Expr::value(digest));
        }
        let numbered = Entity::update_many()
            .col_expr(Column::Number, numbers.into())
            .col_expr(Column::ChainDigest, digests.into())
            .col_expr(Column::ChainKeyId, Expr::value(key_number(key)))
            .filter(Column::Id.is_in(ids))
            .filter(Column::Number.is_null())
            .exec(&self.0)
            .await?;
        if numbered.rows_affected == count as u64 {
            Ok(count)
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
        key: &ChainKey,
    ) -> Result<()> {
        use sea_orm::{Set, TryIntoModel};

        let mut end = self.chain_end().await?;
        for row in rows {
            end = end.next(Some(key), &stored(row.clone().try_into_model()?));
            row.number = Set(Some(end.number));
            row.chain_digest = Set(Some(end.digest.as_bytes().to_vec()));
            row.chain_key_id = Set(Some(key_number(key)));
        }
        Ok(())
    }
}

fn key_number(key: &ChainKey) -> i64 {
    u32::from(key.id()).into()
}

/// What a number is where it is one. SQLite takes any value in any column.
fn whole_number() -> Expr {
    Expr::col(Column::Number).cast_as("bigint")
}

/// Column by column: what cannot be read is for who checks the chain to find.
fn chained(row: &QueryResult) -> Result<ChainedEvent> {
    let digest = row.try_get::<Option<Vec<u8>>>("", "chain_digest").ok().flatten();
    let key = row.try_get::<Option<i64>>("", "chain_key_id").ok();
    let key = key.and_then(|key| key.map(u32::try_from).transpose().ok());
    Ok(ChainedEvent {
        number: row.try_get("", "number")?,
        // Under what is no key's id there is no digest.
        digest: digest.filter(|_| key.is_some()).as_deref().and_then(ChainDigest::from_bytes),
        key: key.flatten().map(KeyId::from),
        event: Model::from_query_result(row, "").ok().map(stored),
    })
}

fn stored(row: Model) -> StoredEvent {
    StoredEvent {
        id: row.id,
        event_at: row.event_at,
        kind: row.kind,
        portal_id: row.portal_id,
        customer_id: row.customer_id,
        session_id: row.session_id,
        api_key_id: row.api_key_id,
        api_key_display_name: row.api_key_display_name,
        claimed_actor: row.claimed_actor,
        caller_address: row.caller_address,
        request_id: row.request_id,
        client_ip: row.client_ip,
        client_user_agent: row.client_user_agent,
        reason: row.reason,
        attributes: row.attributes,
    }
}
