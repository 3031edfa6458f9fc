//! Factors being set up.

use gatehouse_domain::enrollment::{Enrollment, MAX_FAILURES, Owner, State};
use gatehouse_domain::id::{CustomerKey, EnrollmentId};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::TimeStep;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::entity::enrollment::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::factors::SealedSecret;
use crate::row;
use crate::store::{Queries, Tx, corrupt};

impl<C: ConnectionTrait> Queries<C> {
    /// What `owner` is setting up at `now`, with its secret.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn enrollment(
        &self,
        owner: Owner,
        now: Timestamp,
    ) -> Result<Option<(Enrollment, SealedSecret)>> {
        let row = Entity::find()
            .filter(owned_by(owner))
            .filter(Column::ExpiresAt.gt(now.as_micros()))
            .one(&self.0)
            .await?;
        row.map(decode).transpose()
    }
}

impl Tx {
    /// A new enrollment in place of its owner's earlier one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn put_enrollment(
        &self,
        enrollment: &Enrollment,
        secret: SealedSecret,
        now: Timestamp,
    ) -> Result<()> {
        self.delete_enrollment(enrollment.owner, None).await?;
        let (sign_in_id, session_id) = row::owner_columns(enrollment.owner);
        let verified_step = match enrollment.state {
            State::Pending => None,
            State::Verified { step } => Some(step.number()),
        };
        let row = ActiveModel {
            portal_id: Set(enrollment.customer.portal.to_string()),
            customer_id: Set(enrollment.customer.customer.to_string()),
            id: Set(enrollment.id.as_uuid()),
            sign_in_id: Set(sign_in_id),
            session_id: Set(session_id),
            secret: Set(secret),
            algorithm: Set(row::totp_algorithm(enrollment.parameters).to_owned()),
            digits: Set(enrollment.parameters.digits().into()),
            period_seconds: Set(row::int(enrollment.parameters.period_seconds())),
            charges: Set(row::int(enrollment.charges)),
            failures: Set(row::int(enrollment.failures)),
            charged_at: Set(row::micros(enrollment.charged_at)),
            verified_step: Set(verified_step),
            created_at: Set(now.as_micros()),
            expires_at: Set(enrollment.expires_at.as_micros()),
        };
        Entity::insert(row).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Charges one code; false if the budget is spent, or no code is asked for.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn charge_enrollment(&self, id: EnrollmentId, now: Timestamp) -> Result<bool> {
        let updated = Entity::update_many()
            .col_expr(Column::Charges, Expr::col(Column::Charges).add(1))
            .col_expr(Column::ChargedAt, Expr::value(now.as_micros()))
            .filter(pending(id))
            .filter(Column::Charges.lt(row::int(MAX_FAILURES)))
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Judges one charged code wrong, if one is asked for still.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn fail_enrollment(&self, id: EnrollmentId) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
            .filter(pending(id))
            .exec(&self.0)
            .await?;
        Ok(())
    }

    /// Takes the right code's charge back and makes the enrollment verified;
    /// false if it is not pending any more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn verify_enrollment(&self, id: EnrollmentId, step: TimeStep) -> Result<bool> {
        let updated = Entity::update_many()
            .col_expr(Column::Charges, Expr::col(Column::Charges).sub(1))
            .col_expr(Column::VerifiedStep, Expr::value(step.number()))
            .filter(pending(id))
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Ends what `owner` is setting up, where `only` is given only if it is that;
    /// false if it is nothing.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_enrollment(
        &self,
        owner: Owner,
        only: Option<EnrollmentId>,
    ) -> Result<bool> {
        let these = owned_by(owner).add_option(only.map(|id| Column::Id.eq(id.as_uuid())));
        let deleted = Entity::delete_many().filter(these).exec(&self.0).await?;
        Ok(deleted.rows_affected == 1)
    }

    /// Ends every enrollment of a customer.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_enrollments(&self, key: &CustomerKey) -> Result<()> {
        Entity::delete_many()
            .filter(row::of_customer((Column::PortalId, Column::CustomerId), key))
            .exec(&self.0)
            .await?;
        Ok(())
    }
}

fn owned_by(owner: Owner) -> Condition {
    Condition::all().add(match owner {
        Owner::SignIn(id) => Column::SignInId.eq(id.as_uuid()),
        Owner::Session(id) => Column::SessionId.eq(id.as_uuid()),
    })
}

fn pending(id: EnrollmentId) -> Condition {
    Condition::all().add(Column::Id.eq(id.as_uuid())).add(Column::VerifiedStep.is_null())
}

fn decode(mut row: Model) -> Result<(Enrollment, SealedSecret)> {
    let secret = std::mem::take(&mut row.secret);
    let id = row.id;
    let enrollment = try_decode(&row).ok_or_else(|| corrupt("enrollment", &id))?;
    Ok((enrollment, secret))
}

fn try_decode(row: &Model) -> Option<Enrollment> {
    Some(Enrollment {
        id: EnrollmentId::from_uuid(row.id),
        customer: row::customer_key(&row.portal_id, &row.customer_id)?,
        owner: row::owner(row.sign_in_id, row.session_id)?,
        state: match row.verified_step {
            None => State::Pending,
            Some(step) => State::Verified { step: TimeStep::from_number(step) },
        },
        parameters: row::totp_parameters(&row.algorithm, row.digits, row.period_seconds)?,
        charges: row.charges.try_into().ok()?,
        failures: row.failures.try_into().ok()?,
        charged_at: row::times(row.charged_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
