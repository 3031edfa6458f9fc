//! Customers, their invitations and sessions.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    EtagMismatch, PasswordPolicy, ResourceExists, ResourceNotFound,
};

use super::REFUSED;
use crate::faults::case::{Case, Prepared};
use crate::faults::situation::{
    IMPORTED_HASH, almost_lock, at_second_factor, by_next_code, by_password, enrolled, signed_in,
    throttle,
};
use crate::reasons::administration::{
    NOBODY, STALE, customer, delete_customer, new_customer, reset, set_email,
};
use gatehouse_tests::{EMAIL, PASSWORD, SignInExt, imported as import_row, imports, update_mask};

const BEN: &str = "ben@example.com";
const IMPORTED: &[&str] = &["customer.imported"];
const CREATED: &[&str] = &["customer.created"];
const REVOKED: &[&str] = &["session.revoked"];
const RESET: &[&str] = &["mfa.reset"];

pub fn cases() -> Vec<Case> {
    [made(), imported(), changed(), deleted(), invited_and_reset(), revoked()]
        .into_iter()
        .flatten()
        .collect()
}

fn made() -> Vec<Case> {
    vec![
        Case::new(
            "CreateCustomer",
            "with a password",
            on!(acme => {
                Prepared::by_owner(&new_customer(&acme.portal, BEN))
            }),
        )
        .alone()
        .leaves(CREATED)
        .once_done(ResourceExists)
        .then(after!(acme, prepared, answer => {
            acme.web.sign_in(BEN, PASSWORD).await.unwrap();
        })),
        Case::new(
            "CreateCustomer",
            "to be invited",
            on!(acme => {
                let password = String::new();
                let request = new_customer(&acme.portal, BEN);
                Prepared::by_owner(&v1::CreateCustomerRequest { password, ..request })
            }),
        )
        .alone()
        .leaves(CREATED)
        .once_done(ResourceExists),
        Case::new(
            "CreateCustomer",
            "with an address that is taken",
            on!(acme => {
                Prepared::by_owner(&new_customer(&acme.portal, EMAIL))
            }),
        )
        .alone()
        .refused(ResourceExists)
        .leaves(REFUSED),
        Case::new(
            "CreateCustomer",
            "with a weak password",
            on!(acme => {
                let password = "short".to_owned();
                let request = new_customer(&acme.portal, BEN);
                Prepared::by_owner(&v1::CreateCustomerRequest { password, ..request })
            }),
        )
        .alone()
        .refused(PasswordPolicy)
        .leaves(REFUSED),
    ]
}

fn imported() -> Vec<Case> {
    vec![
        Case::new(
            "ImportCustomers",
            "with a hash and an authenticator",
            on!(acme => {
                Prepared::by_owner(&imports(&acme.portal, vec![ben()]))
            }),
        )
        .alone()
        .leaves(IMPORTED)
        .once_done(ResourceExists)
        .then(after!(acme, prepared, answer => {
            let sign_in = acme.web.sign_in(BEN, PASSWORD).await.unwrap();
            assert_eq!(sign_in.step(), "second_factor");
        })),
        Case::new(
            "ImportCustomers",
            "passing over who is there",
            on!(acme => {
                let request = imports(&acme.portal, vec![import_row(EMAIL, ""), ben()]);
                let existing = v1::ExistingCustomer::Skip.into();
                Prepared::by_owner(&v1::ImportCustomersRequest { existing, ..request })
            }),
        )
        .alone()
        .leaves(IMPORTED),
        Case::new(
            "ImportCustomers",
            "to look what would come of it",
            on!(acme => {
                let request = imports(&acme.portal, vec![ben()]);
                Prepared::by_owner(&v1::ImportCustomersRequest { validate_only: true, ..request })
            }),
        )
        .alone(),
        Case::new(
            "ImportCustomers",
            "of whom one is there",
            on!(acme => {
                Prepared::by_owner(&imports(&acme.portal, vec![ben(), import_row(EMAIL, "")]))
            }),
        )
        .alone()
        .refused(ResourceExists)
        .leaves(REFUSED),
    ]
}

/// With all that a row can bring.
fn ben() -> v1::CustomerImport {
    let totp = v1::TotpImport { secret: "GEZDGNBVGY3TQOJQ".to_owned(), parameters: None };
    let customer_id = "ben".to_owned();
    v1::CustomerImport { customer_id, totp: Some(totp), ..import_row(BEN, IMPORTED_HASH) }
}

fn changed() -> Vec<Case> {
    vec![
        Case::new(
            "UpdateCustomer",
            "to another address",
            on!(acme => {
                acme.admin.invite(&acme.customer).await.unwrap();
                Prepared::by_owner(&set_email(customer(&acme.customer)))
            }),
        )
        .alone()
        .leaves(&["customer.updated"])
        .then(after!(acme, prepared, answer => {
            acme.web.sign_in(BEN, PASSWORD).await.unwrap();
        })),
        Case::new(
            "UpdateCustomer",
            "as they were read",
            on!(acme => {
                let read = acme.admin.customer(&acme.customer).await.unwrap();
                let display_name = "Ana".to_owned();
                Prepared::by_owner(&update(v1::Customer { display_name, ..read }, "display_name"))
            }),
        )
        .leaves(&["customer.updated"])
        .once_done(EtagMismatch),
        Case::new(
            "UpdateCustomer",
            "to suspend them",
            on!(acme => {
                let (token, _) = at_second_factor(acme).await;
                acme.admin.invite(&acme.customer).await.unwrap();
                let suspended = v1::Customer { suspended: true, ..customer(&acme.customer) };
                Prepared::by_owner(&update(suspended, "suspended")).sign_in(&token)
            }),
        )
        .leaves(&["customer.suspended"]),
        Case::new(
            "UpdateCustomer",
            "to end a suspension",
            on!(acme => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                Prepared::by_owner(&update(customer(&acme.customer), "suspended"))
            }),
        )
        .leaves(&["customer.reinstated"])
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "UpdateCustomer",
            "to an address that is taken",
            on!(acme => {
                acme.admin.create_customer(&acme.portal, BEN, "").await.unwrap();
                Prepared::by_owner(&set_email(customer(&acme.customer)))
            }),
        )
        .alone()
        .refused(ResourceExists)
        .leaves(REFUSED),
        Case::new(
            "UpdateCustomer",
            "as they are not any more",
            on!(acme => {
                let etag = STALE.to_owned();
                Prepared::by_owner(&set_email(v1::Customer { etag, ..customer(&acme.customer) }))
            }),
        )
        .refused(EtagMismatch)
        .leaves(REFUSED),
    ]
}

fn deleted() -> Vec<Case> {
    vec![
        Case::new(
            "DeleteCustomer",
            "with all that is theirs",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                acme.admin.invite(&acme.customer).await.unwrap();
                let request = delete_customer(&acme.customer);
                Prepared::by_owner(&request).sign_in(&token).session(&ana.session.token)
            }),
        )
        .leaves(&["customer.deleted"])
        .once_done(ResourceNotFound)
        .then(after!(acme, prepared, answer => {
            acme.admin.create_customer(&acme.portal, &acme.email, PASSWORD).await.unwrap();
            by_password(acme, PASSWORD).await;
        })),
        Case::new(
            "DeleteCustomer",
            "as they are not any more",
            on!(acme => {
                let etag = STALE.to_owned();
                let request = delete_customer(&acme.customer);
                Prepared::by_owner(&v1::DeleteCustomerRequest { etag, ..request })
            }),
        )
        .refused(EtagMismatch)
        .leaves(REFUSED),
        Case::new(
            "DeleteCustomer",
            "who is not there",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&delete_customer(NOBODY))
            }),
        )
        .refused(ResourceNotFound)
        .leaves(REFUSED),
    ]
}

fn invited_and_reset() -> Vec<Case> {
    vec![
        Case::new(
            "CreateInvitation",
            "beside another",
            on!(acme => {
                acme.admin.invite(&acme.customer).await.unwrap();
                Prepared::by_owner(&invite(&acme.customer))
            }),
        )
        .counts_rows()
        .leaves(&["invitation.created"]),
        Case::new(
            "CreateInvitation",
            "of nobody",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&invite(NOBODY))
            }),
        )
        .refused(ResourceNotFound)
        .leaves(REFUSED),
        Case::new(
            "ResetCustomerMfa",
            "who is signing in",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                almost_lock(acme, &token, &ana.phone).await;
                acme.web.account(&ana.session.token).start_enrollment().await.unwrap();
                let request = reset(&acme.customer);
                Prepared::by_owner(&request).sign_in(&token).session(&ana.session.token)
            }),
        )
        .leaves(RESET)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "ResetCustomerMfa",
            "and of the password",
            on!(acme => {
                let session = signed_in(acme).await.token;
                let end_password = true;
                let request = reset(&acme.customer);
                let request = v1::ResetCustomerMfaRequest { end_password, ..request };
                Prepared::by_owner(&request).session(&session)
            }),
        )
        .leaves(RESET)
        .then(after!(acme, prepared, answer => {
            let token = acme.admin.invite(&acme.customer).await.unwrap().token;
            acme.web.accept_invitation(&token, PASSWORD).await.unwrap();
        })),
        Case::new(
            "ResetCustomerMfa",
            "of nobody",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&reset(NOBODY))
            }),
        )
        .refused(ResourceNotFound)
        .leaves(REFUSED),
        Case::new(
            "UnlockCustomer",
            "after wrong codes and passwords",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                almost_lock(acme, &token, &ana.phone).await;
                throttle(acme).await;
                let name = acme.customer.clone();
                Prepared::by_owner(&v1::UnlockCustomerRequest { name }).sign_in(&token).factor(&ana)
            }),
        )
        .leaves(&["customer.unlocked"])
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new(
            "UnlockCustomer",
            "who is not there",
            on!(acme => {
                let _ = acme;
                Prepared::by_owner(&v1::UnlockCustomerRequest { name: NOBODY.to_owned() })
            }),
        )
        .refused(ResourceNotFound)
        .leaves(REFUSED),
    ]
}

fn revoked() -> Vec<Case> {
    vec![
        Case::new(
            "RevokeSessions",
            "one of them",
            on!(acme => {
                signed_in(acme).await;
                let issued = acme.password_session().await;
                revoke(&issued.session.unwrap().name).session(&issued.token)
            }),
        )
        .leaves(REVOKED),
        Case::new(
            "RevokeSessions",
            "of a customer",
            on!(acme => {
                let session = enrolled(acme).await.session.token;
                revoke(&acme.customer).session(&session)
            }),
        )
        .leaves(REVOKED),
        Case::new(
            "RevokeSessions",
            "of a portal",
            on!(acme => {
                let session = signed_in(acme).await.token;
                signed_in(&acme.with_customer(BEN).await).await;
                revoke(&acme.portal).session(&session)
            }),
        )
        .alone()
        .leaves(REVOKED),
        Case::new(
            "RevokeSessions",
            "of nobody",
            on!(acme => {
                let _ = acme;
                revoke(NOBODY)
            }),
        )
        .refused(ResourceNotFound)
        .leaves(REFUSED),
    ]
}

fn update(customer: v1::Customer, path: &str) -> v1::UpdateCustomerRequest {
    let update_mask = Some(update_mask(&[path]));
    v1::UpdateCustomerRequest { customer: Some(customer), update_mask }
}

fn invite(customer: &str) -> v1::CreateInvitationRequest {
    v1::CreateInvitationRequest { customer: customer.to_owned() }
}

fn revoke(name: &str) -> Prepared {
    Prepared::by_owner(&v1::RevokeSessionsRequest { name: name.to_owned() })
}
