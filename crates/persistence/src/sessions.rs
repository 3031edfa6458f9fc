//! Sessions. Lists are in [`list`].

pub(crate) mod list;

use gatehouse_domain::id::{CustomerKey, PortalId, SessionId};
use gatehouse_domain::session::{Limits, MAX_SESSIONS_PER_CUSTOMER, Session, SessionEnd};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use self::list::live_session;
use crate::entity::session::{ActiveModel, Column, Entity, Model};
use crate::error::{Result, StoreError};
use crate::row;
use crate::store::{Queries, Store, Tx, corrupt};

/// Which sessions of a customer.
#[derive(Clone, Copy, Debug)]
pub enum Sessions {
    /// All.
    All,
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
}

impl<C: ConnectionTrait> Queries<C> {
    /// The session of `portal` that has one of these token digests, live or not.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session(&self, portal: &PortalId, digests: &[Digest]) -> Result<Option<Session>> {
        let row = Entity::find()
            .filter(Column::TokenDigest.is_in(digests.iter().map(Digest::as_bytes)))
            .filter(Column::PortalId.eq(portal.as_str()))
            .one(&self.0)
            .await?;
        row.map(decode).transpose()
    }

    /// The session of a customer, live or not.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customer_session(
        &self,
        key: &CustomerKey,
        id: SessionId,
    ) -> Result<Option<Session>> {
        let row = Entity::find_by_id(id.as_uuid()).filter(of(key)).one(&self.0).await?;
        row.map(decode).transpose()
    }
}

impl Store {
    /// Writes that a session was used at `now`; nothing if it has ended or was
    /// used later than that.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn touch_session(&self, id: SessionId, now: Timestamp) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(now.as_micros()))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::EndedAt.is_null())
            .filter(Column::LastUsedAt.lt(now.as_micros()))
            .exec(self.autocommit())
            .await?;
        Ok(())
    }
}

impl Tx {
    /// A new session, at the cost of the customer's oldest if there are too many.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_session(&self, session: &Session, digest: &Digest) -> Result<()> {
        self.end_surplus_sessions(session).await?;
        Entity::insert(new_row(session, digest)).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Notes that the customer was proven in a session at `now`, which is a use of
    /// it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it has ended, so that nothing is decided on what
    /// has passed.
    pub async fn prove_session(
        &self,
        id: SessionId,
        second_factor: bool,
        now: Timestamp,
    ) -> Result<()> {
        let now = now.as_micros();
        let mut update = Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(now))
            .col_expr(Column::AuthenticatedAt, Expr::value(now));
        if second_factor {
            update = update.col_expr(Column::SecondFactorAt, Expr::value(now));
        }
        let updated = update
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::EndedAt.is_null())
            .exec(&self.0)
            .await?;
        if updated.rows_affected == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict("the session was ended meanwhile".into()))
        }
    }

    async fn end_surplus_sessions(&self, new: &Session) -> Result<()> {
        let surplus = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(of(&new.customer))
            .filter(live_session(&new.limits, new.created_at))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .offset(MAX_SESSIONS_PER_CUSTOMER - 1)
            // SQLite has no OFFSET without a LIMIT.
            .limit(i32::MAX as u64)
            .into_tuple::<uuid::Uuid>()
            .all(&self.0)
            .await?;
        if !surplus.is_empty() {
            let these = Condition::all().add(Column::Id.is_in(surplus));
            self.end_sessions_where(these, SessionEnd::Replaced, new.created_at).await?;
        }
        Ok(())
    }

    /// Ends sessions of a customer. Gives how many of them were live under
    /// `limits`; the others are ended all the same, so that none comes back.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn end_sessions(
        &self,
        key: &CustomerKey,
        which: Sessions,
        why: SessionEnd,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<u64> {
        let these = match which {
            Sessions::All => of(key),
            Sessions::One(id) => of(key).add(Column::Id.eq(id.as_uuid())),
            Sessions::AllBut(id) => of(key).add(Column::Id.ne(id.as_uuid())),
        };
        self.end_and_count(these, why, limits, now).await
    }

    /// Ends every session of a portal, however long that takes. Gives how many of
    /// them were live under `limits`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn end_portal_sessions(
        &self,
        portal: &PortalId,
        why: SessionEnd,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<u64> {
        self.lift_statement_limit().await?;
        let these = Condition::all().add(Column::PortalId.eq(portal.as_str()));
        self.end_and_count(these, why, limits, now).await
    }

    /// Ends the sessions of a portal that have no second factor, however long that
    /// takes. Gives how many of them were live under `limits`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn end_password_sessions(
        &self,
        portal: &PortalId,
        why: SessionEnd,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<u64> {
        self.lift_statement_limit().await?;
        let these = Condition::all()
            .add(Column::PortalId.eq(portal.as_str()))
            .add(Column::SecondFactorAt.is_null());
        self.end_and_count(these, why, limits, now).await
    }

    async fn end_and_count(
        &self,
        these: Condition,
        why: SessionEnd,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<u64> {
        let live = Entity::find().filter(these.clone()).filter(live_session(limits, now));
        let ended = live.count(&self.0).await?;
        self.end_sessions_where(these, why, now).await?;
        Ok(ended)
    }

    async fn end_sessions_where(
        &self,
        condition: Condition,
        why: SessionEnd,
        now: Timestamp,
    ) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(now.as_micros()))
            .col_expr(Column::EndReason, Expr::value(why.as_str()))
            .filter(condition)
            .filter(Column::EndedAt.is_null())
            .exec(&self.0)
            .await?;
        Ok(())
    }
}

pub(crate) fn new_row(session: &Session, digest: &Digest) -> ActiveModel {
    ActiveModel {
        portal_id: Set(session.customer.portal.to_string()),
        customer_id: Set(session.customer.customer.to_string()),
        id: Set(session.id.as_uuid()),
        token_digest: Set(digest.as_bytes().to_vec()),
        digest_key_id: Set(Some(row::key_id(digest))),
        client_ip: Set(row::client_ip(&session.client)),
        client_user_agent: Set(session.client.user_agent().to_owned()),
        created_at: Set(session.created_at.as_micros()),
        last_used_at: Set(session.last_used_at.as_micros()),
        authenticated_at: Set(session.authenticated_at.as_micros()),
        second_factor_at: Set(row::micros(session.second_factor_at)),
        idle_limit: Set(row::duration_micros(session.limits.idle)),
        absolute_limit: Set(row::duration_micros(session.limits.absolute)),
        ended_at: Set(None),
        end_reason: Set(None),
        expires_at: Set(Some((session.created_at + session.limits.absolute).as_micros())),
    }
}

fn of(key: &CustomerKey) -> Condition {
    row::of_customer((Column::PortalId, Column::CustomerId), key)
}

pub(crate) fn decode(row: Model) -> Result<Session> {
    let id = row.id;
    try_decode(row).ok_or_else(|| corrupt("session", &id))
}

pub(crate) fn try_decode(row: Model) -> Option<Session> {
    let ended = match (row.ended_at, row.end_reason) {
        (None, None) => None,
        (Some(at), Some(why)) => Some((Timestamp::from_micros(at), SessionEnd::from_word(&why)?)),
        _ => return None,
    };
    Some(Session {
        id: SessionId::from_uuid(row.id),
        customer: row::customer_key(&row.portal_id, &row.customer_id)?,
        created_at: Timestamp::from_micros(row.created_at),
        last_used_at: Timestamp::from_micros(row.last_used_at),
        authenticated_at: Timestamp::from_micros(row.authenticated_at),
        second_factor_at: row::times(row.second_factor_at),
        limits: Limits {
            idle: row::duration(row.idle_limit)?,
            absolute: row::duration(row.absolute_limit)?,
        },
        client: row::client(&row.client_ip, row.client_user_agent)?,
        ended,
    })
}
