//! What ends sign-ins, and what sessions are for.

use std::time::Duration;

use gatehouse_api::v1;
use gatehouse_api::v1::ErrorReason::{
    CredentialsRejected, MfaEnforced, MfaNotEnabled, PasswordPolicy, PortalUsesSaml,
    ReauthenticationRequired, SessionInvalid, SignInInvalid, SignInStep, Throttled,
};
use gatehouse_api::v1::sign_out_request::Target;

use super::case::{Case, Prepared};
use super::situation::{by_next_code, by_password, enrolled, signed_in, throttle};
use crate::reasons::enrollment::LONG;
use crate::reasons::my_account::{change, disable, sign_out, validate};
use crate::reasons::sign_in::{NEW_PASSWORD, WRONG_PASSWORD, finish, unknown};
use gatehouse_tests::PASSWORD;

const SUCCEEDED: &[&str] = &["sign_in.succeeded"];
const SIGNED_OUT: &[&str] = &["session.signed_out"];
const CHANGED: &[&str] = &["password.changed"];
const NOT_CHANGED: &[&str] = &["password.change_failed"];

pub fn cases() -> Vec<Case> {
    [finished(), disabled(), validated(), signed_out(), changed(), not_changed()]
        .into_iter()
        .flatten()
        .collect()
}

fn finished() -> Vec<Case> {
    vec![
        Case::new(
            "FinishSignIn",
            "once a factor is set up",
            on!(acme => {
                let sign_in = acme.sign_in().await;
                let phone = acme.enable(&sign_in).await;
                let token = sign_in.token;
                Prepared::by_portal(&finish(token.clone())).sign_in(&token).phone(&phone)
            }),
        )
        .enforcing()
        .leaves(SUCCEEDED)
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, PASSWORD).await)),
        Case::new(
            "FinishSignIn",
            "where MFA is not enforced any more",
            on!(acme => {
                acme.enforce(true).await;
                let token = acme.sign_in().await.token;
                acme.enforce(false).await;
                Prepared::by_portal(&finish(token.clone())).sign_in(&token)
            }),
        )
        .alone()
        .leaves(SUCCEEDED)
        .once_done(SignInInvalid)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "FinishSignIn",
            "at another step",
            on!(acme => {
                let token = acme.sign_in().await.token;
                Prepared::by_portal(&finish(token.clone())).sign_in(&token)
            }),
        )
        .enforcing()
        .refused(SignInStep),
    ]
}

fn disabled() -> Vec<Case> {
    vec![
        Case::new(
            "DisableMfa",
            "with a factor",
            on!(acme => {
                let ana = enrolled(acme).await;
                let token = &ana.session.token;
                Prepared::by_portal(&disable(token.clone())).session(token)
            }),
        )
        .leaves(&["mfa.disabled"])
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "DisableMfa",
            "without one",
            on!(acme => {
                let token = signed_in(acme).await.token;
                Prepared::by_portal(&disable(token.clone())).session(&token)
            }),
        ),
        Case::new(
            "DisableMfa",
            "where MFA is enforced",
            on!(acme => {
                let token = acme.enroll().await.session.token;
                Prepared::by_portal(&disable(token.clone())).session(&token)
            }),
        )
        .enforcing()
        .refused(MfaEnforced),
        Case::new(
            "DisableMfa",
            "long after the last proof",
            on!(acme => {
                let token = enrolled(acme).await.session.token;
                acme.server.pass(LONG);
                Prepared::by_portal(&disable(token.clone())).session(&token)
            }),
        )
        .refused(ReauthenticationRequired),
    ]
}

fn validated() -> Vec<Case> {
    vec![
        Case::new(
            "ValidateSession",
            "whose use is to be noted, by a key as well",
            on!(acme => {
                let token = signed_in(acme).await.token;
                acme.server.pass(Duration::from_mins(2));
                Prepared::by_portal(&validate(token.clone())).session(&token)
            }),
        )
        .only_notes()
        .notes_key(),
        Case::new(
            "ValidateSession",
            "to look",
            on!(acme => {
                let token = signed_in(acme).await.token;
                acme.server.pass(Duration::from_mins(2));
                let request = v1::ValidateSessionRequest { passive: true, ..validate(token.clone()) };
                Prepared::by_portal(&request).session(&token)
            }),
        ),
        Case::new(
            "ValidateSession",
            "for more than the customer has",
            on!(acme => {
                let token = signed_in(acme).await.token;
                let mut request = validate(token.clone());
                request.set_min_assurance(v1::Assurance::MultiFactor);
                Prepared::by_portal(&request).session(&token)
            }),
        )
        .refused(MfaNotEnabled),
        Case::new(
            "ValidateSession",
            "for more than it has proven",
            on!(acme => {
                let token = signed_in(acme).await.token;
                enrolled(acme).await;
                let mut request = validate(token.clone());
                request.set_min_assurance(v1::Assurance::MultiFactor);
                Prepared::by_portal(&request).session(&token)
            }),
        )
        .refused(ReauthenticationRequired),
        Case::new(
            "ValidateSession",
            "that there is not",
            on!(acme => {
                let _ = acme;
                Prepared::by_portal(&validate(unknown("ghs_")))
            }),
        )
        .refused(SessionInvalid),
    ]
}

fn signed_out() -> Vec<Case> {
    vec![
        Case::new(
            "SignOut",
            "of this session",
            on!(acme => {
                signed_in(acme).await;
                let token = signed_in(acme).await.token;
                Prepared::by_portal(&sign_out(token.clone(), None)).session(&token)
            }),
        )
        .leaves(SIGNED_OUT)
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new(
            "SignOut",
            "of another session",
            on!(acme => {
                let other = acme.password_session().await;
                let token = signed_in(acme).await.token;
                let target = Target::Session(other.session.unwrap().name);
                Prepared::by_portal(&sign_out(token, Some(target))).session(&other.token)
            }),
        )
        .leaves(SIGNED_OUT),
        Case::new(
            "SignOut",
            "of all others",
            on!(acme => {
                signed_in(acme).await;
                signed_in(acme).await;
                let token = signed_in(acme).await.token;
                let target = Target::OtherSessions(v1::OtherSessions {});
                Prepared::by_portal(&sign_out(token.clone(), Some(target))).session(&token)
            }),
        )
        .leaves(SIGNED_OUT),
        Case::new(
            "SignOut",
            "of a session that has ended",
            on!(acme => {
                let token = signed_in(acme).await.token;
                acme.web.sign_out(&token).await.unwrap();
                Prepared::by_portal(&sign_out(token.clone(), None)).session(&token)
            }),
        ),
        Case::new(
            "SignOut",
            "of others by a session that has ended",
            on!(acme => {
                signed_in(acme).await;
                let token = signed_in(acme).await.token;
                acme.web.sign_out(&token).await.unwrap();
                let target = Target::OtherSessions(v1::OtherSessions {});
                Prepared::by_portal(&sign_out(token.clone(), Some(target))).session(&token)
            }),
        )
        .refused(SessionInvalid),
    ]
}

fn changed() -> Vec<Case> {
    vec![
        Case::new(
            "ChangePassword",
            "which ends other sessions",
            on!(acme => {
                let other = signed_in(acme).await.token;
                acme.admin.invite(&acme.customer).await.unwrap();
                let token = signed_in(acme).await.token;
                Prepared::by_portal(&change(token)).session(&other)
            }),
        )
        .leaves(CHANGED)
        .charges_password()
        // The password that was right is not any more.
        .once_done(CredentialsRejected)
        .then(after!(acme, prepared, answer => by_password(acme, NEW_PASSWORD).await)),
        Case::new(
            "ChangePassword",
            "with a factor",
            on!(acme => {
                let ana = enrolled(acme).await;
                let token = &ana.session.token;
                Prepared::by_portal(&change(token.clone())).session(token).factor(&ana)
            }),
        )
        .leaves(CHANGED)
        .charges_password()
        .once_done(CredentialsRejected)
        .then(after!(acme, prepared, answer => by_next_code(acme, prepared, NEW_PASSWORD).await)),
    ]
}

fn not_changed() -> Vec<Case> {
    vec![
        Case::new("ChangePassword", "by a wrong one", on!(acme => {
            let token = signed_in(acme).await.token;
            let current_password = WRONG_PASSWORD.to_owned();
            let request = v1::ChangePasswordRequest { current_password, ..change(token.clone()) };
            Prepared::by_portal(&request).session(&token)
        }))
        .refused(CredentialsRejected)
        .leaves(NOT_CHANGED)
        .charges_password()
        .then(after!(acme, prepared, answer => by_password(acme, PASSWORD).await)),
        Case::new("ChangePassword", "after wrong ones", on!(acme => {
            let token = signed_in(acme).await.token;
            throttle(acme).await;
            Prepared::by_portal(&change(token.clone())).session(&token)
        }))
        .refused(Throttled)
        .leaves(NOT_CHANGED),
        Case::new("ChangePassword", "to a weak one", on!(acme => {
            let token = signed_in(acme).await.token;
            let new_password = "short".to_owned();
            let request = v1::ChangePasswordRequest { new_password, ..change(token.clone()) };
            Prepared::by_portal(&request).session(&token)
        }))
        .refused(PasswordPolicy),
        Case::new("ChangePassword", "long after the last proof", on!(acme => {
            let token = signed_in(acme).await.token;
            acme.server.pass(LONG);
            Prepared::by_portal(&change(token.clone())).session(&token)
        }))
        .refused(ReauthenticationRequired),
        Case::new("ChangePassword", "where SAML is used", on!(acme => {
            let token = signed_in(acme).await.token;
            acme.use_saml().await;
            Prepared::by_portal(&change(token.clone())).session(&token)
        }))
        .alone()
        .refused(PortalUsesSaml),
    ]
}
