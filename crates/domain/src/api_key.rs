//! API keys: who calls, and what they may do.

use std::time::Duration;

use crate::id::{ApiKeyId, PortalId, name};
use crate::time::Timestamp;

/// A caller of this server, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it; at most 100 characters.
    pub display_name: String,
    /// What it may do.
    pub grant: Grant,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it is worth nothing, if that was decided.
    pub expires_at: Option<Timestamp>,
    /// When it last called, up to a minute late.
    pub last_used_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// How far behind the last use of a key may be.
pub const USE_RESOLUTION: Duration = Duration::from_mins(1);

impl ApiKey {
    /// Whether a use at `now` has to be written: once a minute.
    #[must_use]
    pub fn use_is_due(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| now.since(last) >= USE_RESOLUTION)
    }

    /// Whether calls with it are accepted at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// May call AdminService.
    Admin(AdminGrant),
    /// May call PortalAuthService for one portal.
    Portal(PortalGrant),
}

impl Grant {
    /// The portal of a portal's key.
    #[must_use]
    pub const fn portal(&self) -> Option<&PortalId> {
        match self {
            Self::Admin(_) => None,
            Self::Portal(grant) => Some(&grant.portal),
        }
    }
}

/// What an administrator's key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminGrant {
    /// Which methods.
    pub role: AdminRole,
    /// On which portals.
    pub scope: PortalScope,
}

/// What a portal's key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalGrant {
    /// Its portal.
    pub portal: PortalId,
    /// Which methods.
    pub access: PortalAccess,
}

/// Roles, each with all that the ones before it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// Every Get, List and Watch.
    Viewer,
    /// Customers, sessions, invitations, resets.
    Support,
    /// Portals and their settings.
    Admin,
    /// API keys.
    Owner,
}

impl AdminRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Support, Self::Admin, Self::Owner];

    /// Its word in the database and in audit events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// What a portal's key may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortalAccess {
    /// ValidateSession alone.
    Validate,
    /// All of PortalAuthService.
    Full,
}

impl PortalAccess {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Validate, Self::Full];

    /// Its word in the database and in audit events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Full => "full",
        }
    }
}

/// The portals an administrator's key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortalScope {
    /// `portals/-`: all there are and will be.
    All,
    /// These; sorted, at least one.
    Some(Vec<PortalId>),
}

impl PortalScope {
    /// Its portals' names; for all of them `portals/-`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::All => vec![name::ALL_PORTALS.to_owned()],
            Self::Some(portals) => portals.iter().map(name::portal).collect(),
        }
    }

    /// Whether `portal` is within it.
    #[must_use]
    pub fn contains(&self, portal: &PortalId) -> bool {
        match self {
            Self::All => true,
            Self::Some(portals) => portals.contains(portal),
        }
    }

    /// Whether all of `other` is within it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Some(_), Self::All) => false,
            (Self::Some(_), Self::Some(portals)) => portals.iter().all(|p| self.contains(p)),
        }
    }
}

impl AdminGrant {
    /// Whether `other` gives nothing that this does not: a key makes and ends
    /// no key wider than itself.
    #[must_use]
    pub fn covers(&self, other: &Grant) -> bool {
        match other {
            Grant::Admin(grant) => self.role >= grant.role && self.scope.covers(&grant.scope),
            Grant::Portal(grant) => self.scope.contains(&grant.portal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal(id: &str) -> PortalId {
        id.parse().unwrap()
    }

    fn admin(role: AdminRole, scope: PortalScope) -> AdminGrant {
        AdminGrant { role, scope }
    }

    #[test]
    fn a_grant_covers_what_is_no_wider_than_itself() {
        let acme = || PortalScope::Some(vec![portal("acme")]);
        let both = || PortalScope::Some(vec![portal("acme"), portal("beta")]);
        let owner = admin(AdminRole::Owner, acme());
        let key = |portal| Grant::Portal(PortalGrant { portal, access: PortalAccess::Full });

        assert!(owner.covers(&Grant::Admin(admin(AdminRole::Owner, acme()))));
        assert!(!owner.covers(&Grant::Admin(admin(AdminRole::Viewer, both()))));
        assert!(!owner.covers(&Grant::Admin(admin(AdminRole::Viewer, PortalScope::All))));
        assert!(owner.covers(&key(portal("acme"))));
        assert!(!owner.covers(&key(portal("beta"))));
        let viewer = admin(AdminRole::Viewer, PortalScope::All);
        assert!(!viewer.covers(&Grant::Admin(admin(AdminRole::Support, acme()))));
    }

    #[test]
    fn a_scope_is_told_by_the_names_of_its_portals() {
        assert_eq!(PortalScope::All.names(), ["portals/-"]);
        let both = PortalScope::Some(vec![portal("acme"), portal("beta")]);
        assert_eq!(both.names(), ["portals/acme", "portals/beta"]);
    }

    /// They are stored: a key under another word is one that nobody can read.
    #[test]
    fn roles_and_accesses_keep_their_words() {
        let roles = AdminRole::ALL.map(AdminRole::as_str);
        assert_eq!(roles, ["viewer", "support", "admin", "owner"]);
        assert_eq!(PortalAccess::ALL.map(PortalAccess::as_str), ["validate", "full"]);
    }

    #[test]
    fn a_key_is_dead_from_its_end_on_and_its_use_written_once_a_minute() {
        let end = Timestamp::from_seconds(10);
        let mut key = ApiKey {
            id: ApiKeyId::from_uuid(uuid::Uuid::nil()),
            display_name: String::new(),
            grant: Grant::Admin(admin(AdminRole::Owner, PortalScope::All)),
            created_at: Timestamp::EPOCH,
            expires_at: Some(end),
            last_used_at: None,
            revoked_at: None,
        };
        assert!(key.is_live(Timestamp::from_micros(end.as_micros() - 1)));
        assert!(!key.is_live(end));
        key.expires_at = None;
        key.revoked_at = Some(Timestamp::EPOCH);
        assert!(!key.is_live(Timestamp::EPOCH));
        assert!(key.use_is_due(end), "never used");
        key.last_used_at = Some(end);
        assert!(!key.use_is_due(end + Duration::from_secs(59)));
        assert!(key.use_is_due(end + USE_RESOLUTION));
    }
}
