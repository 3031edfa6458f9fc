//! Canaries: one sealed text for each key of the ring, by which a wrong ring
//! is noticed at the start.

use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use crate::entity::key_canary;
use crate::error::Result;
use crate::store::{Queries, Store, corrupt};

impl<C: ConnectionTrait> Queries<C> {
    /// The canary of every key that has ever been put to use.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn key_canaries(&self) -> Result<Vec<(KeyId, Vec<u8>)>> {
        let rows = key_canary::Entity::find().all(&self.0).await?;
        rows.into_iter()
            .map(|row| {
                let id =
                    u32::try_from(row.key_id).map_err(|_| corrupt("key_canary", &row.key_id))?;
                Ok((KeyId::from(id), row.sealed))
            })
            .collect()
    }
}

impl Store {
    /// Leaves the canary of a key; false if there is one already.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_key_canary(&self, id: KeyId, sealed: Vec<u8>) -> Result<bool> {
        let row =
            key_canary::ActiveModel { key_id: Set(u32::from(id).into()), sealed: Set(sealed) };
        let inserted = key_canary::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.autocommit())
            .await?;
        Ok(inserted == 1)
    }
}
