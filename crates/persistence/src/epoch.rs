//! After an old backup was restored: what must not come back with it.

use gatehouse_domain::session::SessionEnd;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::TimeStep;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::entity::{backup_code, enrollment, factor, invitation, session, sign_in};
use crate::error::Result;
use crate::store::{Tx, corrupt};

/// How much was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndedEpoch {
    /// Sessions.
    pub sessions: u64,
    /// Sign-ins under way.
    pub sign_ins: u64,
    /// Enrollments and invitations.
    pub pending: u64,
    /// Factors whose codes up to now are spent.
    pub factors: u64,
    /// Backup codes that had not been used when the backup was made.
    pub backup_codes: u64,
}

impl Tx {
    /// Ends whatever may have been used up since the backup was made: sessions,
    /// sign-ins, enrollments, invitations, time steps up to the one after `now`, and
    /// backup codes if `end_backup_codes`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn end_epoch(&self, now: Timestamp, end_backup_codes: bool) -> Result<EndedEpoch> {
        self.lift_statement_limit().await?;
        let sessions = {
            use session::{Column, Entity};
            Entity::update_many()
                .col_expr(Column::EndedAt, Expr::value(now.as_micros()))
                .col_expr(Column::EndReason, Expr::value(SessionEnd::Revoked.as_str()))
                .filter(Column::EndedAt.is_null())
                .exec(&self.0)
                .await?
        };
        let sign_ins = {
            use sign_in::{Column, Entity};
            Entity::update_many()
                .col_expr(Column::EndedAt, Expr::value(now.as_micros()))
                .filter(Column::EndedAt.is_null())
                .exec(&self.0)
                .await?
        };
        let enrollments = enrollment::Entity::delete_many().exec(&self.0).await?;
        let invitations = invitation::Entity::delete_many().exec(&self.0).await?;
        let mut ended = EndedEpoch {
            sessions: sessions.rows_affected,
            sign_ins: sign_ins.rows_affected,
            pending: enrollments.rows_affected + invitations.rows_affected,
            factors: self.spend_time_steps(now).await?,
            backup_codes: 0,
        };
        if end_backup_codes {
            use backup_code::{Column, Entity};
            let used = Entity::update_many()
                .col_expr(Column::UsedAt, Expr::value(now.as_micros()))
                .filter(Column::UsedAt.is_null())
                .exec(&self.0)
                .await?;
            ended.backup_codes = used.rows_affected;
        }
        Ok(ended)
    }

    /// Spends the codes of every factor up to the step after `now`, which a server
    /// accepts already.
    async fn spend_time_steps(&self, now: Timestamp) -> Result<u64> {
        use factor::{Column, Entity};

        let periods = Entity::find().select_only().column(Column::PeriodSeconds).distinct();
        let mut spent = 0;
        for period in periods.into_tuple::<i32>().all(&self.0).await? {
            let seconds = u32::try_from(period).map_err(|_| corrupt("factor", &"(period)"))?;
            let last = TimeStep::last_acceptable(now, seconds).number();
            let moved = Entity::update_many()
                .col_expr(Column::AcceptedStep, Expr::value(last))
                .filter(Column::PeriodSeconds.eq(period))
                .filter(Column::AcceptedStep.lt(last))
                .exec(&self.0)
                .await?;
            spent += moved.rows_affected;
        }
        Ok(spent)
    }
}
