//! API keys.

use gatehouse_domain::api_key::{
    AdminGrant, AdminRole, ApiKey, Grant, PortalAccess, PortalGrant, PortalScope, USE_RESOLUTION,
};
use gatehouse_domain::id::{ApiKeyId, PortalId};
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Digest;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::entity::api_key::{ActiveModel, Column, Entity, Model};
use crate::error::Result;
use crate::row;
use crate::store::{Queries, Store, Tx, corrupt};

/// How `portals/-` is stored.
const ALL_PORTALS: &str = "-";

impl<C: ConnectionTrait> Queries<C> {
    /// The key, live or not.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>> {
        Entity::find_by_id(id.as_uuid()).one(&self.0).await?.map(decode).transpose()
    }

    /// At most `limit` keys, live or not, oldest first, after `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn api_keys(&self, after: Option<ApiKeyId>, limit: u64) -> Result<Vec<ApiKey>> {
        let mut these = Condition::all();
        if let Some(after) = after {
            these = these.add(Column::Id.gt(after.as_uuid()));
        }
        let rows =
            Entity::find().filter(these).order_by_asc(Column::Id).limit(limit).all(&self.0).await?;
        rows.into_iter().map(decode).collect()
    }

    /// Whether a key that may make keys for every portal is live at `now`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn has_owner_key(&self, now: Timestamp) -> Result<bool> {
        let unexpired = Condition::any()
            .add(Column::ExpiresAt.is_null())
            .add(Column::ExpiresAt.gt(now.as_micros()));
        let owners = Entity::find()
            .filter(Column::AdminRole.eq(AdminRole::Owner.as_str()))
            .filter(Column::AdminPortals.eq(ALL_PORTALS))
            .filter(Column::RevokedAt.is_null())
            .filter(unexpired);
        Ok(owners.count(&self.0).await? > 0)
    }
}

impl Store {
    /// Writes that a key was used at `now`, unless another call has just done so, and
    /// keeps it under `digest` from then on: so it follows the primary key of the ring.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn touch_api_key(&self, id: ApiKeyId, digest: &Digest, now: Timestamp) -> Result<()> {
        let due = Condition::any()
            .add(Column::LastUsedAt.is_null())
            .add(Column::LastUsedAt.lte((now - USE_RESOLUTION).as_micros()));
        Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(now.as_micros()))
            .col_expr(Column::Digest, Expr::value(digest.as_bytes().to_vec()))
            .col_expr(Column::DigestKeyId, Expr::value(row::key_id(digest)))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(due)
            .exec(self.autocommit())
            .await?;
        Ok(())
    }
}

impl Tx {
    /// A new key.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn insert_api_key(&self, key: &ApiKey, digest: &Digest) -> Result<()> {
        let mut row = ActiveModel {
            id: Set(key.id.as_uuid()),
            digest: Set(digest.as_bytes().to_vec()),
            digest_key_id: Set(Some(row::key_id(digest))),
            display_name: Set(key.display_name.clone()),
            admin_role: Set(None),
            admin_portals: Set(None),
            portal_id: Set(None),
            portal_access: Set(None),
            created_at: Set(key.created_at.as_micros()),
            expires_at: Set(row::micros(key.expires_at)),
            last_used_at: Set(row::micros(key.last_used_at)),
            revoked_at: Set(row::micros(key.revoked_at)),
        };
        match &key.grant {
            Grant::Admin(grant) => {
                row.admin_role = Set(Some(grant.role.as_str().to_owned()));
                row.admin_portals = Set(Some(scope_words(&grant.scope)));
            }
            Grant::Portal(grant) => {
                row.portal_id = Set(Some(grant.portal.to_string()));
                row.portal_access = Set(Some(grant.access.as_str().to_owned()));
            }
        }
        Entity::insert(row).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Ends a key; false if it had been ended before.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn revoke_api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<bool> {
        let updated = Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(now.as_micros()))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::RevokedAt.is_null())
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Ends every key of a portal. They do not go with it: a portal made later
    /// under the same id must not be theirs.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn revoke_portal_keys(&self, portal: &PortalId, now: Timestamp) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(now.as_micros()))
            .filter(Column::PortalId.eq(portal.as_str()))
            .filter(Column::RevokedAt.is_null())
            .exec(&self.0)
            .await?;
        Ok(())
    }
}

fn scope_words(scope: &PortalScope) -> String {
    match scope {
        PortalScope::All => ALL_PORTALS.to_owned(),
        PortalScope::Some(portals) => {
            portals.iter().map(PortalId::as_str).collect::<Vec<_>>().join(",")
        }
    }
}

fn parse_scope(words: &str) -> Option<PortalScope> {
    if words == ALL_PORTALS {
        return Some(PortalScope::All);
    }
    words.split(',').map(|word| word.parse().ok()).collect::<Option<_>>().map(PortalScope::Some)
}

fn decode(row: Model) -> Result<ApiKey> {
    let id = row.id;
    try_decode(row).ok_or_else(|| corrupt("api_key", &id))
}

pub(crate) fn try_decode(row: Model) -> Option<ApiKey> {
    let grant = match (row.admin_role, row.admin_portals, row.portal_id, row.portal_access) {
        (Some(role), Some(scope), None, None) => Grant::Admin(AdminGrant {
            role: AdminRole::ALL.into_iter().find(|known| known.as_str() == role)?,
            scope: parse_scope(&scope)?,
        }),
        (None, None, Some(portal), Some(access)) => Grant::Portal(PortalGrant {
            portal: portal.parse().ok()?,
            access: PortalAccess::ALL.into_iter().find(|known| known.as_str() == access)?,
        }),
        _ => return None,
    };
    Some(ApiKey {
        id: ApiKeyId::from_uuid(row.id),
        display_name: row.display_name,
        grant,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: row::times(row.expires_at),
        last_used_at: row::times(row.last_used_at),
        revoked_at: row::times(row.revoked_at),
    })
}
