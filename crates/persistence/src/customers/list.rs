//! Pages of customers.

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::customer::CustomerView;
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerKey, PortalId};
use gatehouse_domain::lockout::MAX_CONSECUTIVE_FAILURES;
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::decode;
use crate::entity::{customer, factor};
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
            .filter(of_portals(&filter.portals, after))
            .filter(condition(filter, now))
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
}

/// Those of these portals that come after `after`, so that a database finds the first of
/// them without a look at those before.
fn of_portals(portals: &PortalScope, after: Option<&CustomerKey>) -> Condition {
    use customer::Column;

    let all = Condition::all();
    let portals = match portals {
        PortalScope::All => None,
        PortalScope::Some(portals) => Some(portals.as_slice()),
    };
    match (portals, after) {
        (None, None) => all,
        (Some([only]), Some(after)) if *only == after.portal => {
            all.add(Column::PortalId.eq(only.as_str())).add(Column::Id.gt(after.customer.as_str()))
        }
        (Some(portals), None) => {
            all.add(Column::PortalId.is_in(portals.iter().map(PortalId::as_str)))
        }
        (portals, Some(after)) => {
            let last = [Expr::value(after.portal.as_str()), Expr::value(after.customer.as_str())];
            let key = Expr::tuple([Expr::col(Column::PortalId), Expr::col(Column::Id)]);
            let rest = all.add(key.gt(Expr::tuple(last)));
            let Some(portals) = portals else { return rest };
            // Written so that no index is used for it: SQLite would take it for the whole
            // search, and walk through each portal from its beginning.
            let portal = Expr::col(Column::PortalId).binary(CONCATENATION, "");
            rest.add(portal.is_in(portals.iter().map(PortalId::as_str)))
        }
    }
}

/// SQL's operator.
const CONCATENATION: BinOper = BinOper::Custom("||");

fn condition(filter: &CustomerFilter, now: Timestamp) -> Condition {
    use customer::Column;

    let mut all = Condition::all();
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
        // Nobody is locked without failures. A number, as in the condition of the index.
        let has_failed = Expr::cust("code_failures > 0");
        all = all.add(if locked { Condition::all().add(has_failed).add(lock) } else { lock.not() });
    }
    all
}
