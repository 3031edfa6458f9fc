//! The key ring as the database knows it: a canary for every key, by which a wrong
//! ring is noticed, and which rows name which key.

pub(crate) mod sealed;

use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    Set,
};

use crate::entity::{api_key, invitation, key_canary, known_source, session, sign_in, throttle};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Store, corrupt};

/// What a key has left in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The key.
    pub key: KeyId,
    /// A text sealed under it.
    pub sealed: Vec<u8>,
    /// Since when it has sealed, if it ever has: from then on every ring needs it.
    pub sealing_since: Option<Timestamp>,
    /// Since when no ring needs to have the key any more.
    pub retired_at: Option<Timestamp>,
}

impl Canary {
    /// Whether a ring without the key cannot be used.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        self.sealing_since.is_some() && self.retired_at.is_none()
    }
}

/// How many rows cannot do without a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// Sealed values that background work seals anew under the primary key.
    pub sealed: u64,
    /// Keys of portals and administrators that were not used since another key became
    /// the primary one. They move to that one when they are.
    pub api_keys: u64,
    /// Sessions, sign-ins, invitations, budgets of guesses and known sources. They go
    /// when their time is over, in 30 days at most.
    pub passing: u64,
}

impl KeyUse {
    /// Whether nothing needs the key.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.sealed == 0 && self.api_keys == 0 && self.passing == 0
    }
}

impl<C: ConnectionTrait> Queries<C> {
    /// The canary of every key that has ever been put to use.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn key_canaries(&self) -> Result<Vec<Canary>> {
        let rows =
            key_canary::Entity::find().order_by_asc(key_canary::Column::KeyId).all(&self.0).await?;
        rows.into_iter()
            .map(|row| {
                let id =
                    u32::try_from(row.key_id).map_err(|_| corrupt("key_canary", &row.key_id))?;
                Ok(Canary {
                    key: KeyId::from(id),
                    sealed: row.sealed,
                    sealing_since: row::times(row.sealing_since_at),
                    retired_at: row::times(row.retired_at),
                })
            })
            .collect()
    }

    pub(crate) async fn count_key_use(&self, key: KeyId, now: Timestamp) -> Result<KeyUse> {
        let now = now.as_micros();
        let api_keys = {
            use api_key::Column;
            let unexpired =
                Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now));
            let live =
                under(key, Column::DigestKeyId).add(unexpired).add(Column::RevokedAt.is_null());
            self.count::<api_key::Entity>(live).await?
        };
        let sessions = {
            use session::Column;
            let live = under(key, Column::DigestKeyId)
                .add(Column::EndedAt.is_null())
                .add(Column::ExpiresAt.gt(now));
            self.count::<session::Entity>(live).await?
        };
        let mut passing = sessions;
        passing += {
            use sign_in::Column;
            let live = under(key, Column::DigestKeyId).add(Column::ExpiresAt.gt(now));
            self.count::<sign_in::Entity>(live).await?
        };
        passing += {
            use invitation::Column;
            let live = under(key, Column::DigestKeyId).add(Column::ExpiresAt.gt(now));
            self.count::<invitation::Entity>(live).await?
        };
        passing += {
            use throttle::Column;
            let live = under(key, Column::DigestKeyId).add(Column::ExpiresAt.gt(now));
            self.count::<throttle::Entity>(live).await?
        };
        passing += {
            use known_source::Column;
            let live = under(key, Column::DigestKeyId).add(Column::ExpiresAt.gt(now));
            self.count::<known_source::Entity>(live).await?
        };
        Ok(KeyUse { sealed: self.sealed_under(key).await?, api_keys, passing })
    }

    async fn count<E>(&self, these: Condition) -> Result<u64>
    where
        E: EntityTrait,
        E::Model: Send + Sync,
    {
        Ok(E::find().filter(these).count(&self.0).await?)
    }
}

/// Rows under `key`, and those of which nobody knows under which.
fn under<C: ColumnTrait>(key: KeyId, column: C) -> Condition {
    Condition::all().add(Condition::any().add(column.eq(number(key))).add(column.is_null()))
}

impl Store {
    /// What needs `key` at `now`. Goes through whole tables, however long that takes.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn key_use(&self, key: KeyId, now: Timestamp) -> Result<KeyUse> {
        if self.is_sqlite() {
            // Its reads have no limit, and keep no writer waiting.
            return self.read().count_key_use(key, now).await;
        }
        let tx = self.begin().await?;
        tx.lift_statement_limit().await?;
        tx.count_key_use(key, now).await
    }

    /// Leaves the canary of a key; false if there is one already.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_key_canary(&self, id: KeyId, sealed: Vec<u8>) -> Result<bool> {
        let row = key_canary::ActiveModel {
            key_id: Set(u32::from(id).into()),
            sealed: Set(sealed),
            sealing_since_at: Set(None),
            retired_at: Set(None),
        };
        let inserted = key_canary::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(self.autocommit())
            .await?;
        Ok(inserted == 1)
    }
}

impl Store {
    /// From `now` on, if not before, every ring needs to have this key; false if it is
    /// retired.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn seal_under_key(&self, id: KeyId, now: Timestamp) -> Result<bool> {
        use key_canary::{Column, Entity};

        let first = Expr::col(Column::SealingSinceAt).if_null(now.as_micros());
        let updated = Entity::update_many()
            .col_expr(Column::SealingSinceAt, first)
            .filter(Column::KeyId.eq(number(id)))
            .filter(Column::RetiredAt.is_null())
            .exec(self.autocommit())
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// From `now` on no ring needs to have this key, nor may seal under it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn retire_key(&self, id: KeyId, now: Timestamp) -> Result<()> {
        self.set_retired(id, Some(now)).await
    }

    /// The opposite, of a key that turned out to be needed.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn unretire_key(&self, id: KeyId) -> Result<()> {
        self.set_retired(id, None).await
    }

    async fn set_retired(&self, id: KeyId, at: Option<Timestamp>) -> Result<()> {
        use key_canary::{Column, Entity};

        Entity::update_many()
            .col_expr(Column::RetiredAt, Expr::value(row::micros(at)))
            .filter(Column::KeyId.eq(number(id)))
            .exec(self.autocommit())
            .await?;
        Ok(())
    }
}

fn number(id: KeyId) -> i64 {
    u32::from(id).into()
}
