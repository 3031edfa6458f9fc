//! Factors in force.

use std::collections::HashMap;

use gatehouse_domain::enrollment::Factor;
use gatehouse_domain::id::{CustomerKey, FactorId};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::TimeStep;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::entity::factor::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Tx, corrupt};

/// A TOTP secret, sealed.
pub type SealedSecret = Vec<u8>;

impl<C: ConnectionTrait> Queries<C> {
    /// The customer's factor in force.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn factor(&self, key: &CustomerKey) -> Result<Option<Factor>> {
        Ok(self.factor_with_secret(key).await?.map(|(factor, _)| factor))
    }

    /// As [`Queries::factor`], with its secret.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn factor_with_secret(
        &self,
        key: &CustomerKey,
    ) -> Result<Option<(Factor, SealedSecret)>> {
        let id = (key.portal.to_string(), key.customer.to_string());
        Entity::find_by_id(id).one(&self.0).await?.map(decode).transpose()
    }

    /// The factors of several customers.
    pub(crate) async fn factors(
        &self,
        keys: &[CustomerKey],
    ) -> Result<HashMap<CustomerKey, Factor>> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let columns = (Column::PortalId, Column::CustomerId);
        let rows = Entity::find().filter(row::any_customer(columns, keys)).all(&self.0).await?;
        rows.into_iter()
            .map(|row| decode(row).map(|(factor, _)| (factor.customer.clone(), factor)))
            .collect()
    }
}

impl Tx {
    /// Brings a factor into force, in place of any other.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn put_factor(&self, factor: &Factor, secret: SealedSecret) -> Result<()> {
        self.delete_factor(&factor.customer).await?;
        Entity::insert(new_row(factor, secret)).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Accepts a time step; false if that or a later one was accepted before, or
    /// the factor is not in force any more. Single use is this statement alone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn accept_time_step(
        &self,
        key: &CustomerKey,
        factor: FactorId,
        step: TimeStep,
        now: Timestamp,
    ) -> Result<bool> {
        let updated = Entity::update_many()
            .col_expr(Column::AcceptedStep, Expr::value(step.number()))
            .col_expr(Column::LastUsedAt, Expr::value(now.as_micros()))
            .filter(of(key))
            .filter(Column::Id.eq(factor.as_uuid()))
            .filter(Column::AcceptedStep.lt(step.number()))
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Takes the factor away, if there is one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_factor(&self, key: &CustomerKey) -> Result<()> {
        Entity::delete_many().filter(of(key)).exec(&self.0).await?;
        Ok(())
    }
}

pub(crate) fn new_row(factor: &Factor, secret: SealedSecret) -> ActiveModel {
    let (sign_in, session) = row::owner_columns(factor.enabled_by);
    ActiveModel {
        portal_id: Set(factor.customer.portal.to_string()),
        customer_id: Set(factor.customer.customer.to_string()),
        id: Set(factor.id.as_uuid()),
        secret: Set(secret),
        algorithm: Set(row::totp_algorithm(factor.parameters).to_owned()),
        digits: Set(factor.parameters.digits().into()),
        period_seconds: Set(row::int(factor.parameters.period_seconds())),
        accepted_step: Set(factor.accepted_step.number()),
        enabled_at: Set(factor.enabled_at.as_micros()),
        last_used_at: Set(row::micros(factor.last_used_at)),
        enabled_by_sign_in_id: Set(sign_in),
        enabled_by_session_id: Set(session),
    }
}

fn of(key: &CustomerKey) -> Condition {
    row::of_customer((Column::PortalId, Column::CustomerId), key)
}

pub(crate) fn decode(mut row: Model) -> Result<(Factor, SealedSecret)> {
    let secret = std::mem::take(&mut row.secret);
    let id = row.id;
    let factor = try_decode(&row).ok_or_else(|| corrupt("factor", &id))?;
    Ok((factor, secret))
}

fn try_decode(row: &Model) -> Option<Factor> {
    Some(Factor {
        id: FactorId::from_uuid(row.id),
        customer: row::customer_key(&row.portal_id, &row.customer_id)?,
        parameters: row::totp_parameters(&row.algorithm, row.digits, row.period_seconds)?,
        accepted_step: TimeStep::from_number(row.accepted_step),
        enabled_at: Timestamp::from_micros(row.enabled_at),
        last_used_at: row::times(row.last_used_at),
        enabled_by: row::owner(row.enabled_by_sign_in_id, row.enabled_by_session_id)?,
    })
}
