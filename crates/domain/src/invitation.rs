//! Invitations: one-time rights to set a customer's password, the first or a
//! forgotten one.

use std::time::Duration;

use crate::id::{CustomerKey, InvitationId};
use crate::time::Timestamp;

/// From its making until its end, if none of the customer's is used before.
pub const LIFETIME: Duration = Duration::from_hours(24);

/// A right to set a customer's password. The token is not kept, only a digest
/// of it. It is there as long as it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Whose password.
    pub customer: CustomerKey,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends unused.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// A new one.
    #[must_use]
    pub fn new(id: InvitationId, customer: CustomerKey, now: Timestamp) -> Self {
        Self { id, customer, created_at: now, expires_at: now + LIFETIME }
    }
}
