//! Portals.

use std::time::Duration;

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::id::PortalId;
use gatehouse_domain::portal::{
    LockoutPolicy, MfaPolicy, Portal, PortalSettings, SamlConfig, SessionPolicy,
};
use gatehouse_domain::session::Limits;
use gatehouse_domain::time::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, NotSet, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
};

use crate::entity::portal::{ActiveModel, Column, Entity, Model};
use crate::entity::{customer, factor, session};
use crate::error::Result;
use crate::row;
use crate::sessions::list::live_session;
use crate::store::{Queries, Tx, corrupt};

/// Counts of a portal's customers under a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortalCounts {
    /// All customers.
    pub customers: u64,
    /// Those with a factor in force.
    pub customers_with_factor: u64,
    /// Live sessions without a second factor.
    pub password_sessions: u64,
}

impl<C: ConnectionTrait> Queries<C> {
    /// The portal, if there is one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn portal(&self, id: &PortalId) -> Result<Option<Portal>> {
        Entity::find_by_id(id.as_str()).one(&self.0).await?.map(decode).transpose()
    }

    /// At most `limit` portals of `scope`, ordered by id, after `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn portals(
        &self,
        scope: &PortalScope,
        after: Option<&PortalId>,
        limit: u64,
    ) -> Result<Vec<Portal>> {
        let mut these = Condition::all();
        if let PortalScope::Some(portals) = scope {
            these = these.add(Column::Id.is_in(portals.iter().map(PortalId::as_str)));
        }
        if let Some(after) = after {
            these = these.add(Column::Id.gt(after.as_str()));
        }
        let rows =
            Entity::find().filter(these).order_by_asc(Column::Id).limit(limit).all(&self.0).await?;
        rows.into_iter().map(decode).collect()
    }

    /// How many customers a portal has.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn count_customers(&self, portal: &PortalId) -> Result<u64> {
        let customers = customer::Entity::find();
        let these = customers.filter(customer::Column::PortalId.eq(portal.as_str()));
        Ok(these.count(&self.0).await?)
    }

    /// What there is in a portal, sessions counted as live under `settings`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn portal_counts(
        &self,
        portal: &PortalId,
        settings: &PortalSettings,
        now: Timestamp,
    ) -> Result<PortalCounts> {
        let customers = self.count_customers(portal).await?;
        let portal = portal.as_str();
        let factors = factor::Entity::find().filter(factor::Column::PortalId.eq(portal));
        let sessions = session::Entity::find()
            .filter(session::Column::PortalId.eq(portal))
            .filter(session::Column::SecondFactorAt.is_null())
            .filter(live_session(&Limits::from(&settings.session), now));
        Ok(PortalCounts {
            customers,
            customers_with_factor: factors.count(&self.0).await?,
            password_sessions: sessions.count(&self.0).await?,
        })
    }
}

impl Tx {
    /// The portal, which cannot change until this transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn lock_portal_shared(&self, id: &PortalId) -> Result<Option<Portal>> {
        let row = Entity::find_by_id(id.as_str()).lock_shared().one(&self.0).await?;
        row.map(decode).transpose()
    }

    /// The portal, which no other transaction can change or rely on until this
    /// one ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn lock_portal(&self, id: &PortalId) -> Result<Option<Portal>> {
        let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(&self.0).await?;
        row.map(decode).transpose()
    }

    /// A new portal.
    ///
    /// # Errors
    /// [`crate::StoreError::Duplicate`] if the id is taken.
    pub async fn insert_portal(&self, portal: &Portal) -> Result<()> {
        Entity::insert(encode(portal)).exec_without_returning(&self.0).await?;
        Ok(())
    }

    /// Writes a portal that was changed from the revision before its own; false
    /// if it is not at that revision any more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn update_portal(&self, portal: &Portal) -> Result<bool> {
        let row = ActiveModel { id: NotSet, ..encode(portal).reset_all() };
        let updated = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(portal.id.as_str()))
            .filter(Column::Revision.eq(portal.revision - 1))
            .exec(&self.0)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Deletes a portal with all its customers and all that belongs to them, however
    /// long that takes.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn delete_portal(&self, id: &PortalId) -> Result<()> {
        self.lift_statement_limit().await?;
        Entity::delete_by_id(id.as_str()).exec(&self.0).await?;
        Ok(())
    }
}

fn encode(portal: &Portal) -> ActiveModel {
    let settings = &portal.settings;
    let saml = settings.saml.clone();
    let (max_failures, lock_duration) = settings.lockout.configured();
    let (idle, lifetime, window) = settings.session.configured();
    ActiveModel {
        id: Set(portal.id.to_string()),
        display_name: Set(settings.display_name.clone()),
        mfa_enforced: Set(settings.mfa.enforced),
        mfa_enforced_from_at: Set(row::micros(settings.mfa.enforced_from)),
        issuer: Set(settings.mfa.issuer.clone()),
        totp_skew_steps: Set(settings.mfa.totp_skew_steps.map(i32::from)),
        saml_idp_entity_id: Set(saml.as_ref().map(|saml| saml.idp_entity_id.clone())),
        saml_sso_url: Set(saml.as_ref().map(|saml| saml.sso_url.clone())),
        saml_idp_certificate: Set(saml.map(|saml| saml.idp_certificate)),
        password_min_length: Set(settings.password_min_length.map(i32::from)),
        lockout_max_failures: Set(max_failures.map(i32::from)),
        lockout_duration: Set(lock_duration.map(row::duration_micros)),
        session_idle_timeout: Set(idle.map(row::duration_micros)),
        session_max_lifetime: Set(lifetime.map(row::duration_micros)),
        reauthentication_window: Set(window.map(row::duration_micros)),
        created_at: Set(portal.created_at.as_micros()),
        updated_at: Set(portal.updated_at.as_micros()),
        revision: Set(portal.revision),
    }
}

fn decode(model: Model) -> Result<Portal> {
    let id = model.id.clone();
    try_decode(model).ok_or_else(|| corrupt("portal", &id))
}

pub(crate) fn try_decode(model: Model) -> Option<Portal> {
    let small = |value: Option<i32>| row::optional(value, |value| u8::try_from(value).ok());
    let span =
        |value: Option<i64>| -> Option<Option<Duration>> { row::optional(value, row::duration) };
    let saml = match (model.saml_idp_entity_id, model.saml_sso_url, model.saml_idp_certificate) {
        (Some(idp_entity_id), Some(sso_url), Some(idp_certificate)) => {
            Some(SamlConfig { idp_entity_id, sso_url, idp_certificate })
        }
        (None, None, None) => None,
        _ => return None,
    };
    let settings = PortalSettings {
        display_name: model.display_name,
        mfa: MfaPolicy {
            enforced: model.mfa_enforced,
            enforced_from: row::times(model.mfa_enforced_from_at),
            issuer: model.issuer,
            totp_skew_steps: small(model.totp_skew_steps)?,
        },
        saml,
        password_min_length: small(model.password_min_length)?,
        lockout: LockoutPolicy::new(
            small(model.lockout_max_failures)?,
            span(model.lockout_duration)?,
        )
        .ok()?,
        session: SessionPolicy::new(
            span(model.session_idle_timeout)?,
            span(model.session_max_lifetime)?,
            span(model.reauthentication_window)?,
        )
        .ok()?,
    };
    Some(Portal {
        id: model.id.parse().ok()?,
        settings,
        created_at: Timestamp::from_micros(model.created_at),
        updated_at: Timestamp::from_micros(model.updated_at),
        revision: model.revision,
    })
}
