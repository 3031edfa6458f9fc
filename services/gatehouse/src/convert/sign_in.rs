//! sign_in.proto

use gatehouse_api::v1;
use gatehouse_api::v1::sign_in::Next;

use super::fields::{count, timestamp};
use super::{customer, mfa, session};
use crate::usecase::sign_in::{IssuedSession, NextView, SecondFactorView, SignInView};

/// The message.
#[must_use]
pub fn message(view: &SignInView) -> v1::SignIn {
    v1::SignIn {
        token: view.token.to_string(),
        expire_time: Some(timestamp(view.expires_at)),
        email: view.email.clone(),
        next: Some(next(&view.next)),
    }
}

fn next(next: &NextView) -> Next {
    match next {
        NextView::Password => Next::Password(v1::PasswordStep {}),
        NextView::SecondFactor(view) => Next::SecondFactor(second_factor(view)),
        NextView::Enroll { pending, optional } => Next::Enroll(v1::EnrollStep {
            pending: pending.as_ref().map(mfa::enrollment),
            available: mfa::available(),
            optional: *optional,
        }),
        NextView::BackupCodes => Next::BackupCodes(v1::BackupCodesStep {}),
        NextView::Saml { sso_url } => Next::Saml(v1::SamlStep { sso_url: sso_url.clone() }),
        NextView::Session(issued) => Next::Session(issued_session(issued)),
    }
}

fn second_factor(view: &SecondFactorView) -> v1::SecondFactorStep {
    let mut accepted = vec![v1::SecondFactorType::Totp.into()];
    if view.backup_code {
        accepted.push(v1::SecondFactorType::BackupCode.into());
    }
    v1::SecondFactorStep {
        accepted,
        totp: Some(mfa::parameters(&view.parameters)),
        lock: view.lock.map(customer::lock),
    }
}

fn issued_session(issued: &IssuedSession) -> v1::IssuedSession {
    v1::IssuedSession {
        token: issued.token.expose().to_owned(),
        session: Some(session::message(&issued.session)),
        backup_codes_remaining: count(issued.backup_codes_remaining),
        enroll_by_time: issued.enroll_by.map(timestamp),
    }
}
