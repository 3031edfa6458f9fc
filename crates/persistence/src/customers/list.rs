//! Pages of customers, and what a policy would mean for them.

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::customer::CustomerView;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerKey, PortalId};
use gatehouse_domain::lockout::MAX_CONSECUTIVE_FAILURES;
use gatehouse_domain::portal::PortalSettings;
use gatehouse_domain::session::Limits;
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::decode;
use crate::entity::{customer, factor, session};
use crate::error::Result;
use crate::row;
use crate::store::Queries;

/// Which customers to list. Unset filters do not filter.
#[derive(Clone, Debug)]
pub struct CustomerFilter {
    /// Of which portals.
    pub portals: PortalScope,
    /// With exactly this address.
    pub email: Option<Email>,
    /// With a factor in force, or without.
    pub has_factor: Option<bool>,
    /// Suspended, or not.
    pub suspended: Option<bool>,
    /// Kept out by too many wrong codes at `now`, or not.
    pub locked: Option<bool>,
}

/// Counts of a portal's customers under a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortalCounts {
    /// All customers.
    pub customers: u64,
    /// Those with a factor in force.
    pub customers_with_factor: u64,
    /// Live sessions without a second factor.
    pub password_sessions: u64,
}

impl<C: ConnectionTrait> Queries<C> {
    /// At most `limit` customers, ordered by portal and id, after `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customers(
        &self,
        filter: &CustomerFilter,
        after: Option<&CustomerKey>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<CustomerView>> {
        use customer::Column;

        let rows = customer::Entity::find()
            .filter(condition(filter, now))
            .filter(after.map_or_else(Condition::all, |after| {
                let last =
                    [Expr::value(after.portal.as_str()), Expr::value(after.customer.as_str())];
                let key = Expr::tuple([Expr::col(Column::PortalId), Expr::col(Column::Id)]);
                Condition::all().add(key.gt(Expr::tuple(last)))
            }))
            .order_by_asc(Column::PortalId)
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(&self.0)
            .await?;
        let customers = rows.into_iter().map(decode).collect::<Result<Vec<_>>>()?;
        let keys = customers.iter().map(|customer| customer.key.clone()).collect::<Vec<_>>();
        let mut factors = self.factors(&keys).await?;
        let mut backup_codes = self.backup_codes_of(&keys).await?;
        Ok(customers
            .into_iter()
            .map(|customer| CustomerView {
                factor: factors.remove(&customer.key),
                backup_codes: backup_codes.remove(&customer.key),
                customer,
            })
            .collect())
    }

    /// How many customers a portal has.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn count_customers(&self, portal: &PortalId) -> Result<u64> {
        let customers = customer::Entity::find();
        let these = customers.filter(customer::Column::PortalId.eq(portal.as_str()));
        Ok(these.count(&self.0).await?)
    }

    /// What there is in a portal, sessions counted as live under `settings`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn portal_counts(
        &self,
        portal: &PortalId,
        settings: &PortalSettings,
        now: Timestamp,
    ) -> Result<PortalCounts> {
        let customers = self.count_customers(portal).await?;
        let portal = portal.as_str();
        let factors = factor::Entity::find().filter(factor::Column::PortalId.eq(portal));
        let sessions = session::Entity::find()
            .filter(session::Column::PortalId.eq(portal))
            .filter(session::Column::SecondFactorAt.is_null())
            .filter(live_session(&Limits::from(&settings.session), now));
        Ok(PortalCounts {
            customers,
            customers_with_factor: factors.count(&self.0).await?,
            password_sessions: sessions.count(&self.0).await?,
        })
    }
}

/// [`gatehouse_domain::session::Session::check_live`] as a condition.
pub(crate) fn live_session(limits: &Limits, now: Timestamp) -> Condition {
    use session::Column;

    let now_micros = now.as_micros();
    let idle = row::duration_micros(limits.idle);
    let absolute = row::duration_micros(limits.absolute);
    Condition::all()
        .add(Column::EndedAt.is_null())
        .add(Column::CreatedAt.gt(now_micros.saturating_sub(absolute)))
        .add(Expr::col(Column::CreatedAt).add(Expr::col(Column::AbsoluteLimit)).gt(now_micros))
        .add(Column::LastUsedAt.gt(now_micros.saturating_sub(idle)))
        .add(Expr::col(Column::LastUsedAt).add(Expr::col(Column::IdleLimit)).gt(now_micros))
}

fn condition(filter: &CustomerFilter, now: Timestamp) -> Condition {
    use customer::Column;

    let mut all = Condition::all();
    if let PortalScope::Some(portals) = &filter.portals {
        all = all.add(Column::PortalId.is_in(portals.iter().map(PortalId::as_str)));
    }
    if let Some(email) = &filter.email {
        all = all.add(Column::Email.eq(email.as_str()));
    }
    if let Some(has_factor) = filter.has_factor {
        let factor = Query::select()
            .expr(Expr::val(1))
            .from(factor::Entity)
            .and_where(
                Expr::col((factor::Entity, factor::Column::PortalId))
                    .equals((customer::Entity, Column::PortalId)),
            )
            .and_where(
                Expr::col((factor::Entity, factor::Column::CustomerId))
                    .equals((customer::Entity, Column::Id)),
            )
            .take();
        let exists = Expr::exists(factor);
        all = all.add(if has_factor { exists } else { exists.not() });
    }
    if let Some(suspended) = filter.suspended {
        let column = Column::SuspendedAt;
        all = all.add(if suspended { column.is_not_null() } else { column.is_null() });
    }
    if let Some(locked) = filter.locked {
        let until = Expr::col(Column::CodeLockedUntil).if_null(0);
        let lock = Condition::any()
            .add(Column::CodeFailures.gte(row::int(MAX_CONSECUTIVE_FAILURES)))
            .add(until.gt(now.as_micros()));
        all = all.add(if locked { lock } else { lock.not() });
    }
    all
}
