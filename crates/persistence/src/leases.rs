//! Leases: what only one server at a time should do.

use std::time::Duration;

use gatehouse_domain::id::ServerId;
use gatehouse_domain::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{EntityTrait, Set};

use crate::entity::lease::{ActiveModel, Column, Entity};
use crate::error::Result;
use crate::store::Tx;

/// What only one server at a time should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Numbering audit events.
    Audit,
    /// Removing what has expired.
    Housekeeping,
    /// Removing audit events that are older than they are kept.
    Retention,
    /// Sealing anew what is sealed under a key that is not the primary one.
    Resealing,
    /// Counting who is protected by what, for metrics.
    Posture,
}

/// By how much longer than anybody takes one a lease may seem to last.
const LONGEST: Duration = Duration::from_hours(24);

impl Lease {
    const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Housekeeping => "housekeeping",
            Self::Retention => "retention",
            Self::Resealing => "resealing",
            Self::Posture => "posture",
        }
    }
}

impl Tx {
    /// Takes a lease that nobody holds at `now`, or extends one that `holder` has;
    /// false if another has it. Until this transaction ends nobody else gets it,
    /// whatever their clock says.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn take_lease(
        &self,
        lease: Lease,
        holder: ServerId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool> {
        let row = ActiveModel {
            name: Set(lease.name().to_owned()),
            holder: Set(holder.as_uuid()),
            expires_at: Set(expires_at.as_micros()),
        };
        let own = Expr::col((Entity, Column::Holder)).eq(holder.as_uuid());
        let expired = Expr::col((Entity, Column::ExpiresAt)).lte(now.as_micros());
        // Its holder's clock was wrong: work must not wait until it is right.
        let longest = expires_at + LONGEST;
        let absurd = Expr::col((Entity, Column::ExpiresAt)).gt(longest.as_micros());
        let take = OnConflict::column(Column::Name)
            .update_columns([Column::Holder, Column::ExpiresAt])
            .action_and_where(own.or(expired).or(absurd))
            .to_owned();
        let taken = Entity::insert(row).on_conflict(take).exec_without_returning(&self.0).await?;
        Ok(taken == 1)
    }
}
