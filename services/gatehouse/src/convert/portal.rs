//! portal.proto

use gatehouse_api::v1;
use gatehouse_domain::id::name;
use gatehouse_domain::portal::{
    LockoutPolicy, MfaPolicy, OutOfRange, Portal, PortalSettings, SamlConfig, SessionPolicy,
    check_display_name, check_issuer,
};
use gatehouse_domain::saml;
use gatehouse_domain::time::Timestamp;

use super::fields::{Fields, count, duration, parse_duration, parse_timestamp, timestamp};
use crate::usecase::portals::PolicyImpact;

/// The message, with what is in force at `now`.
#[must_use]
pub fn message(portal: &Portal, now: Timestamp) -> v1::Portal {
    let settings = &portal.settings;
    let (max_failures, lock_duration) = settings.lockout.configured();
    let (idle_timeout, max_lifetime, reauthentication_window) = settings.session.configured();
    v1::Portal {
        name: name::portal(&portal.id),
        display_name: settings.display_name.clone(),
        mfa: Some(v1::MfaPolicy {
            enforced: settings.mfa.enforced,
            enforced_from_time: settings.mfa.enforced_from.map(timestamp),
            issuer: settings.mfa.issuer.clone().unwrap_or_default(),
            totp_skew_steps: settings.mfa.totp_skew_steps.map(i32::from),
        }),
        saml: settings.saml.clone().map(|saml| v1::SamlConfig {
            idp_entity_id: saml.idp_entity_id,
            sso_url: saml.sso_url,
            idp_certificate: saml.idp_certificate,
        }),
        password: Some(v1::PasswordPolicy {
            min_length: settings.password_min_length.map(i32::from),
            effective_min_length: count(settings.password_min_length(now)),
        }),
        lockout: Some(v1::LockoutPolicy {
            max_failures: max_failures.map(i32::from),
            lock_duration: lock_duration.map(duration),
        }),
        session: Some(v1::SessionPolicy {
            idle_timeout: idle_timeout.map(duration),
            max_lifetime: max_lifetime.map(duration),
            reauthentication_window: reauthentication_window.map(duration),
            effective_reauthentication_window: Some(duration(
                settings.session.reauthentication_window(),
            )),
        }),
        create_time: Some(timestamp(portal.created_at)),
        update_time: Some(timestamp(portal.updated_at)),
        etag: portal.etag(),
    }
}

/// The settings in a message; output-only fields are not read. Notes every bad
/// field below `portal`; the settings count only where there is none.
pub fn settings(fields: &mut Fields, portal: v1::Portal) -> PortalSettings {
    fields.take("portal.display_name", check_display_name(&portal.display_name));
    let mfa = mfa(fields, portal.mfa.unwrap_or_default());
    let saml = portal.saml.map(|saml| saml_config(fields, saml));
    let min_length = portal.password.unwrap_or_default().min_length;
    let password_min_length = small(fields, "portal.password.min_length", min_length, 8, 64);
    let lockout = lockout(fields, portal.lockout.unwrap_or_default());
    let session = session(fields, portal.session.unwrap_or_default());
    PortalSettings {
        display_name: portal.display_name,
        mfa,
        saml,
        password_min_length,
        lockout,
        session,
    }
}

fn mfa(fields: &mut Fields, mfa: v1::MfaPolicy) -> MfaPolicy {
    fields.take("portal.mfa.issuer", check_issuer(&mfa.issuer));
    let from = mfa.enforced_from_time.as_ref();
    let enforced_from =
        from.and_then(|from| fields.take("portal.mfa.enforced_from_time", parse_timestamp(from)));
    if enforced_from.is_some() && !mfa.enforced {
        fields.note("portal.mfa.enforced_from_time", "goes with mfa.enforced alone");
    }
    let skew = mfa.totp_skew_steps;
    MfaPolicy {
        enforced: mfa.enforced,
        enforced_from,
        issuer: Some(mfa.issuer).filter(|issuer| !issuer.is_empty()),
        totp_skew_steps: small(fields, "portal.mfa.totp_skew_steps", skew, 0, 1),
    }
}

fn saml_config(fields: &mut Fields, saml: v1::SamlConfig) -> SamlConfig {
    let config = SamlConfig {
        idp_entity_id: saml.idp_entity_id,
        sso_url: saml.sso_url,
        idp_certificate: saml.idp_certificate,
    };
    fields.extend(saml::violations(&config, "portal.saml"));
    config
}

fn lockout(fields: &mut Fields, lockout: v1::LockoutPolicy) -> LockoutPolicy {
    const MAX_FAILURES: &str = "portal.lockout.max_failures";
    let max_failures = small(fields, MAX_FAILURES, lockout.max_failures, 3, 20);
    let duration = span(fields, "portal.lockout.lock_duration", lockout.lock_duration.as_ref());
    within(fields, "portal.lockout", LockoutPolicy::new(max_failures, duration))
}

fn session(fields: &mut Fields, session: v1::SessionPolicy) -> SessionPolicy {
    let mut member = |member: &str, value: Option<prost_types::Duration>| {
        span(fields, &format!("portal.session.{member}"), value.as_ref())
    };
    let idle = member("idle_timeout", session.idle_timeout);
    let lifetime = member("max_lifetime", session.max_lifetime);
    let window = member("reauthentication_window", session.reauthentication_window);
    // Each alone, so that all that are out of range are named.
    for member in [
        SessionPolicy::new(idle, None, None),
        SessionPolicy::new(None, lifetime, None),
        SessionPolicy::new(None, None, window),
    ] {
        within(fields, "portal.session", member);
    }
    SessionPolicy::new(idle, lifetime, window).unwrap_or_default()
}

fn small(fields: &mut Fields, field: &str, value: Option<i32>, least: u8, most: u8) -> Option<u8> {
    let value = value?;
    let small = u8::try_from(value).ok().filter(|value| (least..=most).contains(value));
    if small.is_none() {
        fields.note(field, format!("must be {least} to {most}"));
    }
    small
}

fn span(
    fields: &mut Fields,
    field: &str,
    value: Option<&prost_types::Duration>,
) -> Option<std::time::Duration> {
    value.and_then(|value| fields.take(field, parse_duration(value)))
}

fn within<T: Default>(fields: &mut Fields, policy: &str, value: Result<T, OutOfRange>) -> T {
    value.unwrap_or_else(|error| {
        fields.note(&format!("{policy}.{}", error.member), format!("must be {}", error.range));
        T::default()
    })
}

/// The message of an impact.
#[must_use]
pub fn impact(impact: &PolicyImpact) -> v1::PolicyImpact {
    v1::PolicyImpact {
        customers: count(impact.customers),
        customers_with_factor: count(impact.customers_with_factor),
        customers_to_enroll: count(impact.customers_to_enroll),
        weaker_sessions: count(impact.weaker_sessions),
    }
}
