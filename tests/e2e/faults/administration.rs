//! What administrators change.

mod customers;

use gatehouse_api::v1;
use gatehouse_api::v1::AdminRole;
use gatehouse_api::v1::ErrorReason::{
    ApiKeyScope, EtagMismatch, MfaEnforcementSamlConflict, PortalNotEmpty, ResourceExists,
    ResourceNotFound,
};
use gatehouse_api::v1::api_key::Grant;

use super::case::{Case, Prepared};
use super::situation::{by_password, enrolled, signed_in};
use crate::reasons::administration::{
    NOWHERE, STALE, delete_portal, enforce, new_key, new_portal, portal, reset,
};
use gatehouse_tests::{Acme, PASSWORD, saml, update_mask};

const REFUSED: &[&str] = &["call.refused"];
const UPDATED: &[&str] = &["portal.updated"];
const DELETED: &[&str] = &["portal.deleted"];
const KEY_CREATED: &[&str] = &["api_key.created"];

pub fn cases() -> Vec<Case> {
    [portals(), updates(), deletions(), keys(), keys_out_of_reach(), customers::cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn portals() -> Vec<Case> {
    vec![
        Case::new(
            "CreatePortal",
            "under a new name",
            on!(acme => {
                Prepared::by_owner(&new_portal(&another(acme))).portal(format!("{}-2", acme.portal))
            }),
        )
        .leaves(&["portal.created"])
        .once_done(ResourceExists),
        Case::new(
            "CreatePortal",
            "under a name that is taken",
            on!(acme => {
                Prepared::by_owner(&new_portal(acme.portal.trim_start_matches("portals/")))
            }),
        )
        .refused(ResourceExists)
        .leaves(REFUSED),
        Case::new(
            "CreatePortal",
            "with what excludes each other",
            on!(acme => {
                let mfa = Some(v1::MfaPolicy { enforced: true, ..Default::default() });
                let portal = Some(v1::Portal { mfa, saml: Some(saml()), ..Default::default() });
                let request = v1::CreatePortalRequest { portal, ..new_portal(&another(acme)) };
                Prepared::by_owner(&request).portal(format!("{}-2", acme.portal))
            }),
        )
        .refused(MfaEnforcementSamlConflict)
        .leaves(REFUSED),
    ]
}

fn updates() -> Vec<Case> {
    vec![
        Case::new("UpdatePortal", "to enforce MFA and end weaker sessions", on!(acme => {
            signed_in(acme).await;
            enrolled(acme).await;
            let request = enforce(portal(&acme.portal));
            Prepared::by_owner(&v1::UpdatePortalRequest { end_weaker_sessions: true, ..request })
        }))
        .alone()
        .leaves(UPDATED),
        Case::new("UpdatePortal", "as it was read", on!(acme => {
            let read = acme.admin.portal(&acme.portal).await.unwrap();
            Prepared::by_owner(&enforce(read))
        }))
        .alone()
        .leaves(UPDATED)
        .once_done(EtagMismatch),
        Case::new("UpdatePortal", "to use SAML in place of enforced MFA", on!(acme => {
            acme.enforce(true).await;
            let portal = v1::Portal { saml: Some(saml()), ..portal(&acme.portal) };
            let update_mask = Some(update_mask(&["mfa.enforced", "saml"]));
            let portal = Some(portal);
            Prepared::by_owner(&v1::UpdatePortalRequest {
                portal,
                update_mask,
                ..Default::default()
            })
        }))
        .alone()
        .leaves(UPDATED),
        Case::new("UpdatePortal", "to look what would come of it", on!(acme => {
            signed_in(acme).await;
            let request = enforce(portal(&acme.portal));
            Prepared::by_owner(&v1::UpdatePortalRequest { validate_only: true, ..request })
        }))
        .alone(),
        Case::new("UpdatePortal", "as it is not any more", on!(acme => {
            let etag = STALE.to_owned();
            Prepared::by_owner(&enforce(v1::Portal { etag, ..portal(&acme.portal) }))
        }))
        .alone()
        .refused(EtagMismatch)
        .leaves(REFUSED),
        Case::new("UpdatePortal", "to enforce MFA where SAML is used", on!(acme => {
            acme.use_saml().await;
            Prepared::by_owner(&enforce(portal(&acme.portal)))
        }))
        .alone()
        .refused(MfaEnforcementSamlConflict)
        .leaves(REFUSED),
    ]
}

fn deletions() -> Vec<Case> {
    vec![
        Case::new(
            "DeletePortal",
            "without customers",
            on!(acme => {
                acme.admin.delete_customer(&acme.customer, "").await.unwrap();
                Prepared::by_owner(&delete_portal(&acme.portal))
            }),
        )
        .alone()
        .leaves(DELETED)
        .once_done(ResourceNotFound),
        Case::new(
            "DeletePortal",
            "with all that is in it",
            on!(acme => {
                enrolled(acme).await;
                let etag = acme.admin.portal(&acme.portal).await.unwrap().etag;
                let request = delete_portal(&acme.portal);
                Prepared::by_owner(&v1::DeletePortalRequest { etag, force: true, ..request })
            }),
        )
        .alone()
        .leaves(DELETED)
        .once_done(ResourceNotFound),
        Case::new(
            "DeletePortal",
            "with customers, without force",
            on!(acme => {
                Prepared::by_owner(&delete_portal(&acme.portal))
            }),
        )
        .alone()
        .refused(PortalNotEmpty)
        .leaves(REFUSED)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
    ]
}

fn keys() -> Vec<Case> {
    vec![
        Case::new(
            "CreateApiKey",
            "of a portal",
            on!(acme => {
                Prepared::by_owner(&new_key(&acme.portal))
            }),
        )
        .alone()
        .leaves(KEY_CREATED),
        Case::new(
            "CreateApiKey",
            "of an administrator",
            on!(acme => {
                Prepared::by_owner(&admin_key(AdminRole::Support, &acme.portal))
            }),
        )
        .alone()
        .leaves(KEY_CREATED),
        Case::new(
            "CreateApiKey",
            "of a portal that there is not",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&new_key(NOWHERE))
            }),
        )
        .alone()
        .refused(ResourceNotFound)
        .leaves(REFUSED),
        Case::new(
            "RevokeApiKey",
            "that is live",
            on!(acme => {
                let key = new_key(&acme.portal).api_key.unwrap();
                let name = acme.admin.create_key(key).await.unwrap().0;
                Prepared::by_owner(&v1::RevokeApiKeyRequest { name })
            }),
        )
        .alone()
        .leaves(&["api_key.revoked"]),
        Case::new(
            "RevokeApiKey",
            "that has ended",
            on!(acme => {
                let key = new_key(&acme.portal).api_key.unwrap();
                let name = acme.admin.create_key(key).await.unwrap().0;
                acme.admin.revoke_key(&name).await.unwrap();
                Prepared::by_owner(&v1::RevokeApiKeyRequest { name })
            }),
        )
        .alone(),
        Case::new(
            "RevokeApiKey",
            "that there is not",
            on!(acme => {
                let _ = acme;
                let name = "apiKeys/00000000-0000-7000-8000-000000000000".to_owned();
                Prepared::by_owner(&v1::RevokeApiKeyRequest { name })
            }),
        )
        .refused(ResourceNotFound)
        .leaves(REFUSED),
    ]
}

/// What keys may not do is in the trail, whatever they ask for.
fn keys_out_of_reach() -> Vec<Case> {
    vec![
        Case::new(
            "CreateApiKey",
            "that may do more than its maker",
            on!(acme => {
                let grant = [acme.portal.as_str()];
                let key = acme.admin.admin_key(AdminRole::Owner, &grant).await.unwrap();
                Prepared::by_key(key, &admin_key(AdminRole::Owner, "portals/-"))
            }),
        )
        .alone()
        .refused(ApiKeyScope)
        .leaves(REFUSED),
        Case::new(
            "ResetCustomerMfa",
            "by a key that may only read",
            on!(acme => {
                let grant = [acme.portal.as_str()];
                let key = acme.admin.admin_key(AdminRole::Viewer, &grant).await.unwrap();
                Prepared::by_key(key, &reset(&acme.customer))
            }),
        )
        .refused(ApiKeyScope)
        .leaves(REFUSED),
        Case::new(
            "ResetCustomerMfa",
            "by a portal",
            on!(acme => {
                Prepared::by_portal(&reset(&acme.customer))
            }),
        )
        .refused(ApiKeyScope)
        .leaves(REFUSED),
    ]
}

/// The id of a portal that is not there, and is no other run's.
fn another(acme: &Acme) -> String {
    // Customers' ids are valid in portals' too.
    let customer = acme.customer.rsplit('/').next().unwrap();
    format!("p-{customer}")
}

fn admin_key(role: AdminRole, portal: &str) -> v1::CreateApiKeyRequest {
    let portals = vec![portal.to_owned()];
    let grant = Grant::Admin(v1::AdminGrant { role: role.into(), portals });
    v1::CreateApiKeyRequest {
        api_key: Some(v1::ApiKey { grant: Some(grant), ..Default::default() }),
    }
}
