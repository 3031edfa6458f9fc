//! What of the settings is to change: a portal with that alone, and the mask that names it.

use gatehouse_api::v1::{Portal, SamlConfig, UpdatePortalRequest};
use prost_types::FieldMask;

use super::typed::Typed;
use crate::console::errors::Errors;
use crate::time;

/// A change, and nothing that stays as it is: what somebody else changes meanwhile is theirs.
pub struct Change {
    to: Portal,
    paths: Vec<&'static str>,
}

impl Change {
    /// From the settings that there are to what was typed.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn new(present: &Portal, typed: &Typed) -> Result<Self, Errors> {
        // The etag of the form, not of what there is now: where they differ gatehouse refuses the change.
        let (name, etag) = (present.name.clone(), typed.etag.clone());
        let mut change = Self { to: Portal { name, etag, ..Portal::default() }, paths: Vec::new() };
        let mut errors = Errors::default();
        change.mfa(present, typed, &mut errors);
        change.saml(present, typed);
        let was = Typed::of(present);
        if typed.min_length != was.min_length {
            change.paths.push("password.min_length");
            let min_length = number("min_length", &typed.min_length, &mut errors);
            change.to.password.get_or_insert_default().min_length = min_length;
        }
        if typed.max_failures != was.max_failures {
            change.paths.push("lockout.max_failures");
            let max_failures = number("max_failures", &typed.max_failures, &mut errors);
            change.to.lockout.get_or_insert_default().max_failures = max_failures;
        }
        if errors.is_empty() { Ok(change) } else { Err(errors) }
    }

    fn mfa(&mut self, present: &Portal, typed: &Typed, errors: &mut Errors) {
        let was = Typed::of(present);
        let mfa = self.to.mfa.get_or_insert_default();
        if typed.issuer != was.issuer {
            self.paths.push("mfa.issuer");
            mfa.issuer.clone_from(&typed.issuer);
        }
        if present.saml.is_some() {
            // The switch and its date are disabled, and so not sent: that does not mean off.
            return;
        }
        mfa.enforced = typed.enforced.is_some();
        if mfa.enforced != was.enforced.is_some() {
            self.paths.push("mfa.enforced");
        }
        if typed.enforced_from_time == was.enforced_from_time {
            // As it was. Switching off clears it.
        } else if !mfa.enforced && !typed.enforced_from_time.is_empty() {
            errors.note("enforced_from_time", "Only with the switch on.");
        } else if mfa.enforced {
            self.paths.push("mfa.enforced_from_time");
            mfa.enforced_from_time = match typed.enforced_from_time.as_str() {
                "" => None,
                text => {
                    let time = time::from_input(text);
                    if time.is_none() {
                        errors.note("enforced_from_time", time::INPUT_RULE);
                    }
                    time.map(time::message)
                }
            };
        }
    }

    fn saml(&mut self, present: &Portal, typed: &Typed) {
        if present.mfa.as_ref().is_some_and(|mfa| mfa.enforced) {
            // These fields are disabled, and so not sent: that does not mean removed.
            return;
        }
        let config = SamlConfig {
            idp_entity_id: typed.idp_entity_id.trim().to_owned(),
            sso_url: typed.sso_url.trim().to_owned(),
            idp_certificate: lines(&typed.idp_certificate),
        };
        let is_none = config == SamlConfig::default();
        let saml = if is_none { None } else { Some(config) };
        let was = present
            .saml
            .clone()
            .map(|saml| SamlConfig { idp_certificate: lines(&saml.idp_certificate), ..saml });
        if saml != was {
            self.paths.push("saml");
            self.to.saml = saml;
        }
    }

    /// Is everything as it should be?
    pub const fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Will customers notice at their next sign-in?
    pub fn needs_preview(&self) -> bool {
        let noticed = ["mfa.enforced", "mfa.enforced_from_time", "saml"];
        self.paths.iter().any(|path| noticed.contains(path))
    }

    /// Asks what it would mean.
    pub fn preview(&self) -> UpdatePortalRequest {
        UpdatePortalRequest { validate_only: true, ..self.update(false) }
    }

    /// Makes it.
    pub fn update(&self, end_weaker_sessions: bool) -> UpdatePortalRequest {
        let paths = self.paths.iter().map(|path| (*path).to_owned()).collect();
        UpdatePortalRequest {
            portal: Some(self.to.clone()),
            update_mask: Some(FieldMask { paths }),
            validate_only: false,
            end_weaker_sessions,
        }
    }
}

/// Empty: gatehouse's default. Which numbers are right gatehouse says.
fn number(field: &'static str, text: &str, errors: &mut Errors) -> Option<i32> {
    if text.trim().is_empty() {
        return None;
    }
    let number = text.trim().parse().ok();
    if number.is_none() {
        errors.note(field, "A whole number.");
    }
    number
}

/// Browsers send the lines of a text with carriage returns, whatever they were given.
fn lines(text: &str) -> String {
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
