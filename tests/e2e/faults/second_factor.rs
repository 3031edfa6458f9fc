//! Codes, at sign-in and within a session.

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, RequestInvalid, SessionInvalid, SignInInvalid, SignInLocked, SignInStep,
    Throttled,
};
use gatehouse_api::v1::reauthenticate_session_request::Proof as SessionProof;
use gatehouse_api::v1::verify_second_factor_request::Proof;

use super::case::{Case, Prepared};
use super::situation::{
    almost_lock, at_second_factor, by_backup_code, by_next_code, by_password, enrolled, signed_in,
    throttle, wrong_backup_code,
};
use crate::reasons::my_account::reauthenticate;
use crate::reasons::sign_in::{WRONG_PASSWORD, totp};
use gatehouse_tests::authenticator::PERIOD;
use gatehouse_tests::{Acme, Enrolled, MyAccount, PASSWORD, refused};

const SUCCEEDED: &[&str] = &["sign_in.succeeded"];
const FAILED: &[&str] = &["sign_in.failed"];
const PROVEN: &[&str] = &["session.reauthenticated"];
const NOT_PROVEN: &[&str] = &["session.reauthentication_failed"];

pub fn cases() -> Vec<Case> {
    [right_codes(), wrong_codes(), locks(), proofs(), wrong_proofs(), passwords()]
        .into_iter()
        .flatten()
        .collect()
}

fn right_codes() -> Vec<Case> {
    vec![
        Case::new(
            "VerifySecondFactor",
            "by a right code",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                let request = totp(token.clone(), ana.phone.code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        )
        .leaves(SUCCEEDED)
        .charges_code()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => {
            let code = prepared.phone.as_ref().unwrap().code(acme.server.now());
            let used = acme.web.totp(&acme.sign_in().await.token, &code).await;
            assert!(refused(used).is(CredentialsRejected), "it is used up");
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new(
            "VerifySecondFactor",
            "by a right code after a wrong one",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                refused(acme.web.totp(&token, &ana.phone.wrong_code(acme.server.now())).await);
                let request = totp(token.clone(), ana.phone.code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        )
        .leaves(SUCCEEDED)
        .charges_code()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new(
            "VerifySecondFactor",
            "by a right backup code",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                let request = backup_code(&token, &ana.backup_codes[0]);
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        )
        .leaves(SUCCEEDED)
        .charges_code()
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => {
            let codes = &prepared.backup_codes;
            let used = acme.web.backup_code(&acme.sign_in().await.token, &codes[0]).await;
            assert!(refused(used).is(CredentialsRejected), "it is used up");
            by_backup_code(acme, &codes[1], PASSWORD).await;
        })),
    ]
}

fn refused_code(case: Case) -> Case {
    case.refused(CredentialsRejected).leaves(FAILED).charges_code()
}

fn wrong_codes() -> Vec<Case> {
    vec![
        refused_code(Case::new(
            "VerifySecondFactor",
            "by a wrong code",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                let request = totp(token.clone(), ana.phone.wrong_code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        ))
        .then(after!(acme, prepared, answer => {
            let code = &prepared.backup_codes[0];
            acme.web.backup_code(prepared.sign_in.as_ref().unwrap(), code).await.unwrap();
        })),
        refused_code(Case::new(
            "VerifySecondFactor",
            "by a wrong backup code",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                let request = backup_code(&token, &wrong_backup_code());
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        ))
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        refused_code(Case::new(
            "VerifySecondFactor",
            "by a used code",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                let code = ana.phone.code(acme.server.now());
                acme.web.totp(&acme.sign_in().await.token, &code).await.unwrap();
                Prepared::by_portal(&totp(token.clone(), code)).sign_in(&token).factor(&ana)
            }),
        ))
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        refused_code(Case::new(
            "VerifySecondFactor",
            "by a used backup code",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                let code = &ana.backup_codes[0];
                acme.web.backup_code(&acme.sign_in().await.token, code).await.unwrap();
                Prepared::by_portal(&backup_code(&token, code)).sign_in(&token).factor(&ana)
            }),
        ))
        .then(after!(acme, prepared, answer => {
            by_backup_code(acme, &prepared.backup_codes[1], PASSWORD).await;
        })),
    ]
}

fn locks() -> Vec<Case> {
    vec![
        refused_code(Case::new(
            "VerifySecondFactor",
            "by the wrong code that locks",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                almost_lock(acme, &token, &ana.phone).await;
                let request = totp(token.clone(), ana.phone.wrong_code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        ))
        .once_done(SignInLocked)
        .once_charged(Throttled)
        .then(after!(acme, prepared, answer => {
            acme.server.pass(PERIOD);
            let token = acme.sign_in().await.token;
            let code = prepared.phone.as_ref().unwrap().code(acme.server.now());
            let locked = acme.web.totp(&token, &code).await;
            assert!(refused(locked).is(SignInLocked), "whether the verdict was lost or not");
            acme.admin.unlock(&acme.customer).await.unwrap();
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new(
            "VerifySecondFactor",
            "by a right code, while locked",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                almost_lock(acme, &token, &ana.phone).await;
                refused(acme.web.totp(&token, &ana.phone.wrong_code(acme.server.now())).await);
                let request = totp(token.clone(), ana.phone.code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        )
        .refused(SignInLocked)
        .leaves(FAILED)
        .then(after!(acme, prepared, answer => {
            acme.admin.unlock(&acme.customer).await.unwrap();
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new(
            "VerifySecondFactor",
            "while others are judged",
            on!(acme => {
                let (token, ana) = at_second_factor(acme).await;
                acme.server.keep_judging(&acme.customer).await;
                let request = totp(token.clone(), ana.phone.code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).factor(&ana)
            }),
        )
        .refused(Throttled)
        .leaves(FAILED),
        Case::new(
            "VerifySecondFactor",
            "at another step",
            on!(acme => {
                let token = acme.sign_in().await.token;
                Prepared::by_portal(&totp(token.clone(), "000000".to_owned())).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(SignInStep),
    ]
}

fn proofs() -> Vec<Case> {
    vec![
        Case::new(
            "ReauthenticateSession",
            "by a right code",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                let proof = SessionProof::TotpCode(ana.phone.code(acme.server.now()));
                let request = reauthenticate(account.token.clone(), proof);
                Prepared::by_portal(&request).session(&account.token).factor(&ana)
            }),
        )
        .leaves(PROVEN)
        .charges_code()
        .once_done(CredentialsRejected)
        .then(after!(acme, prepared, answer => {
            let account = acme.web.account(prepared.session.as_ref().unwrap());
            acme.web.validate_multi_factor(&account.token).await.unwrap();
            acme.server.pass(PERIOD);
            let code = prepared.phone.as_ref().unwrap().code(acme.server.now());
            account.prove_totp(&code).await.unwrap();
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new(
            "ReauthenticateSession",
            "by a right backup code",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                let proof = SessionProof::BackupCode(ana.backup_codes[0].clone());
                let request = reauthenticate(account.token.clone(), proof);
                Prepared::by_portal(&request).session(&account.token).factor(&ana)
            }),
        )
        .leaves(PROVEN)
        .charges_code()
        .once_done(CredentialsRejected)
        .then(after!(acme, prepared, answer => {
            let account = acme.web.account(prepared.session.as_ref().unwrap());
            acme.web.validate_multi_factor(&account.token).await.unwrap();
            account.prove_backup_code(&prepared.backup_codes[1]).await.unwrap();
        })),
    ]
}

fn wrong_proofs() -> Vec<Case> {
    let refused_code =
        |case: Case| case.refused(CredentialsRejected).leaves(NOT_PROVEN).charges_code();
    vec![
        refused_code(Case::new(
            "ReauthenticateSession",
            "by a wrong code",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                let proof = SessionProof::TotpCode(ana.phone.wrong_code(acme.server.now()));
                let request = reauthenticate(account.token.clone(), proof);
                Prepared::by_portal(&request).session(&account.token).factor(&ana)
            }),
        ))
        .then(after!(acme, prepared, answer => {
            let account = acme.web.account(prepared.session.as_ref().unwrap());
            let code = prepared.phone.as_ref().unwrap().code(acme.server.now());
            account.prove_totp(&code).await.unwrap();
        })),
        refused_code(Case::new(
            "ReauthenticateSession",
            "by a wrong backup code",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                let proof = SessionProof::BackupCode(wrong_backup_code());
                let request = reauthenticate(account.token.clone(), proof);
                Prepared::by_portal(&request).session(&account.token).factor(&ana)
            }),
        )),
        refused_code(Case::new(
            "ReauthenticateSession",
            "by a used code",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                let code = ana.phone.code(acme.server.now());
                acme.web.totp(&acme.sign_in().await.token, &code).await.unwrap();
                let request = reauthenticate(account.token.clone(), SessionProof::TotpCode(code));
                Prepared::by_portal(&request).session(&account.token).factor(&ana)
            }),
        )),
        Case::new(
            "ReauthenticateSession",
            "by a right code, while locked",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                for wrong in ana.phone.wrong_codes(acme.server.now()).take(3) {
                    refused(account.prove_totp(&wrong).await);
                }
                let proof = SessionProof::TotpCode(ana.phone.code(acme.server.now()));
                let request = reauthenticate(account.token.clone(), proof);
                Prepared::by_portal(&request).session(&account.token).factor(&ana)
            }),
        )
        .refused(SignInLocked)
        .leaves(NOT_PROVEN),
    ]
}

fn passwords() -> Vec<Case> {
    vec![
        Case::new(
            "ReauthenticateSession",
            "by the password",
            on!(acme => {
                let account = signed_in(acme).await;
                acme.next_code();
                by_right_password(&account)
            }),
        )
        .leaves(PROVEN)
        .charges_password()
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "ReauthenticateSession",
            "by a wrong password",
            on!(acme => {
                let account = signed_in(acme).await;
                let proof = SessionProof::Password(WRONG_PASSWORD.to_owned());
                let request = reauthenticate(account.token.clone(), proof);
                Prepared::by_portal(&request).session(&account.token)
            }),
        )
        .refused(CredentialsRejected)
        .leaves(NOT_PROVEN)
        .charges_password()
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "ReauthenticateSession",
            "by the password, after wrong ones",
            on!(acme => {
                let account = signed_in(acme).await;
                throttle(acme).await;
                by_right_password(&account)
            }),
        )
        .refused(Throttled)
        .leaves(NOT_PROVEN),
        Case::new(
            "ReauthenticateSession",
            "by the password, despite a factor",
            on!(acme => {
                let (account, ana) = weaker_session(acme).await;
                by_right_password(&account).factor(&ana)
            }),
        )
        .refused(RequestInvalid),
        Case::new(
            "ReauthenticateSession",
            "that has ended",
            on!(acme => {
                let account = signed_in(acme).await;
                acme.web.sign_out(&account.token).await.unwrap();
                by_right_password(&account)
            }),
        )
        .refused(SessionInvalid),
    ]
}

/// A session from before there was a factor.
async fn weaker_session(acme: &Acme) -> (MyAccount, Enrolled) {
    let account = signed_in(acme).await;
    (account, enrolled(acme).await)
}

fn by_right_password(account: &MyAccount) -> Prepared {
    let proof = SessionProof::Password(PASSWORD.to_owned());
    Prepared::by_portal(&reauthenticate(account.token.clone(), proof)).session(&account.token)
}

fn backup_code(token: &str, code: &str) -> v1::VerifySecondFactorRequest {
    v1::VerifySecondFactorRequest {
        proof: Some(Proof::BackupCode(code.to_owned())),
        ..totp(token.to_owned(), String::new())
    }
}
