//! Setting up a factor.

use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, EnrollmentNotStarted, EnrollmentNotVerified, MfaNotEnabled,
    ReauthenticationRequired, SignInStep, Throttled,
};

use super::case::{Case, Prepared};
use super::situation::{
    at_second_factor, by_backup_code, by_next_code, codes, enrolled, signed_in,
};
use crate::reasons::enrollment::{LONG, delete, enable, generate, start, verify};
use gatehouse_tests::{Acme, Authenticator, MyAccount, PASSWORD, SignInExt, refused, setup};

const STARTED: &[&str] = &["mfa.enrollment_started"];
const VERIFIED: &[&str] = &["mfa.enrollment_verified"];
const FAILED: &[&str] = &["mfa.enrollment_failed"];
const DELETED: &[&str] = &["mfa.enrollment_deleted"];
const ENABLED: &[&str] = &["mfa.enabled"];
const GENERATED: &[&str] = &["backup_codes.generated"];

pub fn cases() -> Vec<Case> {
    [starts(), verifications(), wrong_codes(), ends(), enabled(), backup_codes()]
        .into_iter()
        .flatten()
        .collect()
}

fn starts() -> Vec<Case> {
    vec![
        Case::new("StartEnrollment", "in a sign-in", on!(acme => {
            let token = acme.sign_in().await.token;
            Prepared::by_portal(&start(token.clone())).sign_in(&token)
        }))
        .enforcing()
        .leaves(STARTED)
        .then(after!(acme, prepared, answer => {
            let token = prepared.sign_in.as_ref().unwrap();
            let sign_in = acme.web.get(token).await.unwrap();
            let phone = Authenticator::with_secret(&sign_in.pending().unwrap().1.secret);
            let code = phone.code(acme.server.now());
            acme.web.verify_enrollment(token, &code).await.unwrap();
        })),
        Case::new("StartEnrollment", "in a session", on!(acme => {
            let token = signed_in(acme).await.token;
            Prepared::by_portal(&start(token.clone())).session(&token)
        }))
        .leaves(STARTED)
        .then(after!(acme, prepared, answer => {
            let account = acme.web.account(prepared.session.as_ref().unwrap());
            let mfa = account.mfa().await.unwrap();
            let phone = Authenticator::with_secret(&setup(&mfa).unwrap().1.secret);
            account.verify_enrollment(&phone.code(acme.server.now())).await.unwrap();
        })),
        Case::new("StartEnrollment", "in place of one, beside a factor", on!(acme => {
            let ana = enrolled(acme).await;
            let account = acme.web.account(&ana.session.token);
            let (_, code) = pending(acme, &account).await;
            account.verify_enrollment(&code).await.unwrap();
            Prepared::by_portal(&start(account.token.clone())).session(&account.token).factor(&ana)
        }))
        .leaves(STARTED)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new("StartEnrollment", "long after the last proof", on!(acme => {
            let token = signed_in(acme).await.token;
            acme.server.pass(LONG);
            Prepared::by_portal(&start(token.clone())).session(&token)
        }))
        .refused(ReauthenticationRequired),
        Case::new("StartEnrollment", "of a sign-in at another step", on!(acme => {
            let (token, ana) = at_second_factor(acme).await;
            Prepared::by_portal(&start(token.clone())).sign_in(&token).factor(&ana)
        }))
        .refused(SignInStep),
    ]
}

fn verifications() -> Vec<Case> {
    vec![
        Case::new("VerifyEnrollment", "in a sign-in", on!(acme => {
            let (token, phone) = at_pending(acme).await;
            let request = verify(token.clone(), phone.code(acme.server.now()));
            Prepared::by_portal(&request).sign_in(&token).phone(&phone)
        }))
        .enforcing()
        .leaves(VERIFIED)
        .charges_enrollment()
        .then(after!(acme, prepared, answer => {
            let token = prepared.sign_in.as_ref().unwrap();
            acme.web.enable_mfa(token).await.unwrap();
            acme.web.finish(token).await.unwrap();
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new("VerifyEnrollment", "in a session", on!(acme => {
            let account = signed_in(acme).await;
            let (phone, code) = pending(acme, &account).await;
            let request = verify(account.token.clone(), code);
            Prepared::by_portal(&request).session(&account.token).phone(&phone)
        }))
        .leaves(VERIFIED)
        .charges_enrollment()
        .then(after!(acme, prepared, answer => {
            let account = acme.web.account(prepared.session.as_ref().unwrap());
            account.enable_mfa().await.unwrap();
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new("VerifyEnrollment", "again", on!(acme => {
            let (token, phone) = at_verified(acme).await;
            Prepared::by_portal(&verify(token.clone(), any_code())).sign_in(&token).phone(&phone)
        }))
        .enforcing(),
    ]
}

fn wrong_codes() -> Vec<Case> {
    vec![
        Case::new(
            "VerifyEnrollment",
            "by a wrong code, in a sign-in",
            on!(acme => {
                let (token, phone) = at_pending(acme).await;
                let request = verify(token.clone(), phone.wrong_code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token).phone(&phone)
            }),
        )
        .enforcing()
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_enrollment()
        .then(after!(acme, prepared, answer => {
            let code = prepared.phone.as_ref().unwrap().code(acme.server.now());
            let token = prepared.sign_in.as_ref().unwrap();
            acme.web.verify_enrollment(token, &code).await.unwrap();
        })),
        Case::new(
            "VerifyEnrollment",
            "by a wrong code, in a session",
            on!(acme => {
                let account = signed_in(acme).await;
                let (phone, _) = pending(acme, &account).await;
                let request = verify(account.token.clone(), phone.wrong_code(acme.server.now()));
                Prepared::by_portal(&request).session(&account.token).phone(&phone)
            }),
        )
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_enrollment(),
        Case::new(
            "VerifyEnrollment",
            "by the last wrong code",
            on!(acme => {
                let (token, phone) = at_pending(acme).await;
                let mut wrong = phone.wrong_codes(acme.server.now());
                for code in wrong.by_ref().take(4) {
                    refused(acme.web.verify_enrollment(&token, &code).await);
                }
                let request = verify(token.clone(), wrong.next().unwrap());
                Prepared::by_portal(&request).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(CredentialsRejected)
        .leaves(FAILED)
        .charges_enrollment()
        .once_done(EnrollmentNotStarted)
        .once_charged(Throttled)
        .then(after!(acme, prepared, answer => {
            let token = prepared.sign_in.as_ref().unwrap();
            let sign_in = acme.web.get(token).await.unwrap();
            acme.enable(&sign_in).await;
        })),
        Case::new(
            "VerifyEnrollment",
            "once all codes are charged and lost",
            on!(acme => {
                let (token, _) = at_pending(acme).await;
                acme.server.keep_judging_enrollment(&acme.portal, &token).await;
                acme.next_code();
                Prepared::by_portal(&verify(token.clone(), any_code())).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(EnrollmentNotStarted)
        .leaves(FAILED),
        Case::new(
            "VerifyEnrollment",
            "while others are judged",
            on!(acme => {
                let (token, phone) = at_pending(acme).await;
                acme.server.keep_judging_enrollment(&acme.portal, &token).await;
                let request = verify(token.clone(), phone.code(acme.server.now()));
                Prepared::by_portal(&request).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(Throttled)
        .leaves(FAILED),
        Case::new(
            "VerifyEnrollment",
            "without a start",
            on!(acme => {
                let token = acme.sign_in().await.token;
                Prepared::by_portal(&verify(token.clone(), any_code())).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(EnrollmentNotStarted),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        Case::new("DeleteEnrollment", "in a sign-in", on!(acme => {
            let (token, _) = at_pending(acme).await;
            Prepared::by_portal(&delete(token.clone())).sign_in(&token)
        }))
        .enforcing()
        .leaves(DELETED)
        .then(after!(acme, prepared, answer => {
            let token = prepared.sign_in.as_ref().unwrap();
            let sign_in = acme.web.get(token).await.unwrap();
            acme.enable(&sign_in).await;
        })),
        Case::new("DeleteEnrollment", "in a session, beside a factor", on!(acme => {
            let ana = enrolled(acme).await;
            let account = acme.web.account(&ana.session.token);
            pending(acme, &account).await;
            Prepared::by_portal(&delete(account.token.clone())).session(&account.token).factor(&ana)
        }))
        .leaves(DELETED)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new("DeleteEnrollment", "of nothing", on!(acme => {
            let token = signed_in(acme).await.token;
            Prepared::by_portal(&delete(token.clone())).session(&token)
        })),
    ]
}

fn enabled() -> Vec<Case> {
    vec![
        Case::new(
            "EnableMfa",
            "in a sign-in",
            on!(acme => {
                let (token, phone) = at_verified(acme).await;
                Prepared::by_portal(&enable(token.clone())).sign_in(&token).phone(&phone)
            }),
        )
        .enforcing()
        .leaves(ENABLED)
        .then(after!(acme, prepared, answer => {
            acme.web.finish(prepared.sign_in.as_ref().unwrap()).await.unwrap();
            by_next_code(acme, prepared, PASSWORD).await;
        })),
        Case::new(
            "EnableMfa",
            "in a session, while another sets one up",
            on!(acme => {
                let other = signed_in(acme).await;
                other.start_enrollment().await.unwrap();
                let account = signed_in(acme).await;
                let (phone, code) = pending(acme, &account).await;
                account.verify_enrollment(&code).await.unwrap();
                // What the other has started ends.
                Prepared::by_portal(&enable(account.token)).session(&other.token).phone(&phone)
            }),
        )
        .leaves(ENABLED)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new(
            "EnableMfa",
            "in place of a factor",
            on!(acme => {
                let ana = enrolled(acme).await;
                let account = acme.web.account(&ana.session.token);
                let (phone, code) = pending(acme, &account).await;
                account.verify_enrollment(&code).await.unwrap();
                Prepared::by_portal(&enable(account.token.clone()))
                    .session(&account.token)
                    .factor(&ana)
                    .phone(&phone)
            }),
        )
        .leaves(ENABLED)
        .then(after!(acme, prepared, answer => {
            by_next_code(acme, prepared, PASSWORD).await;
            by_backup_code(acme, &prepared.backup_codes[0], PASSWORD).await;
        })),
        Case::new(
            "EnableMfa",
            "without a right code",
            on!(acme => {
                let (token, _) = at_pending(acme).await;
                Prepared::by_portal(&enable(token.clone())).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(EnrollmentNotVerified),
        Case::new(
            "EnableMfa",
            "without a start",
            on!(acme => {
                let token = signed_in(acme).await.token;
                Prepared::by_portal(&enable(token.clone())).session(&token)
            }),
        )
        .refused(EnrollmentNotStarted),
    ]
}

fn backup_codes() -> Vec<Case> {
    vec![
        Case::new(
            "GenerateBackupCodes",
            "in a sign-in",
            on!(acme => {
                let sign_in = acme.sign_in().await;
                let phone = acme.enable(&sign_in).await;
                let token = sign_in.token;
                Prepared::by_portal(&generate(token.clone())).sign_in(&token).phone(&phone)
            }),
        )
        .enforcing()
        .leaves(GENERATED)
        .then(after!(acme, prepared, answer => {
            by_backup_code(acme, &codes(answer)[0], PASSWORD).await;
        })),
        Case::new(
            "GenerateBackupCodes",
            "in place of others",
            on!(acme => {
                let ana = enrolled(acme).await;
                let token = &ana.session.token;
                Prepared::by_portal(&generate(token.clone())).session(token).factor(&ana)
            }),
        )
        .leaves(GENERATED)
        .then(after!(acme, prepared, answer => {
            by_backup_code(acme, &codes(answer)[0], PASSWORD).await;
            let sign_in = acme.sign_in().await;
            let earlier = acme.web.backup_code(&sign_in.token, &prepared.backup_codes[0]).await;
            assert!(refused(earlier).is(CredentialsRejected));
        })),
        Case::new(
            "GenerateBackupCodes",
            "without a factor",
            on!(acme => {
                let token = signed_in(acme).await.token;
                Prepared::by_portal(&generate(token.clone())).session(&token)
            }),
        )
        .refused(MfaNotEnabled),
    ]
}

/// The token of a sign-in that sets a factor up.
async fn at_pending(acme: &Acme) -> (String, Authenticator) {
    let sign_in = acme.sign_in().await;
    let phone = acme.start_enrollment(&sign_in).await;
    (sign_in.token, phone)
}

/// The same, with its code verified.
async fn at_verified(acme: &Acme) -> (String, Authenticator) {
    let (token, phone) = at_pending(acme).await;
    let code = phone.code(acme.server.now());
    acme.web.verify_enrollment(&token, &code).await.unwrap();
    (token, phone)
}

/// What a session sets up, and the code to verify it with.
async fn pending(acme: &Acme, account: &MyAccount) -> (Authenticator, String) {
    let phone = account.scan().await.unwrap();
    let code = phone.code(acme.server.now());
    (phone, code)
}

fn any_code() -> String {
    "000000".to_owned()
}
