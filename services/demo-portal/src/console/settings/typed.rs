//! What is typed into the form of settings.

use gatehouse_api::v1::Portal;
use serde::Deserialize;

use crate::time;

/// The fields that can be wrong. They are named as in portal.proto.
pub const FIELDS: [&str; 8] = [
    "enforced",
    "enforced_from_time",
    "issuer",
    "idp_entity_id",
    "sso_url",
    "idp_certificate",
    "min_length",
    "max_failures",
];

/// What the form sends. Fields that are disabled are not sent: those are empty here, and
/// [`super::change::Change`] knows which they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Of the settings that the form was made for.
    pub etag: String,
    /// Sent only where it is switched on.
    pub enforced: Option<String>,
    /// Empty: at once.
    pub enforced_from_time: String,
    /// Empty: the portal's name.
    pub issuer: String,
    /// Empty, as the next two: no SAML.
    pub idp_entity_id: String,
    /// Where customers are sent to sign in.
    pub sso_url: String,
    /// In PEM.
    pub idp_certificate: String,
    /// Empty: gatehouse's default.
    pub min_length: String,
    /// Empty: gatehouse's default.
    pub max_failures: String,
}

impl Typed {
    /// What the form shows of a portal at first.
    pub fn of(portal: &Portal) -> Self {
        let mfa = portal.mfa.clone().unwrap_or_default();
        let saml = portal.saml.clone().unwrap_or_default();
        let number = |number: Option<i32>| number.map_or_else(String::new, |it| it.to_string());
        Self {
            etag: portal.etag.clone(),
            enforced: mfa.enforced.then(|| "on".to_owned()),
            enforced_from_time: time::read(mfa.enforced_from_time)
                .map_or_else(String::new, time::to_input),
            issuer: mfa.issuer,
            idp_entity_id: saml.idp_entity_id,
            sso_url: saml.sso_url,
            idp_certificate: saml.idp_certificate,
            min_length: number(portal.password.unwrap_or_default().min_length),
            max_failures: number(portal.lockout.unwrap_or_default().max_failures),
        }
    }

    /// Everything, as a form sends it.
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        let mut fields = vec![
            ("etag", self.etag.as_str()),
            ("enforced_from_time", &self.enforced_from_time),
            ("issuer", &self.issuer),
            ("idp_entity_id", &self.idp_entity_id),
            ("sso_url", &self.sso_url),
            ("idp_certificate", &self.idp_certificate),
            ("min_length", &self.min_length),
            ("max_failures", &self.max_failures),
        ];
        fields.extend(self.enforced.as_deref().map(|on| ("enforced", on)));
        fields
    }
}
