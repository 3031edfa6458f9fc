//! Setting up a factor, on behalf of a sign-in or a session.

use std::time::Duration;

use gatehouse_api::v1;

use super::case::Case;
use super::sign_in::{at_backup_codes, at_enroll, saml_instead, started, unknown};
use gatehouse_tests::{Acme, MyAccount};

/// Longer than a portal's reauthentication window.
pub const LONG: Duration = Duration::from_mins(6);

pub fn cases() -> Vec<Case> {
    cases! { acme;
        StartEnrollment {
            Success => start(at_enroll(acme).await),
            SignInInvalid => start(unknown("ghi_")),
            SignInStep => start(started(acme).await),
            PortalUsesSaml => start(stopped(acme).await),
            SessionInvalid => start(unknown("ghs_")),
            ReauthenticationRequired => {
                let account = signed_in(acme).await;
                acme.server.pass(LONG);
                start(account.token)
            },
        }
        VerifyEnrollment {
            Success => {
                let (token, code) = at_pending(acme).await;
                verify(token, code)
            },
            CredentialsRejected => {
                let sign_in = acme.web.get(&at_enroll(acme).await).await.unwrap();
                let phone = acme.start_enrollment(&sign_in).await;
                verify(sign_in.token, phone.wrong_code(acme.server.now()))
            },
            EnrollmentNotStarted => verify(at_enroll(acme).await, any_code()),
            SignInInvalid => verify(unknown("ghi_"), any_code()),
            SignInStep => verify(started(acme).await, any_code()),
            PortalUsesSaml => {
                let (token, code) = at_pending(acme).await;
                saml_instead(acme).await;
                verify(token, code)
            },
            SessionInvalid => verify(unknown("ghs_"), any_code()),
            Throttled => {
                let (token, code) = at_pending(acme).await;
                acme.server.keep_judging_enrollment(&acme.portal, &token).await;
                verify(token, code)
            },
        }
        DeleteEnrollment {
            Success => delete(at_pending(acme).await.0),
            SignInInvalid => delete(unknown("ghi_")),
            SignInStep => delete(started(acme).await),
            PortalUsesSaml => delete(stopped(acme).await),
            SessionInvalid => delete(unknown("ghs_")),
        }
        EnableMfa {
            Success => enable(at_verified(acme).await),
            EnrollmentNotStarted => enable(at_enroll(acme).await),
            EnrollmentNotVerified => enable(at_pending(acme).await.0),
            SignInInvalid => enable(unknown("ghi_")),
            SignInStep => enable(started(acme).await),
            PortalUsesSaml => {
                let token = at_verified(acme).await;
                saml_instead(acme).await;
                enable(token)
            },
            SessionInvalid => enable(unknown("ghs_")),
            ReauthenticationRequired => {
                let account = signed_in(acme).await;
                let phone = account.scan().await.unwrap();
                let code = phone.code(acme.server.now());
                account.verify_enrollment(&code).await.unwrap();
                acme.server.pass(LONG);
                enable(account.token)
            },
        }
        GenerateBackupCodes {
            Success => generate(at_backup_codes(acme).await),
            MfaNotEnabled => generate(signed_in(acme).await.token),
            SignInInvalid => generate(unknown("ghi_")),
            SignInStep => generate(at_enroll(acme).await),
            PortalUsesSaml => {
                let token = at_backup_codes(acme).await;
                saml_instead(acme).await;
                generate(token)
            },
            SessionInvalid => generate(unknown("ghs_")),
            ReauthenticationRequired => {
                let account = signed_in(acme).await;
                acme.enable_in(&account).await;
                acme.server.pass(LONG);
                generate(account.token)
            },
        }
    }
}

/// A session whose password has just been proven.
pub async fn signed_in(acme: &Acme) -> MyAccount {
    acme.web.account(&acme.password_session().await.token)
}

/// The token of a sign-in that was at `enroll` before the portal had SAML.
async fn stopped(acme: &Acme) -> String {
    let token = at_enroll(acme).await;
    saml_instead(acme).await;
    token
}

/// The token of a sign-in that sets a factor up, and the code to verify it with.
async fn at_pending(acme: &Acme) -> (String, String) {
    let sign_in = acme.web.get(&at_enroll(acme).await).await.unwrap();
    let phone = acme.start_enrollment(&sign_in).await;
    (sign_in.token, phone.code(acme.server.now()))
}

/// The same, with its code verified.
async fn at_verified(acme: &Acme) -> String {
    let (token, code) = at_pending(acme).await;
    acme.web.verify_enrollment(&token, &code).await.unwrap();
    token
}

fn any_code() -> String {
    "000000".to_owned()
}

/// What a token is of stands in its prefix.
macro_rules! credential {
    ($module:ident, $token:ident) => {
        Some(if $token.starts_with("ghs_") {
            v1::$module::Credential::SessionToken($token)
        } else {
            v1::$module::Credential::SignInToken($token)
        })
    };
}

pub fn start(token: String) -> v1::StartEnrollmentRequest {
    v1::StartEnrollmentRequest {
        credential: credential!(start_enrollment_request, token),
        factor: Some(v1::start_enrollment_request::Factor::Totp(v1::StartTotp {})),
        client: None,
    }
}

pub fn verify(token: String, code: String) -> v1::VerifyEnrollmentRequest {
    v1::VerifyEnrollmentRequest {
        credential: credential!(verify_enrollment_request, token),
        proof: Some(v1::verify_enrollment_request::Proof::TotpCode(code)),
        client: None,
    }
}

pub fn delete(token: String) -> v1::DeleteEnrollmentRequest {
    let credential = credential!(delete_enrollment_request, token);
    v1::DeleteEnrollmentRequest { credential, client: None }
}

pub fn enable(token: String) -> v1::EnableMfaRequest {
    let credential = credential!(enable_mfa_request, token);
    v1::EnableMfaRequest { credential, client: None }
}

pub fn generate(token: String) -> v1::GenerateBackupCodesRequest {
    let credential = credential!(generate_backup_codes_request, token);
    v1::GenerateBackupCodesRequest { credential, client: None }
}
