//! Passwords.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, CustomerSuspended, PortalUsesSaml, SignInInvalid, SignInStep, Throttled,
};

use super::case::{Case, Prepared};
use super::situation::{
    at_second_factor, by_next_code, by_password, enrolled, import, started, throttle,
};
use crate::reasons::sign_in::{WRONG_PASSWORD, password};
use gatehouse_tests::{Acme, PASSWORD, client, refused};

const FAILED: &[&str] = &["sign_in.failed"];

pub fn cases() -> Vec<Case> {
    [right_passwords(), wrong_passwords(), imported_hashes()].into_iter().flatten().collect()
}

fn right_passwords() -> Vec<Case> {
    vec![
        Case::new(
            "StartSignIn",
            "by a key whose use is to be noted",
            on!(acme => {
                acme.server.pass(Duration::from_mins(2));
                let client = Some(client());
                Prepared::by_portal(&v1::StartSignInRequest { email: acme.email.clone(), client })
            }),
        )
        .notes_key(),
        Case::new(
            "VerifyPassword",
            "that a session follows",
            on!(acme => {
                let token = started(acme).await;
                Prepared::by_portal(&password(token.clone())).sign_in(&token)
            }),
        )
        .leaves(&["sign_in.succeeded"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "VerifyPassword",
            "that setting up follows",
            on!(acme => {
                let token = started(acme).await;
                Prepared::by_portal(&password(token.clone())).sign_in(&token)
            }),
        )
        .enforcing()
        .leaves(&["sign_in.password_verified"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => {
            let sign_in = acme.sign_in().await;
            acme.enable(&sign_in).await;
            acme.web.finish(&sign_in.token).await.unwrap();
        })),
        Case::new(
            "VerifyPassword",
            "that a second factor follows",
            on!(acme => {
                let enrolled = enrolled(acme).await;
                let token = started(acme).await;
                Prepared::by_portal(&password(token.clone())).sign_in(&token).factor(&enrolled)
            }),
        )
        .leaves(&["sign_in.password_verified"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new(
            "VerifyPassword",
            "of a sixth sign-in, which ends the first",
            on!(acme => {
                let (first, enrolled) = at_second_factor(acme).await;
                for _ in 0..4 {
                    acme.server.pass(Duration::from_secs(1));
                    acme.sign_in().await;
                }
                let request = password(started(acme).await);
                Prepared::by_portal(&request).sign_in(&first).factor(&enrolled)
            }),
        )
        .leaves(&["sign_in.password_verified"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new(
            "VerifyPassword",
            "of a twenty-first session, which ends the first",
            on!(acme => {
                acme.server.make_sessions(&acme.customer, 20).await;
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .leaves(&["sign_in.succeeded"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => {
            assert_eq!(acme.admin.sessions(&acme.customer).await.unwrap().len(), 20);
        })),
        Case::new(
            "VerifyPassword",
            "after wrong ones, which stay",
            on!(acme => {
                for _ in 0..2 {
                    let sign_in = started(acme).await;
                    refused(acme.web.password(&sign_in, WRONG_PASSWORD).await);
                }
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .leaves(&["sign_in.succeeded"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
    ]
}

fn imported_hashes() -> Vec<Case> {
    vec![
        Case::new(
            "VerifyPassword",
            "of an imported hash, which is replaced",
            on!(acme => {
                import(acme).await;
                let token = started(acme).await;
                Prepared::by_portal(&password(token.clone())).sign_in(&token)
            }),
        )
        .alone()
        .leaves(&["sign_in.succeeded"])
        .charges_password()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "VerifyPassword",
            "wrong, beside an imported hash",
            on!(acme => {
                import(acme).await;
                let token = started(acme).await;
                Prepared::by_portal(&wrong(&token)).sign_in(&token)
            }),
        )
        .alone()
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_password()
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
    ]
}

fn wrong_passwords() -> Vec<Case> {
    vec![
        Case::new(
            "VerifyPassword",
            "wrong",
            on!(acme => {
                let token = started(acme).await;
                Prepared::by_portal(&wrong(&token)).sign_in(&token)
            }),
        )
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_password()
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "VerifyPassword",
            "of nobody",
            on!(acme => {
                acme.admin.delete_customer(&acme.customer, "").await.unwrap();
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_password(),
        Case::new(
            "VerifyPassword",
            "of a customer without one",
            on!(acme => {
                acme.admin.client().reset_customer_mfa(void(acme)).await.unwrap();
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_password(),
        Case::new(
            "VerifyPassword",
            "right, after too many wrong ones",
            on!(acme => {
                throttle(acme).await;
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .refused(Throttled)
        .leaves(FAILED)
        .then(after!(acme, prepared, answer => {
            acme.server.pass(Duration::from_secs(3));
            by_password(acme, PASSWORD).await;
        })),
        Case::new(
            "VerifyPassword",
            "right, of a suspended customer",
            on!(acme => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .refused(CustomerSuspended)
        .leaves(FAILED)
        .charges_password()
        .then(after!(acme, prepared, answer => {
            acme.admin.suspend(&acme.customer, false).await.unwrap();
            by_password(acme, PASSWORD).await;
        })),
        Case::new(
            "VerifyPassword",
            "where SAML is used",
            on!(acme => {
                acme.use_saml().await;
                Prepared::by_portal(&password(started(acme).await))
            }),
        )
        .alone()
        .refused(PortalUsesSaml),
        Case::new(
            "VerifyPassword",
            "at a later step",
            on!(acme => {
                let token = acme.sign_in().await.token;
                Prepared::by_portal(&password(token.clone())).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(SignInStep),
        Case::new(
            "VerifyPassword",
            "of a sign-in that has gone on",
            on!(acme => {
                let token = started(acme).await;
                acme.web.password(&token, PASSWORD).await.unwrap();
                Prepared::by_portal(&password(token))
            }),
        )
        .refused(SignInInvalid),
    ]
}

fn wrong(token: &str) -> v1::VerifyPasswordRequest {
    v1::VerifyPasswordRequest { password: WRONG_PASSWORD.to_owned(), ..password(token.to_owned()) }
}

fn void(acme: &Acme) -> v1::ResetCustomerMfaRequest {
    v1::ResetCustomerMfaRequest {
        name: acme.customer.clone(),
        end_password: true,
        ..Default::default()
    }
}
