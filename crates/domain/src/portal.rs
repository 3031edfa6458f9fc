//! A portal and its settings, each within its range.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::field::Malformed;
use crate::id::PortalId;
use crate::time::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A customer portal: the tenant that everything else belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portal {
    /// Chosen by who made it; never changes.
    pub id: PortalId,
    /// What administrators may change.
    pub settings: PortalSettings,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a setting last changed.
    pub updated_at: Timestamp,
    /// Rises by one with every change; the etag is made of it.
    pub revision: i64,
}

/// All settings of a portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalSettings {
    /// Shown to people; at most 100 characters, empty if nobody chose one.
    pub display_name: String,
    /// Multi-factor settings.
    pub mfa: MfaPolicy,
    /// Excludes `mfa.enforced`.
    pub saml: Option<SamlConfig>,
    /// 8 to 64 characters. Unset: 15, or 8 while MFA is enforced.
    pub password_min_length: Option<u8>,
    /// When guessing codes stops.
    pub lockout: LockoutPolicy,
    /// How long sessions last.
    pub session: SessionPolicy,
}

/// Multi-factor settings of a portal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MfaPolicy {
    /// Every customer must have a second factor.
    pub enforced: bool,
    /// From when `enforced` counts. Unset: at once.
    pub enforced_from: Option<Timestamp>,
    /// What authenticator apps show. Unset: the portal's display name.
    pub issuer: Option<String>,
    /// Time steps a clock may be off each way, 0 or 1. Unset: 1.
    pub totp_skew_steps: Option<u8>,
}

/// The SAML identity provider of a portal. Checked when it is made: see [`crate::saml`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlConfig {
    /// The provider's entity id.
    pub idp_entity_id: String,
    /// Where to send the browser.
    pub sso_url: String,
    /// PEM of an X.509 certificate.
    pub idp_certificate: String,
}

/// When guessing a second factor stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockoutPolicy {
    max_failures: Option<u8>,
    lock_duration: Option<Duration>,
}

impl LockoutPolicy {
    /// Unset values take their defaults.
    ///
    /// # Errors
    /// Names the member that is out of its range.
    pub fn new(
        max_failures: Option<u8>,
        lock_duration: Option<Duration>,
    ) -> Result<Self, OutOfRange> {
        in_range("max_failures", "3 to 20", max_failures, &(3..=20))?;
        in_range("lock_duration", "1 minute to 1 day", lock_duration, &(MINUTE..=DAY))?;
        Ok(Self { max_failures, lock_duration })
    }

    /// What was set, for printing.
    #[must_use]
    pub const fn configured(&self) -> (Option<u8>, Option<Duration>) {
        (self.max_failures, self.lock_duration)
    }

    /// Wrong codes in a row until the first lock, 3 to 20.
    #[must_use]
    pub fn max_failures(&self) -> u32 {
        self.max_failures.unwrap_or(10).into()
    }

    /// How long the first lock lasts.
    #[must_use]
    pub fn lock_duration(&self) -> Duration {
        self.lock_duration.unwrap_or(15 * MINUTE)
    }
}

/// How long sessions last. Measured against the portal as it is now, so that a
/// tightened policy holds for live sessions too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicy {
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    reauthentication_window: Option<Duration>,
}

impl SessionPolicy {
    /// Unset values take their defaults.
    ///
    /// # Errors
    /// Names the member that is out of its range.
    pub fn new(
        idle_timeout: Option<Duration>,
        max_lifetime: Option<Duration>,
        reauthentication_window: Option<Duration>,
    ) -> Result<Self, OutOfRange> {
        in_range("idle_timeout", "1 minute to 30 days", idle_timeout, &(MINUTE..=30 * DAY))?;
        in_range("max_lifetime", "5 minutes to 30 days", max_lifetime, &(5 * MINUTE..=30 * DAY))?;
        in_range(
            "reauthentication_window",
            "1 minute to 1 hour",
            reauthentication_window,
            &(MINUTE..=HOUR),
        )?;
        Ok(Self { idle_timeout, max_lifetime, reauthentication_window })
    }

    /// What was set, for printing: idle timeout, lifetime, reauthentication window.
    #[must_use]
    pub const fn configured(&self) -> (Option<Duration>, Option<Duration>, Option<Duration>) {
        (self.idle_timeout, self.max_lifetime, self.reauthentication_window)
    }

    /// A session ends when it has not been used for this long.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.idle_timeout.unwrap_or(30 * MINUTE)
    }

    /// A session ends when it is this old, however much it is used.
    #[must_use]
    pub fn max_lifetime(&self) -> Duration {
        self.max_lifetime.unwrap_or(12 * HOUR)
    }

    /// How fresh a proof has to be for changes of MFA and password.
    #[must_use]
    pub fn reauthentication_window(&self) -> Duration {
        self.reauthentication_window.unwrap_or(5 * MINUTE)
    }
}

/// A policy member outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{member} must be {range}")]
pub struct OutOfRange {
    /// The member's proto name, below its policy.
    pub member: &'static str,
    /// The range, in words.
    pub range: &'static str,
}

fn in_range<T: PartialOrd>(
    member: &'static str,
    range: &'static str,
    value: Option<T>,
    bounds: &RangeInclusive<T>,
) -> Result<(), OutOfRange> {
    if value.is_none_or(|value| bounds.contains(&value)) {
        Ok(())
    } else {
        Err(OutOfRange { member, range })
    }
}

/// MFA is enforced while SAML is configured: each excludes the other, because
/// the identity provider then decides about factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MFA enforcement and SAML exclude each other")]
pub struct EnforcementSamlConflict;

impl Portal {
    /// Differs for every revision of every portal there has ever been.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("{:x}.{:x}", self.created_at.as_micros(), self.revision)
    }

    /// The name authenticator apps show: the issuer, else the display name
    /// (whose colons a label could not hold), else the id.
    #[must_use]
    pub fn issuer(&self) -> String {
        let name = self.settings.mfa.issuer.clone();
        let name = name.unwrap_or_else(|| self.settings.display_name.replace(':', ""));
        if name.is_empty() { self.id.to_string() } else { name }
    }
}

impl PortalSettings {
    /// Settings of a new portal that says nothing but its name.
    #[must_use]
    pub fn new(display_name: String) -> Self {
        Self {
            display_name,
            mfa: MfaPolicy::default(),
            saml: None,
            password_min_length: None,
            lockout: LockoutPolicy::default(),
            session: SessionPolicy::default(),
        }
    }

    /// The rule over the whole of the settings. Announced enforcement counts:
    /// a date must not make a valid portal invalid by passing.
    ///
    /// # Errors
    /// [`EnforcementSamlConflict`] where both are set.
    pub fn check(&self) -> Result<(), EnforcementSamlConflict> {
        if self.mfa.enforced && self.saml.is_some() { Err(EnforcementSamlConflict) } else { Ok(()) }
    }

    /// Whether a customer without a factor has to set one up at `now`.
    #[must_use]
    pub fn enforces_mfa(&self, now: Timestamp) -> bool {
        self.mfa.enforced && self.mfa.enforced_from.is_none_or(|from| from <= now)
    }

    /// From when MFA will be enforced, while that is still ahead.
    #[must_use]
    pub fn announced_enforcement(&self, now: Timestamp) -> Option<Timestamp> {
        self.mfa.enforced_from.filter(|from| self.mfa.enforced && *from > now)
    }

    /// Time steps a clock may be off each way, 0 or 1.
    #[must_use]
    pub fn totp_skew_steps(&self) -> u8 {
        self.mfa.totp_skew_steps.unwrap_or(1)
    }

    /// The least length of a new password in characters: NIST 800-63B-4,
    /// section 3.1.1.2, asks for 15, or 8 where a second factor goes with it.
    #[must_use]
    pub fn password_min_length(&self, now: Timestamp) -> u32 {
        let default = if self.enforces_mfa(now) { 8 } else { 15 };
        self.password_min_length.unwrap_or(default).into()
    }
}

/// Checks a name that people are shown: at most 100 characters, no controls.
///
/// # Errors
/// Says which rule is broken.
pub fn check_display_name(text: &str) -> Result<(), Malformed> {
    if text.trim() != text || text.chars().count() > 100 {
        return Err(Malformed("at most 100 characters, without space at either end"));
    }
    if text.chars().any(crate::text::is_deceptive) {
        return Err(Malformed("no control or bidirectional formatting characters"));
    }
    if !text.is_empty() && text.chars().all(crate::text::is_default_ignorable) {
        return Err(Malformed("at least one character that can be seen"));
    }
    Ok(())
}

/// Checks an issuer: a display name without a colon, which separates it from
/// the account in an otpauth label.
///
/// # Errors
/// Says which rule is broken.
pub fn check_issuer(text: &str) -> Result<(), Malformed> {
    if text.contains(':') { Err(Malformed("no colon")) } else { check_display_name(text) }
}

#[cfg(test)]
mod tests;
