//! Who calls, and whether they may: decided before a field is read.

mod layer;
mod lookups;
mod peek;
mod refusals;
mod rules;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use gatehouse_domain::api_key::{AdminGrant, AdminRole, ApiKey, Grant, PortalScope};
use gatehouse_domain::audit;
use gatehouse_domain::id::{ApiKeyId, PortalId};
use gatehouse_domain::portal::Portal;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::vault::Token;
use gatehouse_persistence::HeldSession;

pub use layer::{AuthorizationLayer, Peer};
pub use lookups::Lookups;
pub use rules::{Rule, rule};

use crate::error::AppError;

/// An authorized caller. In the extensions of every request that reaches a
/// handler of ours.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

#[derive(Debug)]
struct Identity {
    key: Arc<ApiKey>,
    /// What it was presented as, to be looked up again.
    token: Token,
    /// Of a portal's key, as it was read with it.
    portal: Option<Arc<Portal>>,
    /// The session that the call asks about, where it was read with the key.
    session: Option<Asked>,
    claimed_actor: String,
    address: Option<SocketAddr>,
    request_id: String,
    /// What the call turned out to be about, for the audit trail.
    asked_portal: OnceLock<PortalId>,
    is_preview: AtomicBool,
}

/// A session that was looked up by its token.
#[derive(Debug)]
struct Asked {
    token: Token,
    found: Option<HeldSession>,
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
    pub fn portal(&self) -> Result<&Arc<Portal>, AppError> {
        self.0.portal.as_ref().ok_or(AppError::ApiKeyScope)
    }

    /// Which portal the key is for, unless it is an administrator's.
    #[must_use]
    pub fn portal_id(&self) -> Option<&PortalId> {
        self.0.key.grant.portal()
    }

    /// The session of the portal that `token` is of, live or not, where it was looked up
    /// with the key; whether there is one.
    #[must_use]
    pub fn session(&self, token: &Token) -> Option<Option<HeldSession>> {
        let asked = self.0.session.as_ref()?;
        (asked.token.expose() == token.expose()).then(|| asked.found.clone())
    }

    /// Which key it is.
    #[must_use]
    pub fn key_id(&self) -> ApiKeyId {
        self.0.key.id
    }

    /// Lets the key pass for as long as it was made for, as far as that was known when it
    /// was read.
    ///
    /// # Errors
    /// [`AppError::ApiKeyInvalid`] once it has expired.
    pub fn require_unexpired(&self, now: Timestamp) -> Result<(), AppError> {
        if self.0.key.is_live(now) { Ok(()) } else { Err(AppError::ApiKeyInvalid) }
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
        if !self.admin()?.scope.contains(portal) {
            return Err(AppError::ApiKeyScope);
        }
        let _ = self.0.asked_portal.set(portal.clone());
        Ok(())
    }

    /// Says that the call asks what a change would mean, and makes none: whatever
    /// it is told is no refusal for the audit trail.
    pub fn only_previews(&self) {
        self.0.is_preview.store(true, Ordering::Relaxed);
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

    /// The portal that the call is about, where that is known: the one that it was
    /// let pass for, or the only one that its key is for.
    fn asked_portal(&self) -> Option<&PortalId> {
        self.0.asked_portal.get().or_else(|| match &self.0.key.grant {
            Grant::Portal(grant) => Some(&grant.portal),
            Grant::Admin(AdminGrant { scope: PortalScope::Some(portals), .. }) => {
                if let [only] = portals.as_slice() { Some(only) } else { None }
            }
            Grant::Admin(_) => None,
        })
    }

    fn is_preview(&self) -> bool {
        self.0.is_preview.load(Ordering::Relaxed)
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
