//! Customers: one, and the password hash that goes with it. Lists are in
//! [`list`], many new ones in [`import`].

pub mod import;
pub mod list;

use gatehouse_domain::customer::{Customer, CustomerView};
use gatehouse_domain::email::Email;
use gatehouse_domain::id::{CustomerKey, PortalId};
use gatehouse_domain::lockout::CodeBudget;
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Set,
    UpdateMany,
};

use crate::entity::customer::{ActiveModel, Column, Entity, Model};
use crate::error::{Result, StoreError};
use crate::row;
use crate::store::{Queries, Store, Tx, corrupt};

/// A customer's password hash, sealed.
pub type SealedPassword = Vec<u8>;

impl<C: ConnectionTrait> Queries<C> {
    /// How many customers of all portals are suspended.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn suspended_customers(&self) -> Result<u64> {
        Ok(Entity::find().filter(Column::SuspendedAt.is_not_null()).count(&self.0).await?)
    }

    /// The customer, if there is one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customer(&self, key: &CustomerKey) -> Result<Option<Customer>> {
        by_key(key).one(&self.0).await?.map(decode).transpose()
    }

    /// The customer and the password hash.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customer_with_password(
        &self,
        key: &CustomerKey,
    ) -> Result<Option<(Customer, Option<SealedPassword>)>> {
        by_key(key).one(&self.0).await?.map(decode_with_password).transpose()
    }

    /// The customer with this email and the password hash.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customer_by_email(
        &self,
        portal: &PortalId,
        email: &Email,
    ) -> Result<Option<(Customer, Option<SealedPassword>)>> {
        let row = Entity::find()
            .filter(Column::PortalId.eq(portal.as_str()))
            .filter(Column::Email.eq(email.as_str()))
            .one(&self.0)
            .await?;
        row.map(decode_with_password).transpose()
    }

    /// The customer with all that answers about them show.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn customer_view(&self, key: &CustomerKey) -> Result<Option<CustomerView>> {
        let Some(customer) = self.customer(key).await? else { return Ok(None) };
        Ok(Some(CustomerView {
            customer,
            factor: self.factor(key).await?,
            backup_codes: self.backup_codes(key).await?,
        }))
    }
}

impl Store {
    /// Writes the budget of codes that `seen` was charged to; false if they are not as
    /// they were seen any more. The charge is this statement alone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn charge_codes(&self, seen: &Customer, codes: CodeBudget) -> Result<bool> {
        let updated = update_seen(seen).set(encode_codes(codes)).exec(self.autocommit()).await?;
        Ok(updated.rows_affected == 1)
    }
}

impl Tx {
    /// The customer, whom no other transaction can change until this one ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn lock_customer(&self, key: &CustomerKey) -> Result<Option<Customer>> {
        by_key(key).lock_exclusive().one(&self.0).await?.map(decode).transpose()
    }

    /// A new customer.
    ///
    /// # Errors
    /// [`crate::StoreError::Duplicate`] if the id or the email is taken.
    pub async fn insert_customer(
        &self,
        customer: &Customer,
        password: Option<SealedPassword>,
    ) -> Result<()> {
        Entity::insert(new_row(customer, password)).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Writes a customer that was changed from `seen`, all but the password.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if they are not as they were seen any more, so
    /// that nothing is decided on what has passed; [`StoreError::Duplicate`] if
    /// the email is taken.
    pub async fn update_customer(&self, seen: &Customer, customer: &Customer) -> Result<()> {
        let updated = update_seen(seen).set(encode(customer)).exec(&self.0).await?;
        if updated.rows_affected == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict("the customer was changed meanwhile".into()))
        }
    }

    /// Deletes a customer and all that belongs to them.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_customer(&self, key: &CustomerKey) -> Result<()> {
        let id = (key.portal.to_string(), key.customer.to_string());
        Entity::delete_by_id(id).exec(&self.0).await?;
        Ok(())
    }

    /// Sets another password; `None` voids it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn set_password(
        &self,
        key: &CustomerKey,
        password: Option<SealedPassword>,
    ) -> Result<()> {
        self.write_password(key, password, 1).await
    }

    /// Puts another hash of the same password in place of the one that is there.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn rehash_password(&self, key: &CustomerKey, password: SealedPassword) -> Result<()> {
        self.write_password(key, Some(password), 0).await
    }

    async fn write_password(
        &self,
        key: &CustomerKey,
        password: Option<SealedPassword>,
        revisions: i64,
    ) -> Result<()> {
        let revision = Expr::col(Column::PasswordRevision).add(revisions);
        Entity::update_many()
            .col_expr(Column::PasswordHash, Expr::value(password))
            .col_expr(Column::PasswordRevision, revision)
            // Whatever is written is ours.
            .col_expr(Column::ForeignHashMicros, Expr::value(None::<i64>))
            .filter(Column::PortalId.eq(key.portal.as_str()))
            .filter(Column::Id.eq(key.customer.as_str()))
            .exec(&self.0)
            .await?;
        Ok(())
    }
}

fn by_key(key: &CustomerKey) -> sea_orm::Select<Entity> {
    Entity::find_by_id((key.portal.to_string(), key.customer.to_string()))
}

/// Updates a customer who is as they were seen.
fn update_seen(seen: &Customer) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::PortalId.eq(seen.key.portal.as_str()))
        .filter(Column::Id.eq(seen.key.customer.as_str()))
        .filter(Column::Generation.eq(seen.generation))
        .filter(Column::CodeCharges.eq(row::int(seen.codes.charges)))
        .filter(Column::CodeFailures.eq(row::int(seen.codes.failures)))
}

fn encode_codes(codes: CodeBudget) -> ActiveModel {
    ActiveModel {
        code_charges: Set(row::int(codes.charges)),
        code_failures: Set(row::int(codes.failures)),
        code_charged_at: Set(row::micros(codes.charged_at)),
        code_locked_until: Set(row::micros(codes.locked_until)),
        ..Default::default()
    }
}

pub(crate) fn new_row(customer: &Customer, password: Option<SealedPassword>) -> ActiveModel {
    let mut row = encode(customer);
    row.portal_id = Set(customer.key.portal.to_string());
    row.id = Set(customer.key.customer.to_string());
    row.created_at = Set(customer.created_at.as_micros());
    row.password_hash = Set(password);
    row.password_revision = Set(customer.password_revision);
    row.foreign_hash_micros = Set(None);
    row
}

/// The columns that an update may change.
fn encode(customer: &Customer) -> ActiveModel {
    ActiveModel {
        email: Set(customer.email.to_string()),
        display_name: Set(customer.display_name.clone()),
        suspended_at: Set(row::micros(customer.suspended_at)),
        generation: Set(customer.generation),
        last_sign_in_at: Set(row::micros(customer.last_sign_in_at)),
        updated_at: Set(customer.updated_at.as_micros()),
        revision: Set(customer.revision),
        ..encode_codes(customer.codes)
    }
}

fn decode_with_password(row: Model) -> Result<(Customer, Option<SealedPassword>)> {
    let password = row.password_hash.clone();
    Ok((decode(row)?, password))
}

pub(crate) fn decode(row: Model) -> Result<Customer> {
    let id = format!("{}/{}", row.portal_id, row.id);
    try_decode(row).ok_or_else(|| corrupt("customer", &id))
}

fn try_decode(row: Model) -> Option<Customer> {
    Some(Customer {
        key: row::customer_key(&row.portal_id, &row.id)?,
        email: row::email(&row.email)?,
        display_name: row.display_name,
        suspended_at: row::times(row.suspended_at),
        generation: row.generation,
        has_password: row.password_hash.is_some(),
        password_revision: row.password_revision,
        codes: CodeBudget {
            charges: row.code_charges.try_into().ok()?,
            failures: row.code_failures.try_into().ok()?,
            charged_at: row::times(row.code_charged_at),
            locked_until: row::times(row.code_locked_until),
        },
        last_sign_in_at: row::times(row.last_sign_in_at),
        created_at: Timestamp::from_micros(row.created_at),
        updated_at: Timestamp::from_micros(row.updated_at),
        revision: row.revision,
    })
}
