//! Sealed values, found by the key that they are sealed under.

use gatehouse_domain::id::{BackupCodeSetId, CustomerKey, FactorId};
use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::entity::{backup_code, customer, enrollment, factor};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Store, corrupt};

/// Where a sealed value stands. What is sealed for minutes only is not among these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// `customer.password_hash`.
    Password,
    /// `factor.secret`.
    FactorSecret,
    /// `backup_code.digest`.
    BackupCode,
}

/// The row of a sealed value, as far as the value is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedRow {
    /// The customer's password hash.
    Password,
    /// The secret of this factor.
    Factor(FactorId),
    /// The digest in this slot of a set of backup codes.
    BackupCode(BackupCodeSetId, u8),
}

/// A sealed value and its place.
#[derive(Clone, Debug)]
pub struct SealedValue {
    /// Whose it is.
    pub customer: CustomerKey,
    /// The row, among those of the customer.
    pub row: SealedRow,
    /// The value.
    pub sealed: Vec<u8>,
}

impl SealedValue {
    /// Where a walk has come to that has done this one.
    #[must_use]
    pub fn place(&self) -> (CustomerKey, u8) {
        let slot = match self.row {
            SealedRow::BackupCode(_, slot) => slot,
            SealedRow::Password | SealedRow::Factor(_) => 0,
        };
        (self.customer.clone(), slot)
    }
}

/// How far a walk through a column has come: every place up to this one is done.
pub type SealedCursor = Option<(CustomerKey, u8)>;

/// The bytes of a sealed value that name its key: after its version and algorithm.
const KEY_ID_AT: i32 = 3;
const KEY_ID_BYTES: i32 = 4;

impl<C: ConnectionTrait> Queries<C> {
    /// At most `limit` values after `after` that are not sealed under `primary`, in
    /// the order of their places.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn sealed_under_others(
        &self,
        column: SealedColumn,
        primary: KeyId,
        after: SealedCursor,
        limit: u64,
    ) -> Result<Vec<SealedValue>> {
        match column {
            SealedColumn::Password => {
                use customer::{Column, Entity};
                let rows = Entity::find()
                    .filter(Column::PasswordHash.is_not_null())
                    .filter(names(Column::PasswordHash, primary).not())
                    .filter(past((Column::PortalId, Column::Id), None, after))
                    .order_by_asc(Column::PortalId)
                    .order_by_asc(Column::Id)
                    .limit(limit)
                    .all(&self.0)
                    .await?;
                let values = rows.into_iter().filter_map(|row| {
                    let sealed = row.password_hash?;
                    Some(value("customer", &row.portal_id, &row.id, SealedRow::Password, sealed))
                });
                values.collect()
            }
            SealedColumn::FactorSecret => {
                use factor::{Column, Entity};
                let rows = Entity::find()
                    .filter(names(Column::Secret, primary).not())
                    .filter(past((Column::PortalId, Column::CustomerId), None, after))
                    .order_by_asc(Column::PortalId)
                    .order_by_asc(Column::CustomerId)
                    .limit(limit)
                    .all(&self.0)
                    .await?;
                let values = rows.into_iter().map(|row| {
                    let place = SealedRow::Factor(FactorId::from_uuid(row.id));
                    value("factor", &row.portal_id, &row.customer_id, place, row.secret)
                });
                values.collect()
            }
            SealedColumn::BackupCode => {
                use backup_code::{Column, Entity};
                let columns = (Column::PortalId, Column::CustomerId);
                let rows = Entity::find()
                    .filter(names(Column::Digest, primary).not())
                    .filter(past(columns, Some(Column::Slot), after))
                    .order_by_asc(Column::PortalId)
                    .order_by_asc(Column::CustomerId)
                    .order_by_asc(Column::Slot)
                    .limit(limit)
                    .all(&self.0)
                    .await?;
                let values = rows.into_iter().map(|row| {
                    let slot =
                        row.slot.try_into().map_err(|_| corrupt("backup_code", &row.set_id))?;
                    let place = SealedRow::BackupCode(BackupCodeSetId::from_uuid(row.set_id), slot);
                    value("backup_code", &row.portal_id, &row.customer_id, place, row.digest)
                });
                values.collect()
            }
        }
    }

    /// How many values are sealed under `key`.
    pub(crate) async fn sealed_under(&self, key: KeyId) -> Result<u64> {
        let passwords = customer::Entity::find()
            .filter(names(customer::Column::PasswordHash, key))
            .count(&self.0)
            .await?;
        let factors = factor::Entity::find()
            .filter(names(factor::Column::Secret, key))
            .count(&self.0)
            .await?;
        let codes = backup_code::Entity::find()
            .filter(names(backup_code::Column::Digest, key))
            .count(&self.0)
            .await?;
        let pending = enrollment::Entity::find()
            .filter(names(enrollment::Column::Secret, key))
            .count(&self.0)
            .await?;
        Ok(passwords + factors + codes + pending)
    }
}

impl Store {
    /// Puts `sealed` in the place of `value`; false if another value, or none, is
    /// there by now.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn replace_sealed(&self, value: &SealedValue, sealed: Vec<u8>) -> Result<bool> {
        let db = self.autocommit();
        let updated = match value.row {
            SealedRow::Password => {
                use customer::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::PasswordHash, Expr::value(sealed))
                    .filter(row::of_customer((Column::PortalId, Column::Id), &value.customer))
                    .filter(Column::PasswordHash.eq(value.sealed.clone()))
                    .exec(db)
                    .await?
            }
            SealedRow::Factor(id) => {
                use factor::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::Secret, Expr::value(sealed))
                    .filter(row::of_customer(
                        (Column::PortalId, Column::CustomerId),
                        &value.customer,
                    ))
                    .filter(Column::Id.eq(id.as_uuid()))
                    .filter(Column::Secret.eq(value.sealed.clone()))
                    .exec(db)
                    .await?
            }
            SealedRow::BackupCode(set, slot) => {
                use backup_code::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::Digest, Expr::value(sealed))
                    .filter(row::of_customer(
                        (Column::PortalId, Column::CustomerId),
                        &value.customer,
                    ))
                    .filter(Column::SetId.eq(set.as_uuid()))
                    .filter(Column::Slot.eq(i32::from(slot)))
                    .filter(Column::Digest.eq(value.sealed.clone()))
                    .exec(db)
                    .await?
            }
        };
        Ok(updated.rows_affected == 1)
    }
}

fn value(
    table: &'static str,
    portal: &str,
    customer: &str,
    row: SealedRow,
    sealed: Vec<u8>,
) -> Result<SealedValue> {
    let customer = row::customer_key(portal, customer).ok_or_else(|| corrupt(table, &customer))?;
    Ok(SealedValue { customer, row, sealed })
}

/// Whether the value in `column` names `key` as its own.
fn names(column: impl ColumnTrait, key: KeyId) -> SimpleExpr {
    let id = u32::from(key).to_be_bytes().to_vec();
    let part = Func::cust("substr")
        .arg(column.into_expr())
        .arg(Expr::value(KEY_ID_AT))
        .arg(Expr::value(KEY_ID_BYTES));
    SimpleExpr::from(part).eq(id)
}

/// Places past `after`, in the order of customers and then slots.
fn past<C: ColumnTrait>(columns: (C, C), slot: Option<C>, after: SealedCursor) -> Condition {
    let Some((key, last)) = after else { return Condition::all() };
    let (portal, customer) = (key.portal.as_str(), key.customer.as_str());
    let mut past = Condition::any()
        .add(columns.0.gt(portal))
        .add(Condition::all().add(columns.0.eq(portal)).add(columns.1.gt(customer)));
    if let Some(slot) = slot {
        past = past.add(row::of_customer(columns, &key).add(slot.gt(i32::from(last))));
    }
    past
}
