//! The servers over this database, and which keys each of them has.

use gatehouse_domain::id::ServerId;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::entity::server::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::store::{Queries, Store, corrupt};

/// A server that runs, or did so lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningServer {
    /// Its id for as long as it runs.
    pub id: ServerId,
    /// The program's version.
    pub version: String,
    /// The keys of its ring, the primary one first.
    pub keys: Vec<KeyId>,
    /// When it last said so.
    pub seen_at: Timestamp,
}

impl<C: ConnectionTrait> Queries<C> {
    /// The servers that have said after `since` that they run.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn servers(&self, since: Timestamp) -> Result<Vec<RunningServer>> {
        let rows = Entity::find()
            .filter(Column::SeenAt.gt(since.as_micros()))
            .order_by_asc(Column::Id)
            .all(&self.0)
            .await?;
        rows.into_iter()
            .map(|row| {
                let id = row.id;
                decode(row).ok_or_else(|| corrupt("server", &id))
            })
            .collect()
    }
}

impl Store {
    /// Says that a server runs, and forgets those that have not said so since `before`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn announce_server(&self, server: &RunningServer, before: Timestamp) -> Result<()> {
        let keys: Vec<_> = server.keys.iter().map(KeyId::to_string).collect();
        let row = ActiveModel {
            id: Set(server.id.as_uuid()),
            version: Set(server.version.clone()),
            key_ids: Set(keys.join(" ")),
            seen_at: Set(server.seen_at.as_micros()),
        };
        let overwrite = OnConflict::column(Column::Id)
            .update_columns([Column::KeyIds, Column::SeenAt])
            .to_owned();
        Entity::insert(row)
            .on_conflict(overwrite)
            .exec_without_returning(self.autocommit())
            .await?;
        Entity::delete_many()
            .filter(Column::SeenAt.lte(before.as_micros()))
            .exec(self.autocommit())
            .await?;
        Ok(())
    }

    /// Says that a server runs no more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn forget_server(&self, id: ServerId) -> Result<()> {
        Entity::delete_by_id(id.as_uuid()).exec(self.autocommit()).await?;
        Ok(())
    }
}

fn decode(row: Model) -> Option<RunningServer> {
    let keys = row.key_ids.split_ascii_whitespace().map(|id| id.parse().ok());
    Some(RunningServer {
        id: ServerId::from_uuid(row.id),
        version: row.version,
        keys: keys.collect::<Option<_>>()?,
        seen_at: Timestamp::from_micros(row.seen_at),
    })
}
