//! Sign-ins whose password has been proven. A row outlives its end until its
//! token's expiry, so that nothing can be replayed.

use gatehouse_domain::id::{CustomerKey, FactorId, PortalId, SignInId};
use gatehouse_domain::sign_in::{MAX_PER_CUSTOMER, SignIn};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::entity::sign_in::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Tx, corrupt};

impl<C: ConnectionTrait> Queries<C> {
    /// The live sign-in of `portal` that has one of these token digests.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn sign_in(
        &self,
        portal: &PortalId,
        digests: &[Digest],
        now: Timestamp,
    ) -> Result<Option<SignIn>> {
        let row = Entity::find()
            .filter(Column::TokenDigest.is_in(digests.iter().map(Digest::as_bytes)))
            .filter(Column::PortalId.eq(portal.as_str()))
            .filter(live(now))
            .one(&self.0)
            .await?;
        row.map(decode).transpose()
    }

    /// Whether a start with this id has led to a proven password.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn sign_in_is_proven(&self, id: SignInId) -> Result<bool> {
        Ok(Entity::find_by_id(id.as_uuid()).count(&self.0).await? > 0)
    }
}

impl Tx {
    /// A sign-in whose password has just been proven, at the cost of the
    /// customer's oldest if there are too many; false if its start was used before, and
    /// then nothing has changed. `ended_at` where its session comes with it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_sign_in(
        &self,
        sign_in: &SignIn,
        digest: &Digest,
        ended_at: Option<Timestamp>,
    ) -> Result<bool> {
        let row = ActiveModel {
            portal_id: Set(sign_in.customer.portal.to_string()),
            customer_id: Set(sign_in.customer.customer.to_string()),
            id: Set(sign_in.id.as_uuid()),
            token_digest: Set(digest.as_bytes().to_vec()),
            digest_key_id: Set(Some(row::key_id(digest))),
            enabled_factor_id: Set(sign_in.enabled_factor.map(|id| id.as_uuid())),
            client_ip: Set(row::client_ip(&sign_in.client)),
            client_user_agent: Set(sign_in.client.user_agent().to_owned()),
            proven_at: Set(sign_in.proven_at.as_micros()),
            expires_at: Set(sign_in.expires_at.as_micros()),
            ended_at: Set(row::micros(ended_at)),
        };
        let once = OnConflict::column(Column::Id).do_nothing().to_owned();
        let inserted =
            Entity::insert(row).on_conflict(once).exec_without_returning(&self.0).await?;
        let is_new = inserted == 1;
        if is_new && ended_at.is_none() {
            self.end_surplus_sign_ins(sign_in).await?;
        }
        Ok(is_new)
    }

    /// Makes room for a new one: whatever the clocks of two servers say, that is never
    /// the oldest.
    async fn end_surplus_sign_ins(&self, new: &SignIn) -> Result<()> {
        let (key, now) = (&new.customer, new.proven_at);
        let surplus = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(of(key))
            .filter(live(now))
            .filter(Column::Id.ne(new.id.as_uuid()))
            .order_by_desc(Column::ProvenAt)
            .order_by_desc(Column::Id)
            .offset(MAX_PER_CUSTOMER - 1)
            // SQLite has no OFFSET without a LIMIT.
            .limit(i32::MAX as u64)
            .into_tuple::<uuid::Uuid>()
            .all(&self.0)
            .await?;
        if !surplus.is_empty() {
            self.end_sign_ins_where(Condition::all().add(Column::Id.is_in(surplus)), now).await?;
        }
        Ok(())
    }

    /// Ends a sign-in with its session; false if it has ended before. Single
    /// use is this statement alone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn finish_sign_in(&self, id: SignInId, now: Timestamp) -> Result<bool> {
        let this = Condition::all().add(Column::Id.eq(id.as_uuid())).add(live(now));
        Ok(self.end_sign_ins_where(this, now).await? == 1)
    }

    /// Notes the factor that a sign-in has enabled; false if it has ended.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn set_enabled_factor(
        &self,
        id: SignInId,
        factor: FactorId,
        now: Timestamp,
    ) -> Result<bool> {
        let updated = Entity::update_many()
            .col_expr(Column::EnabledFactorId, Expr::value(factor.as_uuid()))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(live(now))
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Ends every sign-in of a customer.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn end_sign_ins(&self, key: &CustomerKey, now: Timestamp) -> Result<()> {
        self.end_sign_ins_where(of(key).add(live(now)), now).await?;
        Ok(())
    }

    async fn end_sign_ins_where(&self, condition: Condition, now: Timestamp) -> Result<u64> {
        let updated = Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(now.as_micros()))
            .filter(condition)
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected)
    }
}

fn of(key: &CustomerKey) -> Condition {
    row::of_customer((Column::PortalId, Column::CustomerId), key)
}

fn live(now: Timestamp) -> Condition {
    Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now.as_micros()))
}

pub(crate) fn decode(row: Model) -> Result<SignIn> {
    let id = row.id;
    try_decode(row).ok_or_else(|| corrupt("sign_in", &id))
}

fn try_decode(row: Model) -> Option<SignIn> {
    Some(SignIn {
        id: SignInId::from_uuid(row.id),
        customer: row::customer_key(&row.portal_id, &row.customer_id)?,
        proven_at: Timestamp::from_micros(row.proven_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        enabled_factor: row.enabled_factor_id.map(FactorId::from_uuid),
        client: row::client(&row.client_ip, row.client_user_agent)?,
    })
}
