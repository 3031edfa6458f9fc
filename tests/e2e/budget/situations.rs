//! Situations in which nothing can be half done, and that differ in what is sent.

mod lists;

use std::time::Duration;

use gatehouse_api::envoy::service::auth::v3::CheckRequest;
use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::ApiKeyInvalid;

use crate::faults::case::{Case, Prepared};
use crate::faults::situation::{enrolled, signed_in};
use crate::reasons::my_account::validate;
use crate::reasons::sign_in::unknown;
use gatehouse_tests::{client, question};

pub fn cases() -> Vec<Case> {
    [keys(), validated(), checked(), lists::cases()].into_iter().flatten().collect()
}

fn keys() -> Vec<Case> {
    vec![
        Case::new(
            "StartSignIn",
            "by a key used lately",
            on!(acme => {
                let client = Some(client());
                Prepared::by_portal(&v1::StartSignInRequest { email: acme.email.clone(), client })
            }),
        ),
        Case::new(
            "GetOwnPortal",
            "by a key that there is not",
            on!(acme => {
                let _ = acme;
                Prepared::by_key(unknown("ghp_"), &v1::GetOwnPortalRequest {})
            }),
        )
        .refused(ApiKeyInvalid),
    ]
}

fn validated() -> Vec<Case> {
    vec![
        Case::new(
            "ValidateSession",
            "used lately",
            on!(acme => Prepared::by_portal(&validate(signed_in(acme).await.token))),
        ),
        Case::new(
            "ValidateSession",
            "whose use is to be noted",
            on!(acme => {
                let token = signed_in(acme).await.token;
                acme.server.pass(Duration::from_mins(2));
                Prepared::by_portal(&validate(token))
            }),
        )
        .only_notes(),
        Case::new(
            "ValidateSession",
            "for a second factor that it has proven",
            on!(acme => {
                let ana = enrolled(acme).await;
                let phone = acme.totp_session(&ana.phone).await;
                let mut request = validate(phone.token);
                request.set_min_assurance(v1::Assurance::MultiFactor);
                Prepared::by_portal(&request)
            }),
        ),
    ]
}

/// By Envoy: as they are validated.
fn checked() -> Vec<Case> {
    vec![
        Case::new(
            "Check",
            "of a session used lately",
            on!(acme => Prepared::by_portal(&check(&signed_in(acme).await.token, &[]))),
        ),
        Case::new(
            "Check",
            "of a session whose use is to be noted",
            on!(acme => {
                let token = signed_in(acme).await.token;
                acme.server.pass(Duration::from_mins(2));
                Prepared::by_portal(&check(&token, &[]))
            }),
        )
        .only_notes(),
        Case::new(
            "Check",
            "for a second factor that it has proven",
            on!(acme => {
                let ana = enrolled(acme).await;
                let phone = acme.totp_session(&ana.phone).await;
                let route = [("min_assurance", "ASSURANCE_MULTI_FACTOR")];
                Prepared::by_portal(&check(&phone.token, &route))
            }),
        ),
        Case::new(
            "Check",
            "of a session that there is not",
            on!(acme => {
                let _ = acme;
                Prepared::by_portal(&check(&unknown("ghs_"), &[]))
            }),
        ),
        Case::new(
            "Check",
            "without a token",
            on!(acme => {
                let _ = acme;
                Prepared::by_portal(&question(&[], &[]))
            }),
        ),
    ]
}

fn check(token: &str, route: &[(&str, &str)]) -> CheckRequest {
    question(&[("authorization", &format!("Bearer {token}"))], route)
}
