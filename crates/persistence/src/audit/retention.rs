//! Removing old events from the beginning of the trail, and where it begins then.

use gatehouse_domain::audit::{ChainDigest, ChainEnd, TrailStart};
use gatehouse_domain::id::AuditEventId;
use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, QueryTrait, Set,
};

use crate::entity::audit_event;
use crate::entity::trail_start::{ActiveModel, Column, Entity};
use crate::error::{Result, StoreError};
use crate::store::{Queries, Tx};

/// There is one row.
const ROW: i32 = 1;

impl<C: ConnectionTrait> Queries<C> {
    /// Where the trail begins, if anything was ever removed: the smallest number that is kept
    /// is the next one. Nothing here says that it is not forged; what is no such place is one
    /// that no key vouches for.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn trail_start(&self) -> Result<Option<TrailStart>> {
        let row = self.0.query_one(&Entity::find_by_id(ROW).into_query()).await?;
        Ok(row.as_ref().map(decode))
    }
}

impl Tx {
    /// Removes these events, which are the next after the present start, and notes the new one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where some of them are gone.
    pub async fn remove_events(&self, ids: &[AuditEventId], start: &TrailStart) -> Result<()> {
        let removed = audit_event::Entity::delete_many()
            .filter(audit_event::Column::Id.is_in(ids.iter().map(AuditEventId::as_uuid)))
            .exec(&self.0)
            .await?;
        if removed.rows_affected != ids.len() as u64 {
            return Err(StoreError::Conflict("events were removed by another transaction".into()));
        }
        let row = ActiveModel {
            id: Set(ROW),
            number: Set(start.removed.number),
            chain_digest: Set(start.removed.digest.as_bytes().to_vec()),
            key_id: Set(u32::from(start.key).into()),
            proof: Set(start.proof.to_vec()),
        };
        let columns = [Column::Number, Column::ChainDigest, Column::KeyId, Column::Proof];
        let overwrite = OnConflict::column(Column::Id).update_columns(columns).to_owned();
        Entity::insert(row).on_conflict(overwrite).exec_without_returning(&self.0).await?;
        Ok(())
    }
}

/// Column by column: what cannot be read has a proof that no key makes.
fn decode(row: &QueryResult) -> TrailStart {
    let number = |column| row.try_get::<i64>("", column).ok();
    let bytes = |column| row.try_get::<Vec<u8>>("", column).ok();
    let digest = bytes("chain_digest").as_deref().and_then(ChainDigest::from_bytes);
    let key = number("key_id").and_then(|id| u32::try_from(id).ok());
    let proof = bytes("proof").and_then(|proof| proof.try_into().ok());
    let last = number("number");
    let is_readable = last.is_some() && digest.is_some() && key.is_some();
    TrailStart {
        removed: ChainEnd {
            number: last.unwrap_or(ChainEnd::START.number),
            digest: digest.unwrap_or(ChainEnd::START.digest),
        },
        key: KeyId::from(key.unwrap_or_default()),
        proof: proof.filter(|_| is_readable).unwrap_or([0; 32]),
    }
}
