//! mfa.proto

use gatehouse_api::v1;
use gatehouse_domain::customer::CustomerView;
use gatehouse_domain::enrollment::{Factor, State};
use gatehouse_domain::portal::PortalSettings;
use gatehouse_domain::time::Timestamp;
use gatehouse_domain::totp::{TotpAlgorithm, TotpParameters};

use super::fields::{count, timestamp};
use crate::usecase::mfa::MfaView;
use crate::usecase::sign_in::EnrollmentView;

/// What can be set up: the cards on the page.
#[must_use]
pub fn available() -> Vec<i32> {
    vec![v1::FactorType::Totp.into()]
}

/// A customer's MFA, without anything that is being set up.
#[must_use]
pub fn message(view: &CustomerView, settings: &PortalSettings, now: Timestamp) -> v1::Mfa {
    let state = if view.factor.is_some() { v1::MfaState::Enabled } else { v1::MfaState::Disabled };
    let announced = settings.announced_enforcement(now).filter(|_| view.factor.is_none());
    v1::Mfa {
        state: state.into(),
        factors: view.factor.iter().map(factor).collect(),
        backup_codes_remaining: count(view.backup_codes.map_or(0, |codes| codes.remaining)),
        pending: None,
        enforced: settings.enforces_mfa(now),
        available: available(),
        backup_codes_create_time: view.backup_codes.map(|codes| timestamp(codes.created_at)),
        enroll_by_time: announced.map(timestamp),
    }
}

/// A customer's MFA, with what the session that asks is setting up.
#[must_use]
pub fn own(view: &MfaView) -> v1::Mfa {
    v1::Mfa {
        pending: view.pending.as_ref().map(enrollment),
        ..message(&view.customer, &view.portal.settings, view.at)
    }
}

fn factor(factor: &Factor) -> v1::Factor {
    v1::Factor {
        create_time: Some(timestamp(factor.enabled_at)),
        last_used_time: factor.last_used_at.map(timestamp),
        kind: Some(v1::factor::Kind::Totp(v1::TotpFactor {
            parameters: Some(parameters(&factor.parameters)),
        })),
    }
}

/// A factor being set up, as its owner sees it.
#[must_use]
pub fn enrollment(view: &EnrollmentView) -> v1::Enrollment {
    let state = match view.enrollment.state {
        State::Pending => v1::EnrollmentState::Pending,
        State::Verified { .. } => v1::EnrollmentState::Verified,
    };
    let shown = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let setup = view.setup.as_ref();
    v1::Enrollment {
        state: state.into(),
        expire_time: Some(timestamp(view.enrollment.expires_at)),
        kind: Some(v1::enrollment::Kind::Totp(v1::TotpEnrollment {
            secret: shown(setup.map(|setup| setup.secret.as_str())),
            otpauth_uri: shown(setup.map(|setup| setup.uri.as_str())),
            qr_svg: shown(setup.map(|setup| setup.qr_svg.as_str())),
            parameters: Some(parameters(&view.enrollment.parameters)),
        })),
    }
}

/// The parameters that codes are computed with.
#[must_use]
pub fn parameters(parameters: &TotpParameters) -> v1::TotpParameters {
    let algorithm = match parameters.algorithm() {
        TotpAlgorithm::Sha1 => v1::TotpAlgorithm::Sha1,
        TotpAlgorithm::Sha256 => v1::TotpAlgorithm::Sha256,
        TotpAlgorithm::Sha512 => v1::TotpAlgorithm::Sha512,
    };
    v1::TotpParameters {
        algorithm: algorithm.into(),
        digits: parameters.digits().into(),
        period_seconds: count(parameters.period_seconds()),
    }
}
