//! Backup codes, as sealed digests.

use std::collections::HashMap;

use gatehouse_domain::customer::BackupCodes;
use gatehouse_domain::id::{BackupCodeSetId, CustomerKey};
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::entity::backup_code::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Tx, corrupt};

/// One code of a customer's set.
#[derive(Clone, Debug)]
pub struct StoredBackupCode {
    /// The set, to which the digest is bound.
    pub set: BackupCodeSetId,
    /// Its place in the set, 0 to 4, to which the digest is bound too.
    pub slot: u8,
    /// The digest of the code, sealed.
    pub digest: Vec<u8>,
    /// When it was used, if it was.
    pub used_at: Option<Timestamp>,
}

impl<C: ConnectionTrait> Queries<C> {
    /// The customer's codes, used ones included.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn stored_backup_codes(&self, key: &CustomerKey) -> Result<Vec<StoredBackupCode>> {
        let rows = Entity::find().filter(of(key)).all(&self.0).await?;
        rows.into_iter()
            .map(|row| {
                Ok(StoredBackupCode {
                    set: BackupCodeSetId::from_uuid(row.set_id),
                    slot: row.slot.try_into().map_err(|_| corrupt("backup_code", &row.set_id))?,
                    digest: row.digest,
                    used_at: row::times(row.used_at),
                })
            })
            .collect()
    }

    /// How many the customer has left.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn backup_codes(&self, key: &CustomerKey) -> Result<Option<BackupCodes>> {
        Ok(summarize(&Entity::find().filter(of(key)).all(&self.0).await?))
    }

    /// The same of several customers.
    pub(crate) async fn backup_codes_of(
        &self,
        keys: &[CustomerKey],
    ) -> Result<HashMap<CustomerKey, BackupCodes>> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let columns = (Column::PortalId, Column::CustomerId);
        let rows = Entity::find().filter(row::any_customer(columns, keys)).all(&self.0).await?;
        let mut sets = HashMap::<CustomerKey, Vec<Model>>::new();
        for row in rows {
            let key = row::customer_key(&row.portal_id, &row.customer_id)
                .ok_or_else(|| corrupt("backup_code", &row.set_id))?;
            sets.entry(key).or_default().push(row);
        }
        Ok(sets.into_iter().filter_map(|(key, rows)| Some((key, summarize(&rows)?))).collect())
    }
}

impl Tx {
    /// A new set in place of any earlier one; digests in the order of their slots.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn put_backup_codes(
        &self,
        key: &CustomerKey,
        set: BackupCodeSetId,
        digests: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> Result<()> {
        self.delete_backup_codes(key).await?;
        let rows = (0..).zip(digests).map(|(slot, digest)| ActiveModel {
            portal_id: Set(key.portal.to_string()),
            customer_id: Set(key.customer.to_string()),
            slot: Set(slot),
            set_id: Set(set.as_uuid()),
            digest: Set(digest),
            created_at: Set(now.as_micros()),
            used_at: Set(None),
        });
        Entity::insert_many(rows).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Uses a code up; false if it was used before or its set was replaced.
    /// Single use is this statement alone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn consume_backup_code(
        &self,
        key: &CustomerKey,
        set: BackupCodeSetId,
        slot: u8,
        now: Timestamp,
    ) -> Result<bool> {
        let updated = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(now.as_micros()))
            .filter(of(key))
            .filter(Column::SetId.eq(set.as_uuid()))
            .filter(Column::Slot.eq(i32::from(slot)))
            .filter(Column::UsedAt.is_null())
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Takes all codes of a customer away.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_backup_codes(&self, key: &CustomerKey) -> Result<()> {
        Entity::delete_many().filter(of(key)).exec(&self.0).await?;
        Ok(())
    }
}

fn of(key: &CustomerKey) -> Condition {
    row::of_customer((Column::PortalId, Column::CustomerId), key)
}

fn summarize(rows: &[Model]) -> Option<BackupCodes> {
    let created_at = rows.iter().map(|row| row.created_at).max()?;
    let remaining = rows.iter().filter(|row| row.used_at.is_none()).count();
    Some(BackupCodes {
        remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
        created_at: Timestamp::from_micros(created_at),
    })
}
