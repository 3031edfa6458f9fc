//! AdminService.

use gatehouse_api::v1;
use gatehouse_api::v1::api_key::Grant;

use super::case::Case;
use gatehouse_tests::{Acme, EMAIL, PASSWORD, imported, imports, saml, update_mask};

pub const NOWHERE: &str = "portals/nowhere";
pub const NOBODY: &str = "portals/nowhere/customers/nobody";
pub const STALE: &str = "stale";
const BEN: &str = "ben@example.com";
/// Of no known password.
pub const BCRYPT: &str = "$2b$04$ysJBi3rle9aNgLeWds9VeewTwtfLYCzAY1oEOTBAInJACnpHV14Wm";

pub fn cases() -> Vec<Case> {
    [portals(), customers(), sessions_and_the_trail(), api_keys()].concat()
}

fn portals() -> Vec<Case> {
    cases! { acme;
        CreatePortal {
            Success => new_portal(&another(acme)),
            ResourceExists => new_portal(acme.portal.trim_start_matches("portals/")),
            MfaEnforcementSamlConflict => {
                let mfa = Some(v1::MfaPolicy { enforced: true, ..Default::default() });
                let portal = v1::Portal { mfa, saml: Some(saml()), ..Default::default() };
                v1::CreatePortalRequest { portal: Some(portal), ..new_portal(&another(acme)) }
            },
        }
        GetPortal {
            Success => v1::GetPortalRequest { name: acme.portal.clone() },
            ResourceNotFound => v1::GetPortalRequest { name: NOWHERE.to_owned() },
        }
        ListPortals {
            Success => v1::ListPortalsRequest::default(),
        }
        UpdatePortal {
            Success => enforce(portal(&acme.portal)),
            ResourceNotFound => enforce(portal(NOWHERE)),
            EtagMismatch => enforce(v1::Portal { etag: STALE.to_owned(), ..portal(&acme.portal) }),
            MfaEnforcementSamlConflict => {
                acme.use_saml().await;
                enforce(portal(&acme.portal))
            },
        }
        DeletePortal {
            Success => {
                acme.admin.delete_customer(&acme.customer, "").await.unwrap();
                delete_portal(&acme.portal)
            },
            ResourceNotFound => delete_portal(NOWHERE),
            PortalNotEmpty => delete_portal(&acme.portal),
            EtagMismatch => {
                v1::DeletePortalRequest { etag: STALE.to_owned(), ..delete_portal(&acme.portal) }
            },
        }
    }
}

fn customers() -> Vec<Case> {
    cases! { acme;
        CreateCustomer {
            Success => new_customer(&acme.portal, BEN),
            ResourceNotFound => new_customer(NOWHERE, BEN),
            ResourceExists => new_customer(&acme.portal, EMAIL),
            PasswordPolicy => v1::CreateCustomerRequest {
                password: "short".to_owned(),
                ..new_customer(&acme.portal, BEN)
            },
        }
        ImportCustomers {
            Success => imports(&acme.portal, vec![imported(BEN, BCRYPT)]),
            ResourceNotFound => imports(NOWHERE, vec![imported(BEN, BCRYPT)]),
            ResourceExists => imports(&acme.portal, vec![imported(EMAIL, BCRYPT)]),
        }
        GetCustomer {
            Success => v1::GetCustomerRequest { name: acme.customer.clone() },
            ResourceNotFound => v1::GetCustomerRequest { name: NOBODY.to_owned() },
        }
        ListCustomers {
            Success => v1::ListCustomersRequest {
                parent: acme.portal.clone(),
                ..Default::default()
            },
        }
        UpdateCustomer {
            Success => set_email(customer(&acme.customer)),
            ResourceNotFound => set_email(customer(NOBODY)),
            ResourceExists => {
                acme.admin.create_customer(&acme.portal, BEN, "").await.unwrap();
                set_email(customer(&acme.customer))
            },
            EtagMismatch => {
                set_email(v1::Customer { etag: STALE.to_owned(), ..customer(&acme.customer) })
            },
        }
        DeleteCustomer {
            Success => delete_customer(&acme.customer),
            ResourceNotFound => delete_customer(NOBODY),
            EtagMismatch => v1::DeleteCustomerRequest {
                etag: STALE.to_owned(),
                ..delete_customer(&acme.customer)
            },
        }
        CreateInvitation {
            Success => v1::CreateInvitationRequest { customer: acme.customer.clone() },
            ResourceNotFound => v1::CreateInvitationRequest { customer: NOBODY.to_owned() },
        }
        ResetCustomerMfa {
            Success => reset(&acme.customer),
            ResourceNotFound => reset(NOBODY),
        }
        UnlockCustomer {
            Success => v1::UnlockCustomerRequest { name: acme.customer.clone() },
            ResourceNotFound => v1::UnlockCustomerRequest { name: NOBODY.to_owned() },
        }
    }
}

fn sessions_and_the_trail() -> Vec<Case> {
    cases! { acme;
        ListSessions {
            Success => v1::ListSessionsRequest {
                parent: acme.customer.clone(),
                ..Default::default()
            },
        }
        RevokeSessions {
            Success => v1::RevokeSessionsRequest { name: acme.portal.clone() },
            ResourceNotFound => v1::RevokeSessionsRequest { name: NOBODY.to_owned() },
        }
        ListAuditEvents {
            Success => v1::ListAuditEventsRequest::default(),
        }
        WatchAuditEvents {
            Success => v1::WatchAuditEventsRequest::default(),
            ResumeTokenExpired => v1::WatchAuditEventsRequest {
                // Of a trail that was longer.
                resume_token: acme.server.resume_token(1_000_000),
                ..Default::default()
            },
        }
    }
}

fn api_keys() -> Vec<Case> {
    cases! { acme;
        CreateApiKey {
            Success => new_key(&acme.portal),
            ResourceNotFound => new_key(NOWHERE),
        }
        ListApiKeys {
            Success => v1::ListApiKeysRequest::default(),
        }
        RevokeApiKey {
            Success => {
                let key = new_key(&acme.portal).api_key.unwrap();
                v1::RevokeApiKeyRequest { name: acme.admin.create_key(key).await.unwrap().0 }
            },
            ResourceNotFound => v1::RevokeApiKeyRequest {
                name: "apiKeys/00000000-0000-7000-8000-000000000000".to_owned(),
            },
        }
    }
}

/// The id of a portal that is not there.
fn another(acme: &Acme) -> String {
    format!("{}-2", acme.portal.trim_start_matches("portals/"))
}

pub fn new_portal(id: &str) -> v1::CreatePortalRequest {
    v1::CreatePortalRequest { portal_id: id.to_owned(), portal: Some(v1::Portal::default()) }
}

pub fn portal(name: &str) -> v1::Portal {
    v1::Portal { name: name.to_owned(), ..Default::default() }
}

pub fn enforce(portal: v1::Portal) -> v1::UpdatePortalRequest {
    let mfa = Some(v1::MfaPolicy { enforced: true, ..Default::default() });
    v1::UpdatePortalRequest {
        portal: Some(v1::Portal { mfa, ..portal }),
        update_mask: Some(update_mask(&["mfa.enforced"])),
        ..Default::default()
    }
}

pub fn delete_portal(name: &str) -> v1::DeletePortalRequest {
    v1::DeletePortalRequest { name: name.to_owned(), ..Default::default() }
}

pub fn new_customer(portal: &str, email: &str) -> v1::CreateCustomerRequest {
    v1::CreateCustomerRequest {
        parent: portal.to_owned(),
        customer: Some(v1::Customer { email: email.to_owned(), ..Default::default() }),
        password: PASSWORD.to_owned(),
        ..Default::default()
    }
}

pub fn customer(name: &str) -> v1::Customer {
    v1::Customer { name: name.to_owned(), ..Default::default() }
}

/// To ben's.
pub fn set_email(customer: v1::Customer) -> v1::UpdateCustomerRequest {
    v1::UpdateCustomerRequest {
        customer: Some(v1::Customer { email: BEN.to_owned(), ..customer }),
        update_mask: Some(update_mask(&["email"])),
    }
}

pub fn delete_customer(name: &str) -> v1::DeleteCustomerRequest {
    v1::DeleteCustomerRequest { name: name.to_owned(), ..Default::default() }
}

pub fn reset(name: &str) -> v1::ResetCustomerMfaRequest {
    v1::ResetCustomerMfaRequest { name: name.to_owned(), ..Default::default() }
}

pub fn new_key(portal: &str) -> v1::CreateApiKeyRequest {
    let access = v1::PortalAccess::Full.into();
    let grant = Grant::Portal(v1::PortalGrant { portal: portal.to_owned(), access });
    let key = v1::ApiKey { grant: Some(grant), ..Default::default() };
    v1::CreateApiKeyRequest { api_key: Some(key) }
}
