//! Signing in.

use gatehouse_api::v1;
use gatehouse_api::v1::verify_second_factor_request::Proof;

use super::case::Case;
use gatehouse_tests::{Acme, Authenticator, EMAIL, PASSWORD, client, refused};

pub const WRONG_PASSWORD: &str = "wrong horse battery";
pub const NEW_PASSWORD: &str = "another horse battery";

pub fn cases() -> Vec<Case> {
    cases! { acme;
        GetOwnPortal {
            Success => v1::GetOwnPortalRequest {},
        }
        StartSignIn {
            Success => v1::StartSignInRequest { email: EMAIL.to_owned(), client: Some(client()) },
        }
        GetSignIn {
            Success => get(started(acme).await),
            SignInInvalid => get(unknown("ghi_")),
        }
        VerifyPassword {
            Success => password(started(acme).await),
            CredentialsRejected => v1::VerifyPasswordRequest {
                password: WRONG_PASSWORD.to_owned(),
                ..password(started(acme).await)
            },
            SignInInvalid => password(unknown("ghi_")),
            SignInStep => password(at_enroll(acme).await),
            CustomerSuspended => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                password(started(acme).await)
            },
            PortalUsesSaml => {
                saml_instead(acme).await;
                password(started(acme).await)
            },
            Throttled => {
                for _ in 0..5 {
                    refused(acme.web.sign_in(EMAIL, WRONG_PASSWORD).await);
                }
                password(started(acme).await)
            },
        }
        VerifySecondFactor {
            Success => right_code(acme, &at_second_factor(acme).await),
            CredentialsRejected => {
                let (token, phone) = at_second_factor(acme).await;
                totp(token, phone.wrong_code(acme.server.now()))
            },
            SignInInvalid => totp(unknown("ghi_"), "000000".to_owned()),
            SignInStep => totp(at_enroll(acme).await, "000000".to_owned()),
            SignInLocked => {
                let asked = at_second_factor(acme).await;
                for wrong in asked.1.wrong_codes(acme.server.now()).take(10) {
                    refused(acme.web.totp(&asked.0, &wrong).await);
                }
                right_code(acme, &asked)
            },
            PortalUsesSaml => {
                let asked = at_second_factor(acme).await;
                saml_instead(acme).await;
                right_code(acme, &asked)
            },
            Throttled => {
                let asked = at_second_factor(acme).await;
                acme.server.keep_judging(&acme.customer).await;
                right_code(acme, &asked)
            },
        }
        RequestInvitation {
            Success => forgotten(),
            PortalUsesSaml => {
                saml_instead(acme).await;
                forgotten()
            },
            Throttled => {
                for _ in 0..3 {
                    acme.web.request_invitation(EMAIL).await.unwrap();
                }
                forgotten()
            },
        }
        AcceptInvitation {
            Success => accept(invited(acme).await),
            InvitationInvalid => accept(unknown("ghv_")),
            PasswordPolicy => v1::AcceptInvitationRequest {
                new_password: "short".to_owned(),
                ..accept(invited(acme).await)
            },
            CustomerSuspended => {
                acme.admin.suspend(&acme.customer, true).await.unwrap();
                accept(invited(acme).await)
            },
            PortalUsesSaml => {
                saml_instead(acme).await;
                accept(invited(acme).await)
            },
        }
        FinishSignIn {
            Success => finish(at_backup_codes(acme).await),
            SignInInvalid => finish(unknown("ghi_")),
            SignInStep => finish(at_enroll(acme).await),
            PortalUsesSaml => {
                let token = at_backup_codes(acme).await;
                saml_instead(acme).await;
                finish(token)
            },
        }
    }
}

/// A token of nothing.
pub fn unknown(prefix: &str) -> String {
    format!("{prefix}{}", "A".repeat(43))
}

/// The token of a sign-in at `password`.
pub async fn started(acme: &Acme) -> String {
    acme.web.start(EMAIL).await.unwrap().token
}

/// The token of a sign-in at `enroll`.
pub async fn at_enroll(acme: &Acme) -> String {
    acme.enforce(true).await;
    acme.sign_in().await.token
}

/// The token of a sign-in at `backup_codes`.
pub async fn at_backup_codes(acme: &Acme) -> String {
    let token = at_enroll(acme).await;
    acme.enable(&acme.web.get(&token).await.unwrap()).await;
    token
}

/// The token of a sign-in at `second_factor`, where MFA is not enforced.
async fn at_second_factor(acme: &Acme) -> (String, Authenticator) {
    let account = acme.web.account(&acme.password_session().await.token);
    let phone = acme.enable_in(&account).await;
    (acme.sign_in().await.token, phone)
}

/// The portal signs in by SAML from now on.
pub async fn saml_instead(acme: &Acme) {
    let saml = Some(gatehouse_tests::saml());
    acme.update(v1::Portal { saml, ..Default::default() }, &["mfa.enforced", "saml"]).await;
}

async fn invited(acme: &Acme) -> String {
    acme.admin.invite(&acme.customer).await.unwrap().token
}

fn get(sign_in_token: String) -> v1::GetSignInRequest {
    v1::GetSignInRequest { sign_in_token }
}

pub fn password(sign_in_token: String) -> v1::VerifyPasswordRequest {
    v1::VerifyPasswordRequest { sign_in_token, password: PASSWORD.to_owned(), client: None }
}

pub fn totp(sign_in_token: String, code: String) -> v1::VerifySecondFactorRequest {
    let proof = Some(Proof::TotpCode(code));
    v1::VerifySecondFactorRequest { sign_in_token, proof, client: None }
}

/// With a code that has not been used yet.
fn right_code(
    acme: &Acme,
    (token, phone): &(String, Authenticator),
) -> v1::VerifySecondFactorRequest {
    totp(token.clone(), phone.next_code(acme.server.now()))
}

fn forgotten() -> v1::RequestInvitationRequest {
    v1::RequestInvitationRequest { email: EMAIL.to_owned(), client: Some(client()) }
}

pub fn accept(invitation_token: String) -> v1::AcceptInvitationRequest {
    v1::AcceptInvitationRequest {
        invitation_token,
        new_password: NEW_PASSWORD.to_owned(),
        client: Some(client()),
    }
}

pub fn finish(sign_in_token: String) -> v1::FinishSignInRequest {
    v1::FinishSignInRequest { sign_in_token, client: None }
}
