//! Who calls, and whether they may: decided before a field is read.

mod layer;
mod rules;

use std::net::SocketAddr;
use std::sync::Arc;

use gatehouse_domain::api_key::{AdminGrant, AdminRole, ApiKey, Grant, PortalGrant, PortalScope};
use gatehouse_domain::audit;
use gatehouse_domain::id::PortalId;

pub use layer::AuthorizationLayer;
pub use rules::{Rule, rule};

use crate::error::AppError;

/// An authorized caller. In the extensions of every request that reaches a
/// handler of ours.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

#[derive(Debug)]
struct Identity {
    key: ApiKey,
    claimed_actor: String,
    address: Option<SocketAddr>,
    request_id: String,
}

impl Caller {
    /// The caller of `request`.
    ///
    /// # Errors
    /// [`AppError::ApiKeyInvalid`] for a request that was never authorized.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, AppError> {
        request.extensions().get::<Self>().cloned().ok_or(AppError::ApiKeyInvalid)
    }

    /// The portal that the key is for.
    ///
    /// # Errors
    /// [`AppError::ApiKeyScope`] for an administrator's key.
    pub fn portal(&self) -> Result<&PortalId, AppError> {
        match &self.0.key.grant {
            Grant::Portal(PortalGrant { portal, .. }) => Ok(portal),
            Grant::Admin(_) => Err(AppError::ApiKeyScope),
        }
    }

    /// What an administrator's key may do.
    ///
    /// # Errors
    /// [`AppError::ApiKeyScope`] for a portal's key.
    pub fn admin(&self) -> Result<&AdminGrant, AppError> {
        match &self.0.key.grant {
            Grant::Admin(grant) => Ok(grant),
            Grant::Portal(_) => Err(AppError::ApiKeyScope),
        }
    }

    /// Lets an administrator's key pass that is for `portal`, there or not.
    ///
    /// # Errors
    /// [`AppError::ApiKeyScope`] for any other.
    pub fn require_portal(&self, portal: &PortalId) -> Result<(), AppError> {
        let within = self.admin()?.scope.contains(portal);
        if within { Ok(()) } else { Err(AppError::ApiKeyScope) }
    }

    /// Lets an administrator's key pass that has at least this role: for what
    /// is more than its method always is.
    ///
    /// # Errors
    /// [`AppError::ApiKeyScope`] for any other.
    pub fn require_role(&self, least: AdminRole) -> Result<(), AppError> {
        if self.admin()?.role >= least { Ok(()) } else { Err(AppError::ApiKeyScope) }
    }

    /// Lets an administrator's key pass that is for every portal.
    ///
    /// # Errors
    /// [`AppError::ApiKeyScope`] for any other.
    pub fn require_all_portals(&self) -> Result<(), AppError> {
        match self.admin()?.scope {
            PortalScope::All => Ok(()),
            PortalScope::Some(_) => Err(AppError::ApiKeyScope),
        }
    }

    /// Lets an administrator's key pass that gives all that `grant` gives.
    ///
    /// # Errors
    /// [`AppError::ApiKeyScope`] for any other.
    pub fn require_grant(&self, grant: &Grant) -> Result<(), AppError> {
        let within = self.admin()?.covers(grant);
        if within { Ok(()) } else { Err(AppError::ApiKeyScope) }
    }

    /// The caller as the audit trail tells of it.
    #[must_use]
    pub fn audited(&self) -> audit::Caller {
        let identity = &*self.0;
        audit::Caller {
            api_key: Some((identity.key.id, identity.key.display_name.clone())),
            claimed_actor: identity.claimed_actor.clone(),
            address: identity.address,
            request_id: identity.request_id.clone(),
        }
    }
}
