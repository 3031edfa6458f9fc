//! Removing old events from the beginning of the trail, and where it begins then.

use gatehouse_domain::audit::{ChainDigest, ChainEnd, TrailStart};
use gatehouse_domain::id::AuditEventId;
use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::entity::audit_event;
use crate::entity::trail_start::{ActiveModel, Column, Entity, Model};
use crate::error::{Result, StoreError};
use crate::store::{Queries, Tx, corrupt};

/// There is one row.
const ROW: i32 = 1;

impl<C: ConnectionTrait> Queries<C> {
    /// Where the trail begins, if anything was ever removed: the smallest number that is kept
    /// is the next one. Nothing here says that it is not forged.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for what is no such place.
    pub async fn trail_start(&self) -> Result<Option<TrailStart>> {
        let row = Entity::find_by_id(ROW).one(&self.0).await?;
        row.map(|row| decode(&row).ok_or_else(|| corrupt("trail_start", &row.number))).transpose()
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

fn decode(row: &Model) -> Option<TrailStart> {
    let digest = ChainDigest::from_bytes(&row.chain_digest)?;
    Some(TrailStart {
        removed: ChainEnd { number: row.number, digest },
        key: KeyId::from(u32::try_from(row.key_id).ok()?),
        proof: row.proof.as_slice().try_into().ok()?,
    })
}
