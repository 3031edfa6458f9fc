//! Budgets of wrong passwords, and the sources customers have signed in from.
//! Keys are digests: the tables tell nobody who was tried from where.

use gatehouse_domain::throttle::{Rule, Throttle};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::entity::known_source;
use crate::entity::throttle::{ActiveModel, Column, Entity, Model};
use crate::error::{Result, StoreError};
use crate::row;
use crate::store::{Queries, Tx, corrupt};

/// A budget and its state.
#[derive(Clone, Debug)]
pub struct StoredThrottle {
    /// Digest of what it is about.
    pub key: Digest,
    /// The rule it follows.
    pub rule: &'static Rule,
    /// What it has seen.
    pub throttle: Throttle,
    /// Rises by one with every write; 0 for one not yet stored.
    revision: i64,
}

impl<C: ConnectionTrait> Queries<C> {
    /// Whether one of these sources is remembered at `now`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn is_known_source(&self, keys: &[Digest], now: Timestamp) -> Result<bool> {
        use known_source::Column;

        let known = known_source::Entity::find()
            .filter(Column::Key.is_in(keys.iter().map(Digest::as_bytes)))
            .filter(Column::ExpiresAt.gt(now.as_micros()));
        Ok(known.count(&self.0).await? > 0)
    }
}

impl Tx {
    /// The budgets, in the order asked for, locked until this transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn lock_throttles(
        &self,
        keys: &[(Digest, &'static Rule)],
    ) -> Result<Vec<StoredThrottle>> {
        let rows = Entity::find()
            .filter(Column::Key.is_in(keys.iter().map(|(key, _)| key.as_bytes())))
            // One order for everybody, or two of them would wait for each other.
            .order_by_asc(Column::Key)
            .lock_exclusive()
            .all(&self.0)
            .await?;
        keys.iter()
            .map(|(key, rule)| {
                let row = rows.iter().find(|row| row.key == key.as_bytes());
                let (throttle, revision) = row.map_or(Ok((Throttle::default(), 0)), decode)?;
                Ok(StoredThrottle { key: key.clone(), rule, throttle, revision })
            })
            .collect()
    }

    /// Writes budgets that were locked in this transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if one that was not stored yet has been stored
    /// by another transaction meanwhile: try again.
    pub async fn save_throttles(&self, throttles: &[StoredThrottle]) -> Result<()> {
        let next_revision = Expr::col((Entity, Column::Revision)).add(1);
        let overwrite = OnConflict::column(Column::Key)
            .update_columns([
                Column::WindowNumber,
                Column::Previous,
                Column::Current,
                Column::ChargedAt,
                Column::ExpiresAt,
                Column::Revision,
            ])
            .action_and_where(next_revision.eq(Expr::col(("excluded", Column::Revision))))
            .to_owned();
        let written = Entity::insert_many(throttles.iter().map(encode))
            .on_conflict(overwrite)
            .exec_without_returning(&self.0)
            .await?;
        if written == throttles.len() as u64 {
            Ok(())
        } else {
            Err(StoreError::Conflict("a throttle was stored meanwhile".into()))
        }
    }

    /// Remembers a source until `expires_at`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn remember_source(&self, key: &Digest, expires_at: Timestamp) -> Result<()> {
        use known_source::{ActiveModel, Column};

        let row = ActiveModel {
            key: Set(key.as_bytes().to_vec()),
            expires_at: Set(expires_at.as_micros()),
        };
        let overwrite = OnConflict::column(Column::Key).update_column(Column::ExpiresAt).to_owned();
        known_source::Entity::insert(row)
            .on_conflict(overwrite)
            .exec_without_returning(&self.0)
            .await?;
        Ok(())
    }
}

fn encode(stored: &StoredThrottle) -> ActiveModel {
    let Throttle { window, previous, current, charged_at } = stored.throttle;
    ActiveModel {
        key: Set(stored.key.as_bytes().to_vec()),
        window_number: Set(window),
        previous: Set(row::int(previous)),
        current: Set(row::int(current)),
        charged_at: Set(row::micros(charged_at)),
        expires_at: Set(stored.throttle.expires_at(stored.rule).as_micros()),
        revision: Set(stored.revision + 1),
    }
}

fn decode(row: &Model) -> Result<(Throttle, i64)> {
    let count = |count: i32| u32::try_from(count).map_err(|_| corrupt("throttle", &"(digest)"));
    let throttle = Throttle {
        window: row.window_number,
        previous: count(row.previous)?,
        current: count(row.current)?,
        charged_at: row::times(row.charged_at),
    };
    Ok((throttle, row.revision))
}
