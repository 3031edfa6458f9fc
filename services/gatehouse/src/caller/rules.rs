//! What each method asks of a key. A method that is not here is refused.

use gatehouse_domain::api_key::{AdminRole, Grant, PortalAccess};

use AdminRole::{Admin, Owner, Support, Viewer};
use PortalAccess::{Full, Validate};

/// The least that a method asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An administrator's key of at least this role.
    Admin(AdminRole),
    /// A portal's key of at least this access.
    Portal(PortalAccess),
}

impl Rule {
    /// Whether a key with `grant` may call the method at all. On which portal
    /// is the handler's to check, once it knows the fields.
    #[must_use]
    pub fn allows(self, grant: &Grant) -> bool {
        match (self, grant) {
            (Self::Admin(least), Grant::Admin(grant)) => grant.role >= least,
            (Self::Portal(least), Grant::Portal(grant)) => grant.access >= least,
            _ => false,
        }
    }
}

const ADMIN_SERVICE: &str = "/gatehouse.v1.AdminService/";
const PORTAL_AUTH_SERVICE: &str = "/gatehouse.v1.PortalAuthService/";
/// ValidateSession, as Envoy asks for it.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The rule of the method at `path`, `/package.Service/Method`.
#[must_use]
pub fn rule(path: &str) -> Option<Rule> {
    if path == CHECK {
        Some(Rule::Portal(Validate))
    } else if let Some(method) = path.strip_prefix(ADMIN_SERVICE) {
        admin_role(method).map(Rule::Admin)
    } else {
        portal_access(path.strip_prefix(PORTAL_AUTH_SERVICE)?).map(Rule::Portal)
    }
}

/// Whether the method at `path` is one of AdminService that changes something.
#[must_use]
pub fn changes_something(path: &str) -> bool {
    let reads = |method: &str| ["Get", "List", "Watch"].iter().any(|verb| method.starts_with(verb));
    path.strip_prefix(ADMIN_SERVICE).is_some_and(|method| !reads(method))
}

fn admin_role(method: &str) -> Option<AdminRole> {
    Some(match method {
        "GetPortal" | "ListPortals" | "GetCustomer" | "ListCustomers" | "ListSessions"
        | "ListAuditEvents" | "WatchAuditEvents" => Viewer,
        // UpdateCustomer asks for ADMIN where it changes the email, and
        // RevokeSessions for a whole portal.
        "CreateCustomer" | "UpdateCustomer" | "DeleteCustomer" | "CreateInvitation"
        | "ResetCustomerMfa" | "UnlockCustomer" | "RevokeSessions" => Support,
        "CreatePortal" | "UpdatePortal" | "DeletePortal" | "ImportCustomers" => Admin,
        "CreateApiKey" | "ListApiKeys" | "RevokeApiKey" => Owner,
        _ => return None,
    })
}

fn portal_access(method: &str) -> Option<PortalAccess> {
    Some(match method {
        "ValidateSession" => Validate,
        "GetOwnPortal"
        | "StartSignIn"
        | "GetSignIn"
        | "VerifyPassword"
        | "VerifySecondFactor"
        | "RequestInvitation"
        | "AcceptInvitation"
        | "GetMfa"
        | "StartEnrollment"
        | "VerifyEnrollment"
        | "DeleteEnrollment"
        | "EnableMfa"
        | "DisableMfa"
        | "GenerateBackupCodes"
        | "FinishSignIn"
        | "ReauthenticateSession"
        | "ListOwnSessions"
        | "SignOut"
        | "ChangePassword" => Full,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use gatehouse_domain::api_key::{AdminGrant, PortalGrant, PortalScope};
    use prost::Message;
    use prost_types::FileDescriptorSet;
    use prost_types::method_options::IdempotencyLevel;

    use super::*;

    /// Every method of the contract, as paths, from the descriptor.
    fn methods() -> Vec<String> {
        let set = FileDescriptorSet::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap();
        let files = set.file.iter().filter(|file| file.package() == "gatehouse.v1");
        let services = files.flat_map(|file| &file.service);
        services
            .flat_map(|service| {
                let path = move |method| format!("/gatehouse.v1.{}/{method}", service.name());
                service.method.iter().map(move |method| path(method.name()))
            })
            .collect()
    }

    #[test]
    fn every_method_of_the_contract_has_a_rule_for_its_own_kind_of_key() {
        let methods = methods();
        assert_eq!(methods.len(), 21 + 20);
        for path in methods {
            let admin = path.contains(".AdminService/");
            assert_eq!(matches!(rule(&path), Some(Rule::Admin(_))), admin, "{path}");
            assert_eq!(matches!(rule(&path), Some(Rule::Portal(_))), !admin, "{path}");
        }
    }

    #[test]
    fn envoy_asks_with_the_key_that_validates_sessions() {
        let validate = rule("/gatehouse.v1.PortalAuthService/ValidateSession");
        assert_eq!(rule(CHECK), validate);
        assert!(!changes_something(CHECK));
    }

    #[test]
    fn a_method_of_administrators_changes_something_unless_the_contract_says_otherwise() {
        let set = FileDescriptorSet::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap();
        let service = set.file.iter().flat_map(|file| &file.service);
        let methods = service.filter(|service| service.name() == "AdminService");
        for method in methods.flat_map(|service| &service.method) {
            let options = method.options.clone().unwrap_or_default();
            let reads = options.idempotency_level() == IdempotencyLevel::NoSideEffects;
            // The contract's word is for calls with one answer.
            let reads = reads || method.name() == "WatchAuditEvents";
            let path = format!("{ADMIN_SERVICE}{}", method.name());
            assert_eq!(changes_something(&path), !reads, "{path}");
        }
        assert!(!changes_something("/gatehouse.v1.PortalAuthService/ChangePassword"));
    }

    #[test]
    fn a_method_without_a_rule_has_none_by_likeness() {
        for path in [
            "/gatehouse.v1.AdminService/ValidateSession",
            "/gatehouse.v1.PortalAuthService/GetPortal",
            "/gatehouse.v1.AdminService/DropDatabase",
            "/gatehouse.v1.AdminService/getPortal",
            "/gatehouse.v2.AdminService/GetPortal",
            "gatehouse.v1.AdminService/GetPortal",
            "/envoy.service.auth.v3.Authorization/Check/",
            "/envoy.service.auth.v3.Authorization/ValidateSession",
            "/envoy.service.auth.v2.Authorization/Check",
            "",
        ] {
            assert_eq!(rule(path), None, "{path}");
        }
    }

    #[test]
    fn a_role_may_do_what_lower_ones_may_and_nothing_of_the_other_service() {
        let admin = |role| Grant::Admin(AdminGrant { role, scope: PortalScope::All });
        let portal =
            |access| Grant::Portal(PortalGrant { portal: "acme".parse().unwrap(), access });
        let roles = [Viewer, Support, Admin, Owner];
        for (at, least) in roles.into_iter().enumerate() {
            for (own, role) in roles.into_iter().enumerate() {
                assert_eq!(Rule::Admin(least).allows(&admin(role)), own >= at);
            }
            assert!(!Rule::Admin(least).allows(&portal(Full)));
        }
        assert!(Rule::Portal(Validate).allows(&portal(Full)));
        assert!(!Rule::Portal(Full).allows(&portal(Validate)));
        assert!(!Rule::Portal(Validate).allows(&admin(Owner)));
    }
}
