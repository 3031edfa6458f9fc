//! Sealed values, one page after the other, and those that name a key.

use gatehouse_domain::id::{BackupCodeSetId, CustomerKey, FactorId};
use gatehouse_domain::vault::KeyId;
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Value,
};

use crate::entity::{backup_code, customer, enrollment, factor};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Store};

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

/// Up to where a walk through a column has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCursor {
    portal: String,
    customer: String,
    slot: i32,
}

/// Some of the values of a column, in the order of their places.
#[derive(Clone, Debug)]
pub struct SealedPage {
    /// Without those whose row is corrupt, of which the log tells.
    pub values: Vec<SealedValue>,
    /// Where the next page begins, if there may be one.
    pub next: Option<SealedCursor>,
}

/// The bytes of a sealed value that name its key: after its version and algorithm.
const KEY_ID_AT: i32 = 3;
const KEY_ID_BYTES: i32 = 4;

/// A row as far as it is read.
type Row = (SealedCursor, Option<SealedRow>, Vec<u8>);

impl<C: ConnectionTrait> Queries<C> {
    /// The next `limit` rows of a column.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn sealed_page(
        &self,
        column: SealedColumn,
        after: Option<&SealedCursor>,
        limit: u64,
    ) -> Result<SealedPage> {
        let rows = match column {
            SealedColumn::Password => self.sealed_passwords(after, limit).await?,
            SealedColumn::FactorSecret => self.sealed_secrets(after, limit).await?,
            SealedColumn::BackupCode => self.sealed_backup_codes(after, limit).await?,
        };
        let is_full = rows.len() as u64 == limit;
        let next = rows.last().filter(|_| is_full).map(|(place, _, _)| place.clone());
        Ok(SealedPage { values: rows.into_iter().filter_map(value).collect(), next })
    }

    async fn sealed_passwords(&self, after: Option<&SealedCursor>, limit: u64) -> Result<Vec<Row>> {
        use customer::{Column, Entity};

        let rows = Entity::find()
            .filter(Column::PasswordHash.is_not_null())
            .filter(past(&[Column::PortalId, Column::Id], after))
            .order_by_asc(Column::PortalId)
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(&self.0)
            .await?;
        let read = |row: customer::Model| {
            let sealed = row.password_hash.unwrap_or_default();
            (place(row.portal_id, row.id, 0), Some(SealedRow::Password), sealed)
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn sealed_secrets(&self, after: Option<&SealedCursor>, limit: u64) -> Result<Vec<Row>> {
        use factor::{Column, Entity};

        let rows = Entity::find()
            .filter(past(&[Column::PortalId, Column::CustomerId], after))
            .order_by_asc(Column::PortalId)
            .order_by_asc(Column::CustomerId)
            .limit(limit)
            .all(&self.0)
            .await?;
        let read = |row: factor::Model| {
            let factor = SealedRow::Factor(FactorId::from_uuid(row.id));
            (place(row.portal_id, row.customer_id, 0), Some(factor), row.secret)
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn sealed_backup_codes(
        &self,
        after: Option<&SealedCursor>,
        limit: u64,
    ) -> Result<Vec<Row>> {
        use backup_code::{Column, Entity};

        let rows = Entity::find()
            .filter(past(&[Column::PortalId, Column::CustomerId, Column::Slot], after))
            .order_by_asc(Column::PortalId)
            .order_by_asc(Column::CustomerId)
            .order_by_asc(Column::Slot)
            .limit(limit)
            .all(&self.0)
            .await?;
        let read = |row: backup_code::Model| {
            let set = BackupCodeSetId::from_uuid(row.set_id);
            let code = row.slot.try_into().ok().map(|slot| SealedRow::BackupCode(set, slot));
            (place(row.portal_id, row.customer_id, row.slot), code, row.digest)
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// How many values are sealed under `key`.
    pub(super) async fn sealed_under(&self, key: KeyId) -> Result<u64> {
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
        let (key, old, db) = (&value.customer, value.sealed.clone(), self.autocommit());
        let updated = match value.row {
            SealedRow::Password => {
                use customer::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::PasswordHash, Expr::value(sealed))
                    .filter(row::of_customer((Column::PortalId, Column::Id), key))
                    .filter(Column::PasswordHash.eq(old))
                    .exec(db)
                    .await?
            }
            SealedRow::Factor(id) => {
                use factor::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::Secret, Expr::value(sealed))
                    .filter(row::of_customer((Column::PortalId, Column::CustomerId), key))
                    .filter(Column::Id.eq(id.as_uuid()))
                    .filter(Column::Secret.eq(old))
                    .exec(db)
                    .await?
            }
            SealedRow::BackupCode(set, slot) => {
                use backup_code::{Column, Entity};
                Entity::update_many()
                    .col_expr(Column::Digest, Expr::value(sealed))
                    .filter(row::of_customer((Column::PortalId, Column::CustomerId), key))
                    .filter(Column::SetId.eq(set.as_uuid()))
                    .filter(Column::Slot.eq(i32::from(slot)))
                    .filter(Column::Digest.eq(old))
                    .exec(db)
                    .await?
            }
        };
        Ok(updated.rows_affected == 1)
    }
}

const fn place(portal: String, customer: String, slot: i32) -> SealedCursor {
    SealedCursor { portal, customer, slot }
}

fn value((place, row, sealed): Row) -> Option<SealedValue> {
    let customer = row::customer_key(&place.portal, &place.customer);
    let (Some(customer), Some(row)) = (customer, row) else {
        tracing::error!(?place, "a row with a sealed value is corrupt");
        return None;
    };
    Some(SealedValue { customer, row, sealed })
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

/// Places past `after`, by the columns of the primary key. As a comparison of rows it is
/// a range of the index; as a chain of ORs it would be a walk from its start.
fn past<C: ColumnTrait>(columns: &[C], after: Option<&SealedCursor>) -> Condition {
    let Some(SealedCursor { portal, customer, slot }) = after else { return Condition::all() };
    let last: [Value; 3] = [portal.as_str().into(), customer.as_str().into(), (*slot).into()];
    let last = last.into_iter().take(columns.len()).map(Expr::value);
    let place = columns.iter().map(|column| Expr::col(column.as_column_ref()));
    Condition::all().add(Expr::tuple(place).gt(Expr::tuple(last)))
}
