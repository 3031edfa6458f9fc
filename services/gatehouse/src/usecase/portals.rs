//! Portals and their policies.

use gatehouse_domain::api_key::PortalScope;
use gatehouse_domain::audit::EventType;
use gatehouse_domain::field::FieldViolation;
use gatehouse_domain::id::{PortalId, name};
use gatehouse_domain::portal::{Portal, PortalSettings};
use gatehouse_domain::session::{Limits, SessionEnd};
use gatehouse_persistence::{PortalCounts, StoreError};

use super::retry::retry;
use super::{Call, about_portal, check_etag};
use crate::app::App;
use crate::error::AppError;

/// A change of settings.
pub struct PortalChange<E> {
    /// Which portal.
    pub id: PortalId,
    /// Makes the new settings of the present ones.
    pub edit: E,
    /// What the etag has to be, if the caller said so.
    pub etag: Option<String>,
    /// Check and answer, but change nothing.
    pub validate_only: bool,
    /// Also end live sessions that are weaker than the new policy asks.
    pub end_weaker_sessions: bool,
    /// What was named, for the audit trail.
    pub paths: String,
}

/// What a policy means for a portal's customers; announced enforcement counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyImpact {
    /// All customers.
    pub customers: u64,
    /// Those with a factor in force.
    pub customers_with_factor: u64,
    /// Those who would have to set one up at their next sign-in.
    pub customers_to_enroll: u64,
    /// Live sessions weaker than the policy asks.
    pub weaker_sessions: u64,
}

/// Makes a portal.
///
/// # Errors
/// [`AppError::ResourceExists`], [`AppError::MfaEnforcementSamlConflict`].
pub async fn create(
    app: &App,
    call: &Call,
    id: PortalId,
    settings: PortalSettings,
) -> Result<Portal, AppError> {
    check(&id, &settings)?;
    let portal = Portal { id, settings, created_at: call.now, updated_at: call.now, revision: 1 };
    retry(app, || insert(app, call, &portal)).await?;
    Ok(portal)
}

async fn insert(app: &App, call: &Call, portal: &Portal) -> Result<(), AppError> {
    let tx = app.store.begin().await?;
    tx.insert_portal(portal).await.map_err(|error| match error {
        StoreError::Duplicate => AppError::ResourceExists {
            name: name::portal(&portal.id),
            fields: vec![FieldViolation::new("portal_id", "is taken")],
        },
        error => error.into(),
    })?;
    let mut event = call.event(app, EventType::PortalCreated, about_portal(&portal.id));
    event.attributes = vec![("mfa_enforced", portal.settings.mfa.enforced.to_string())];
    tx.record(&event).await?;
    Ok(tx.commit().await?)
}

/// One portal.
///
/// # Errors
/// [`AppError::ResourceNotFound`].
pub async fn get(app: &App, id: &PortalId) -> Result<Portal, AppError> {
    app.store.read().portal(id).await?.ok_or_else(|| not_found(id))
}

/// At most `limit` portals of `scope` after `after`.
///
/// # Errors
/// [`AppError::StoreUnavailable`].
pub async fn list(
    app: &App,
    scope: &PortalScope,
    after: Option<&PortalId>,
    limit: u64,
) -> Result<Vec<Portal>, AppError> {
    Ok(app.store.read().portals(scope, after, limit).await?)
}

/// Changes settings, or shows what the change would mean.
///
/// # Errors
/// [`AppError::ResourceNotFound`], [`AppError::EtagMismatch`],
/// [`AppError::MfaEnforcementSamlConflict`], and what `edit` refuses.
pub async fn update<E>(
    app: &App,
    call: &Call,
    change: &PortalChange<E>,
) -> Result<(Portal, PolicyImpact), AppError>
where
    E: Fn(&Portal) -> Result<PortalSettings, AppError> + Send + Sync,
{
    retry(app, || try_update(app, call, change)).await
}

async fn try_update<E>(
    app: &App,
    call: &Call,
    change: &PortalChange<E>,
) -> Result<(Portal, PolicyImpact), AppError>
where
    E: Fn(&Portal) -> Result<PortalSettings, AppError> + Send + Sync,
{
    let tx = app.store.begin().await?;
    let Some(mut portal) = tx.lock_portal(&change.id).await? else {
        return Err(not_found(&change.id));
    };
    check_etag(change.etag.as_deref(), &portal.etag())?;
    portal.settings = (change.edit)(&portal)?;
    check(&portal.id, &portal.settings)?;

    let counts = tx.portal_counts(&portal.id, &portal.settings, call.now).await?;
    let impact = impact(&portal.settings, counts);
    if change.validate_only {
        return Ok((portal, impact));
    }
    portal.updated_at = call.now;
    portal.revision += 1;
    if !tx.update_portal(&portal).await? {
        return Err(AppError::EtagMismatch);
    }
    let mut ended = 0;
    if change.end_weaker_sessions && portal.settings.enforces_mfa(call.now) {
        let limits = Limits::from(&portal.settings.session);
        ended =
            tx.end_password_sessions(&portal.id, SessionEnd::Revoked, &limits, call.now).await?;
    }
    let mut event = call.event(app, EventType::PortalUpdated, about_portal(&portal.id));
    event.attributes = vec![
        ("paths", change.paths.clone()),
        ("mfa_enforced", portal.settings.mfa.enforced.to_string()),
        ("sessions_ended", ended.to_string()),
    ];
    tx.record(&event).await?;
    tx.commit().await?;
    Ok((portal, impact))
}

/// Deletes a portal, which by `force` may have customers, and ends its keys.
///
/// # Errors
/// [`AppError::ResourceNotFound`], [`AppError::EtagMismatch`],
/// [`AppError::PortalNotEmpty`].
pub async fn delete(
    app: &App,
    call: &Call,
    id: &PortalId,
    etag: Option<&str>,
    force: bool,
) -> Result<(), AppError> {
    retry(app, || try_delete(app, call, id, etag, force)).await
}

async fn try_delete(
    app: &App,
    call: &Call,
    id: &PortalId,
    etag: Option<&str>,
    force: bool,
) -> Result<(), AppError> {
    let tx = app.store.begin().await?;
    let portal = tx.lock_portal(id).await?.ok_or_else(|| not_found(id))?;
    check_etag(etag, &portal.etag())?;
    let customers = tx.count_customers(id).await?;
    if customers > 0 && !force {
        return Err(AppError::PortalNotEmpty);
    }
    tx.revoke_portal_keys(id, call.now).await?;
    tx.delete_portal(id).await?;
    let mut event = call.event(app, EventType::PortalDeleted, about_portal(id));
    event.attributes = vec![("customers", customers.to_string())];
    tx.record(&event).await?;
    Ok(tx.commit().await?)
}

fn check(id: &PortalId, settings: &PortalSettings) -> Result<(), AppError> {
    settings.check().map_err(|_| AppError::MfaEnforcementSamlConflict { portal: name::portal(id) })
}

fn impact(settings: &PortalSettings, counts: PortalCounts) -> PolicyImpact {
    let PortalCounts { customers, customers_with_factor, password_sessions } = counts;
    let enforced = settings.mfa.enforced;
    PolicyImpact {
        customers,
        customers_with_factor,
        customers_to_enroll: if enforced {
            customers.saturating_sub(customers_with_factor)
        } else {
            0
        },
        weaker_sessions: if enforced { password_sessions } else { 0 },
    }
}

pub(super) fn not_found(id: &PortalId) -> AppError {
    AppError::ResourceNotFound { name: name::portal(id) }
}
