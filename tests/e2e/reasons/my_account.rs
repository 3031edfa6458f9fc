//! What a session is for.

use gatehouse_api::v1;
use gatehouse_api::v1::reauthenticate_session_request::Proof;
use gatehouse_api::v1::sign_out_request::Target;

use super::case::Case;
use super::enrollment::{LONG, signed_in};
use super::sign_in::{NEW_PASSWORD, WRONG_PASSWORD, saml_instead, unknown};
use gatehouse_tests::{Acme, PASSWORD, refused};

pub fn cases() -> Vec<Case> {
    cases! { acme;
        GetMfa {
            Success => v1::GetMfaRequest { session_token: live(acme).await },
            SessionInvalid => v1::GetMfaRequest { session_token: unknown("ghs_") },
        }
        DisableMfa {
            Success => {
                let account = signed_in(acme).await;
                acme.enable_in(&account).await;
                disable(account.token)
            },
            MfaEnforced => {
                let token = live(acme).await;
                acme.enforce(true).await;
                disable(token)
            },
            SessionInvalid => disable(unknown("ghs_")),
            ReauthenticationRequired => disable(grown_old(acme).await),
        }
        ValidateSession {
            Success => validate(live(acme).await),
            SessionInvalid => validate(unknown("ghs_")),
            ReauthenticationRequired => v1::ValidateSessionRequest {
                max_authentication_age: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
                ..validate(grown_old(acme).await)
            },
            MfaNotEnabled => v1::ValidateSessionRequest {
                min_assurance: v1::Assurance::MultiFactor.into(),
                ..validate(live(acme).await)
            },
        }
        ReauthenticateSession {
            Success => reauthenticate(live(acme).await, Proof::Password(PASSWORD.to_owned())),
            CredentialsRejected => {
                let wrong = Proof::Password(WRONG_PASSWORD.to_owned());
                reauthenticate(live(acme).await, wrong)
            },
            SignInLocked => {
                let account = signed_in(acme).await;
                let phone = acme.enable_in(&account).await;
                for wrong in phone.wrong_codes(acme.server.now()).take(10) {
                    refused(account.prove_totp(&wrong).await);
                }
                let right = phone.next_code(acme.server.now());
                reauthenticate(account.token, Proof::TotpCode(right))
            },
            SessionInvalid => {
                reauthenticate(unknown("ghs_"), Proof::Password(PASSWORD.to_owned()))
            },
            Throttled => {
                let token = five_wrong_passwords(acme).await;
                reauthenticate(token, Proof::Password(PASSWORD.to_owned()))
            },
        }
        ListOwnSessions {
            Success => list(live(acme).await),
            SessionInvalid => list(unknown("ghs_")),
        }
        SignOut {
            Success => sign_out(live(acme).await, None),
            SessionInvalid => {
                sign_out(unknown("ghs_"), Some(Target::OtherSessions(v1::OtherSessions {})))
            },
        }
        ChangePassword {
            Success => change(live(acme).await),
            CredentialsRejected => v1::ChangePasswordRequest {
                current_password: WRONG_PASSWORD.to_owned(),
                ..change(live(acme).await)
            },
            PasswordPolicy => v1::ChangePasswordRequest {
                new_password: "short".to_owned(),
                ..change(live(acme).await)
            },
            PortalUsesSaml => {
                let token = live(acme).await;
                saml_instead(acme).await;
                change(token)
            },
            SessionInvalid => change(unknown("ghs_")),
            ReauthenticationRequired => change(grown_old(acme).await),
            Throttled => change(five_wrong_passwords(acme).await),
        }
    }
}

async fn live(acme: &Acme) -> String {
    signed_in(acme).await.token
}

/// A live session whose proof is no longer fresh.
async fn grown_old(acme: &Acme) -> String {
    let token = live(acme).await;
    acme.server.pass(LONG);
    token
}

/// A session after as many wrong passwords as are free of a wait.
async fn five_wrong_passwords(acme: &Acme) -> String {
    let account = signed_in(acme).await;
    for _ in 0..5 {
        refused(account.prove_password(WRONG_PASSWORD).await);
    }
    account.token
}

pub fn disable(session_token: String) -> v1::DisableMfaRequest {
    v1::DisableMfaRequest { session_token, client: None }
}

pub fn validate(session_token: String) -> v1::ValidateSessionRequest {
    v1::ValidateSessionRequest { session_token, ..Default::default() }
}

pub fn reauthenticate(session_token: String, proof: Proof) -> v1::ReauthenticateSessionRequest {
    v1::ReauthenticateSessionRequest { session_token, proof: Some(proof), client: None }
}

fn list(session_token: String) -> v1::ListOwnSessionsRequest {
    v1::ListOwnSessionsRequest { session_token, ..Default::default() }
}

pub fn sign_out(session_token: String, target: Option<Target>) -> v1::SignOutRequest {
    v1::SignOutRequest { session_token, target, client: None }
}

pub fn change(session_token: String) -> v1::ChangePasswordRequest {
    v1::ChangePasswordRequest {
        session_token,
        current_password: PASSWORD.to_owned(),
        new_password: NEW_PASSWORD.to_owned(),
        client: None,
    }
}
