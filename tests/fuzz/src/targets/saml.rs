//! A SAML configuration that is accepted is within its bounds, and no refusal quotes it.

use gatehouse_domain::portal::SamlConfig;
use gatehouse_domain::saml;
use gatehouse_domain::text::is_deceptive;

use crate::input::{self, Input};

/// Self-signed, made for tests; its key was thrown away.
const CERTIFICATE: &str = include_str!("../../../../crates/domain/src/saml/certificate.pem");
const FIELDS: [&str; 3] =
    ["portal.saml.idp_entity_id", "portal.saml.sso_url", "portal.saml.idp_certificate"];

pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let idp_entity_id = input.text().repeat(1 + input.below(8));
    let sso_url = match input.below(4) {
        0 => format!("https://{}", input.text()),
        1 => format!("http://localhost{}", input.text()),
        _ => input.text(),
    };
    let idp_certificate = if input.flag() {
        let mut pem = input::changed(CERTIFICATE.as_bytes(), &mut input);
        pem.extend(input.rest());
        String::from_utf8_lossy(&pem).into_owned()
    } else {
        String::from_utf8_lossy(input.rest()).into_owned()
    };
    holds(&SamlConfig { idp_entity_id, sso_url, idp_certificate });
}

fn holds(config: &SamlConfig) {
    let violations = saml::violations(config, "portal.saml");
    assert_eq!(saml::violations(config, "portal.saml"), violations);
    let is_refused = |field: &str| violations.iter().any(|violation| violation.field == field);
    let [entity_id, url, certificate] = FIELDS.map(|field| !is_refused(field));
    assert_eq!(violations.len(), FIELDS.into_iter().filter(|field| is_refused(field)).count());
    if entity_id {
        assert!((1..=1024).contains(&config.idp_entity_id.chars().count()));
        assert!(!config.idp_entity_id.contains(is_deceptive));
    }
    if url {
        let text = config.sso_url.to_ascii_lowercase();
        assert!(text.starts_with("https:") || text.starts_with("http:"), "{text}");
        assert!(text.len() <= 2048);
        assert!(!text.contains(|c: char| c.is_whitespace() || is_deceptive(c)), "{text:?}");
    }
    if certificate {
        let pem = &config.idp_certificate;
        assert!(pem.len() <= 16 * 1024);
        assert!(pem.contains("-----BEGIN CERTIFICATE-----"));
        assert!(!pem.contains(|c: char| c.is_control() && !c.is_ascii_whitespace()));
    }
}
