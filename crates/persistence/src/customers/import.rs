//! Customers from another system, many at once, and the hashes they brought.

use std::time::Duration;

use gatehouse_domain::audit::Event;
use gatehouse_domain::customer::Customer;
use gatehouse_domain::email::Email;
use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::id::{CustomerId, PortalId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::{SealedPassword, new_row};
use crate::entity::customer::{Column, Entity};
use crate::entity::factor;
use crate::error::Result;
use crate::factors::{self, SealedSecret};
use crate::row;
use crate::store::{Queries, Tx, corrupt};

/// Customers of one import at most. Of the widest table, 17 columns, PostgreSQL takes
/// 3,855 rows by one statement and SQLite 1,927.
pub const IMPORTED_AT_ONCE: usize = 1_000;

/// A customer to be made with what they bring.
#[derive(Clone, Debug)]
pub struct ImportedCustomer {
    /// The customer.
    pub customer: Customer,
    /// The hash that another system made, and how long verifying it is expected to take.
    pub password: Option<(SealedPassword, Duration)>,
    /// The factor in force.
    pub factor: Option<(Factor, SealedSecret)>,
    /// That they were imported.
    pub event: Event,
}

impl<C: ConnectionTrait> Queries<C> {
    /// Who of the portal has one of these addresses or ids, at most
    /// [`IMPORTED_AT_ONCE`] of each.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customers_like(
        &self,
        portal: &PortalId,
        emails: &[Email],
        ids: &[CustomerId],
    ) -> Result<Vec<(CustomerId, Email)>> {
        let mut found = Vec::new();
        // By one statement the two would be looked for in the whole portal.
        let emails = Column::Email.is_in(emails.iter().map(Email::as_str));
        let by_id = (!ids.is_empty()).then(|| Column::Id.is_in(ids.iter().map(CustomerId::as_str)));
        for filter in [Some(emails), by_id].into_iter().flatten() {
            let rows: Vec<(String, String)> = Entity::find()
                .select_only()
                .columns([Column::Id, Column::Email])
                .filter(Column::PortalId.eq(portal.as_str()))
                .filter(filter)
                .into_tuple()
                .all(&self.0)
                .await?;
            for (id, email) in rows {
                let decoded = id.parse().ok().zip(row::email(&email));
                found.push(decoded.ok_or_else(|| corrupt("customer", &id))?);
            }
        }
        Ok(found)
    }

    /// How long verifying the dearest hash of another system is expected to take that a
    /// customer of the portal has; none once there is none left.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn dearest_foreign_hash(&self, portal: &PortalId) -> Result<Option<Duration>> {
        let dearest: Option<i64> = Entity::find()
            .select_only()
            .column(Column::ForeignHashMicros)
            .filter(Column::PortalId.eq(portal.as_str()))
            .filter(Column::ForeignHashMicros.is_not_null())
            .order_by_desc(Column::ForeignHashMicros)
            .limit(1)
            .into_tuple()
            .one(&self.0)
            .await?;
        dearest
            .map(|micros| row::duration(micros).ok_or_else(|| corrupt("customer", portal)))
            .transpose()
    }
}

impl Tx {
    /// Makes at most [`IMPORTED_AT_ONCE`] customers, by one statement for each table.
    ///
    /// # Errors
    /// [`crate::StoreError::Duplicate`] if an id or an email is taken.
    pub async fn insert_imported(&self, imported: &[ImportedCustomer]) -> Result<()> {
        if imported.is_empty() {
            return Ok(());
        }
        let customers = imported.iter().map(|one| {
            let (hash, time) = one.password.clone().unzip();
            let mut row = new_row(&one.customer, hash);
            row.foreign_hash_micros = Set(time.map(row::duration_micros));
            row
        });
        Entity::insert_many(customers).exec_without_returning(&self.0).await?;
        let factors: Vec<_> = imported
            .iter()
            .filter_map(|one| one.factor.clone())
            .map(|(factor, secret)| factors::new_row(&factor, secret))
            .collect();
        if !factors.is_empty() {
            factor::Entity::insert_many(factors).exec_without_returning(&self.0).await?;
        }
        let events: Vec<_> = imported.iter().map(|one| &one.event).collect();
        self.record_all(&events).await
    }
}
