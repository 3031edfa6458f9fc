//! Invitations of customers.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    CustomerSuspended, InvitationInvalid, PasswordPolicy, PortalUsesSaml, Throttled,
};

use super::case::{Case, Prepared};
use super::situation::{at_second_factor, by_next_code, by_password, signed_in};
use crate::reasons::sign_in::{NEW_PASSWORD, accept, unknown};
use gatehouse_tests::{Acme, client};

const FAILED: &[&str] = &["invitation.failed"];
const INVITED: &[&str] = &["invitation.created"];

pub fn cases() -> Vec<Case> {
    [requested(), accepted()].into_iter().flatten().collect()
}

fn requested() -> Vec<Case> {
    vec![
        Case::new(
            "RequestInvitation",
            "for a customer",
            on!(acme => {
                Prepared::by_portal(&forgotten(&acme.email))
            }),
        )
        .counts_rows()
        .leaves(INVITED),
        Case::new(
            "RequestInvitation",
            "for a customer, which counts",
            on!(acme => {
                Prepared::by_portal(&forgotten(&acme.email))
            }),
        )
        .leaves(INVITED),
        Case::new(
            "RequestInvitation",
            "for nobody",
            on!(acme => {
                acme.admin.delete_customer(&acme.customer, "").await.unwrap();
                Prepared::by_portal(&forgotten(&acme.email))
            }),
        )
        .counts_rows(),
        Case::new(
            "RequestInvitation",
            "for a suspended customer",
            on!(acme => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                Prepared::by_portal(&forgotten(&acme.email))
            }),
        ),
        Case::new(
            "RequestInvitation",
            "too often",
            on!(acme => {
                for _ in 0..3 {
                    acme.web.request_invitation(&acme.email).await.unwrap();
                }
                Prepared::by_portal(&forgotten(&acme.email))
            }),
        )
        .refused(Throttled),
        Case::new(
            "RequestInvitation",
            "where SAML is used",
            on!(acme => {
                acme.use_saml().await;
                Prepared::by_portal(&forgotten(&acme.email))
            }),
        )
        .alone()
        .refused(PortalUsesSaml),
    ]
}

fn accepted() -> Vec<Case> {
    vec![
        Case::new(
            "AcceptInvitation",
            "that a session follows and others end",
            on!(acme => {
                let session = signed_in(acme).await;
                let token = invited(acme).await;
                // Both end with it.
                invited(acme).await;
                Prepared::by_portal(&accept(token)).session(&session.token)
            }),
        )
        .leaves(&["password.changed", "sign_in.succeeded"])
        .once_done(InvitationInvalid)
        .then(after!(acme, prepared, answer => by_password(acme, NEW_PASSWORD).await)),
        Case::new(
            "AcceptInvitation",
            "that a second factor follows",
            on!(acme => {
                let (token, enrolled) = at_second_factor(acme).await;
                let request = accept(invited(acme).await);
                Prepared::by_portal(&request).sign_in(&token).factor(&enrolled)
            }),
        )
        .leaves(&["password.changed", "sign_in.password_verified"])
        .once_done(InvitationInvalid)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, NEW_PASSWORD).await)),
        Case::new(
            "AcceptInvitation",
            "that setting up follows",
            on!(acme => {
                let request = accept(invited(acme).await);
                Prepared::by_portal(&request)
            }),
        )
        .enforcing()
        .leaves(&["password.changed", "sign_in.password_verified"])
        .once_done(InvitationInvalid)
        .then(after!(acme, prepared, answer => {
            let sign_in = acme.web.sign_in(&acme.email, NEW_PASSWORD).await.unwrap();
            acme.enable(&sign_in).await;
        })),
        Case::new(
            "AcceptInvitation",
            "of nobody",
            on!(acme => {
                let _ = acme;
                Prepared::by_portal(&accept(unknown("ghv_")))
            }),
        )
        .refused(InvitationInvalid)
        .leaves(FAILED),
        Case::new(
            "AcceptInvitation",
            "of a suspended customer",
            on!(acme => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                Prepared::by_portal(&accept(invited(acme).await))
            }),
        )
        .refused(CustomerSuspended)
        .leaves(FAILED),
        Case::new(
            "AcceptInvitation",
            "with a weak password",
            on!(acme => {
                let new_password = "short".to_owned();
                let request = accept(invited(acme).await);
                Prepared::by_portal(&v1::AcceptInvitationRequest { new_password, ..request })
            }),
        )
        .refused(PasswordPolicy),
        Case::new(
            "AcceptInvitation",
            "where SAML is used",
            on!(acme => {
                acme.use_saml().await;
                Prepared::by_portal(&accept(invited(acme).await))
            }),
        )
        .alone()
        .refused(PortalUsesSaml),
    ]
}

fn forgotten(email: &str) -> v1::RequestInvitationRequest {
    v1::RequestInvitationRequest { email: email.to_owned(), client: Some(client()) }
}

async fn invited(acme: &Acme) -> String {
    acme.admin.invite(&acme.customer).await.unwrap().token
}
