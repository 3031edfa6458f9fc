//! Invitations. A row is there as long as it may be used.

use gatehouse_domain::id::{CustomerKey, InvitationId, PortalId};
use gatehouse_domain::invitation::Invitation;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::entity::invitation::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Tx, corrupt};

impl<C: ConnectionTrait> Queries<C> {
    /// The live invitation of `portal` that has one of these token digests.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation(
        &self,
        portal: &PortalId,
        digests: &[Digest],
        now: Timestamp,
    ) -> Result<Option<Invitation>> {
        let row = Entity::find()
            .filter(Column::TokenDigest.is_in(digests.iter().map(Digest::as_bytes)))
            .filter(Column::PortalId.eq(portal.as_str()))
            .filter(Column::ExpiresAt.gt(now.as_micros()))
            .one(&self.0)
            .await?;
        row.as_ref().map(decode).transpose()
    }
}

impl Tx {
    /// A new invitation, beside earlier ones.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_invitation(&self, invitation: &Invitation, digest: &Digest) -> Result<()> {
        let row = ActiveModel {
            portal_id: Set(invitation.customer.portal.to_string()),
            customer_id: Set(invitation.customer.customer.to_string()),
            id: Set(invitation.id.as_uuid()),
            token_digest: Set(digest.as_bytes().to_vec()),
            digest_key_id: Set(Some(row::key_id(digest))),
            created_at: Set(invitation.created_at.as_micros()),
            expires_at: Set(invitation.expires_at.as_micros()),
        };
        Entity::insert(row).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Uses an invitation up; false if it has ended before. Single use is this
    /// statement alone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn consume_invitation(&self, id: InvitationId, now: Timestamp) -> Result<bool> {
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::ExpiresAt.gt(now.as_micros()))
            .exec(&self.0)
            .await?;
        Ok(deleted.rows_affected == 1)
    }

    /// Ends every invitation of a customer.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn end_invitations(&self, key: &CustomerKey) -> Result<()> {
        Entity::delete_many()
            .filter(row::of_customer((Column::PortalId, Column::CustomerId), key))
            .exec(&self.0)
            .await?;
        Ok(())
    }
}

fn decode(row: &Model) -> Result<Invitation> {
    try_decode(row).ok_or_else(|| corrupt("invitation", &row.id))
}

fn try_decode(row: &Model) -> Option<Invitation> {
    Some(Invitation {
        id: InvitationId::from_uuid(row.id),
        customer: row::customer_key(&row.portal_id, &row.customer_id)?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
