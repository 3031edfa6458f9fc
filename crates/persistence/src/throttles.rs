//! Budgets of wrong passwords, and the sources customers have signed in from.
//! Keys are digests: the tables tell nobody who was tried from where.

use gatehouse_domain::throttle::{Rule, Throttle};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryTrait, Set,
};

use crate::entity::known_source;
use crate::entity::throttle::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
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
    /// Those not stored yet are stored first: a row that is not there cannot be
    /// locked, and who found it missing would wait for who holds it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn lock_throttles(
        &self,
        keys: &[(Digest, &'static Rule)],
    ) -> Result<Vec<StoredThrottle>> {
        let mut blank = keys
            .iter()
            .map(|(key, rule)| StoredThrottle {
                key: key.clone(),
                rule,
                throttle: Throttle::default(),
            })
            .collect::<Vec<_>>();
        // One order for everybody, or two of them would wait for each other.
        blank.sort_unstable_by(|a, b| a.key.as_bytes().cmp(b.key.as_bytes()));
        blank.dedup_by(|a, b| a.key == b.key);
        let rows = self.store_and_lock(&blank).await?;
        keys.iter()
            .map(|(key, rule)| {
                let row = rows.iter().find(|row| row.key == key.as_bytes());
                let throttle = row.map_or_else(|| Ok(Throttle::default()), decode)?;
                Ok(StoredThrottle { key: key.clone(), rule, throttle })
            })
            .collect()
    }

    /// Stores those of `blank` that are not stored yet, and gives the rows of all,
    /// locked in their order.
    async fn store_and_lock(&self, blank: &[StoredThrottle]) -> Result<Vec<Model>> {
        if blank.is_empty() {
            return Ok(Vec::new());
        }
        // An update that changes nothing locks what is there.
        let unchanged = Expr::col((Entity, Column::WindowNumber));
        let lock =
            OnConflict::column(Column::Key).value(Column::WindowNumber, unchanged).to_owned();
        let mut statement =
            Entity::insert_many(blank.iter().map(encode)).on_conflict(lock).into_query();
        statement.returning_all();
        let rows = self.0.query_all(&statement).await?;
        rows.iter().map(|row| Ok(Model::from_query_result(row, "")?)).collect()
    }

    /// Writes budgets that were locked in this transaction.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn save_throttles(&self, throttles: &[StoredThrottle]) -> Result<()> {
        let overwrite = OnConflict::column(Column::Key)
            .update_columns([
                Column::DigestKeyId,
                Column::WindowNumber,
                Column::Previous,
                Column::Current,
                Column::ChargedAt,
                Column::ExpiresAt,
            ])
            .to_owned();
        Entity::insert_many(throttles.iter().map(encode))
            .on_conflict(overwrite)
            .exec_without_returning(&self.0)
            .await?;
        Ok(())
    }

    /// Forgets all that these budgets have seen.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_throttles(&self, keys: &[Digest]) -> Result<()> {
        Entity::delete_many()
            .filter(Column::Key.is_in(keys.iter().map(Digest::as_bytes)))
            .exec(&self.0)
            .await?;
        Ok(())
    }

    /// Remembers a source until `expires_at`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn remember_source(&self, key: &Digest, expires_at: Timestamp) -> Result<()> {
        use known_source::{ActiveModel, Column};

        let row = ActiveModel {
            key: Set(key.as_bytes().to_vec()),
            digest_key_id: Set(Some(row::key_id(key))),
            expires_at: Set(expires_at.as_micros()),
        };
        let overwrite = OnConflict::column(Column::Key)
            .update_columns([Column::DigestKeyId, Column::ExpiresAt])
            .to_owned();
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
        digest_key_id: Set(Some(row::key_id(&stored.key))),
        window_number: Set(window),
        previous: Set(row::int(previous)),
        current: Set(row::int(current)),
        charged_at: Set(row::micros(charged_at)),
        expires_at: Set(stored.throttle.expires_at(stored.rule).as_micros()),
    }
}

fn decode(row: &Model) -> Result<Throttle> {
    let count = |count: i32| u32::try_from(count).map_err(|_| corrupt("throttle", &"(digest)"));
    Ok(Throttle {
        window: row.window_number,
        previous: count(row.previous)?,
        current: count(row.current)?,
        charged_at: row::times(row.charged_at),
    })
}
