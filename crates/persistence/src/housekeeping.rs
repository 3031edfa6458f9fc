//! Removing rows whose time has passed.

use std::time::Duration;

use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryGetable, Value};
use uuid::Uuid;

use crate::entity::{enrollment, invitation, known_source, session, sign_in, throttle};
use crate::error::Result;
use crate::store::Tx;

/// How long a session is kept past the end it was made with: a customer who
/// comes back learns how it ended.
pub const SESSION_RETENTION: Duration = Duration::from_hours(7 * 24);

impl Tx {
    /// Removes at most `limit` rows that are of no use any more at `now`, of each
    /// kind the oldest first; gives how many. Rows that other transactions have
    /// locked are left for another time: nobody waits for this one, nor it for them.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn remove_expired(&self, limit: u64, now: Timestamp) -> Result<u64> {
        let mut left = limit;
        left -= {
            use sign_in::{Column, Entity};
            self.remove::<Entity, Uuid>(Column::Id, Column::ExpiresAt, now, left).await?
        };
        left -= {
            use enrollment::{Column, Entity};
            self.remove::<Entity, Uuid>(Column::Id, Column::ExpiresAt, now, left).await?
        };
        left -= {
            use invitation::{Column, Entity};
            self.remove::<Entity, Uuid>(Column::Id, Column::ExpiresAt, now, left).await?
        };
        left -= {
            use throttle::{Column, Entity};
            self.remove::<Entity, Vec<u8>>(Column::Key, Column::ExpiresAt, now, left).await?
        };
        left -= {
            use known_source::{Column, Entity};
            self.remove::<Entity, Vec<u8>>(Column::Key, Column::ExpiresAt, now, left).await?
        };
        left -= {
            use session::{Column, Entity};
            let end = now - SESSION_RETENTION;
            self.remove::<Entity, Uuid>(Column::Id, Column::ExpiresAt, end, left).await?
        };
        Ok(limit - left)
    }

    /// Removes at most `limit` rows of one table that ended at `end` or before.
    async fn remove<E, K>(
        &self,
        key: E::Column,
        expires_at: E::Column,
        end: Timestamp,
        limit: u64,
    ) -> Result<u64>
    where
        E: EntityTrait,
        K: TryGetable + Into<Value>,
    {
        // Locked first: a row that somebody is giving more time is not deleted
        // for the time it had.
        let keys = E::find()
            .select_only()
            .column(key)
            .filter(expires_at.lte(end.as_micros()))
            .order_by_asc(expires_at)
            .limit(limit)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .into_tuple::<K>()
            .all(&self.0)
            .await?;
        if keys.is_empty() {
            return Ok(0);
        }
        Ok(E::delete_many().filter(key.is_in(keys)).exec(&self.0).await?.rows_affected)
    }
}
