//! Checks a SAML configuration. gatehouse sends browsers there; it does not
//! complete the sign-in.

use url::{Host, Url};
use x509_parser::pem::Pem;

use crate::field::FieldViolation;
use crate::portal::SamlConfig;

/// Certificates are well below this; the bound keeps a portal's row small.
const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// SAML core 2.0, section 8.3.6: an entity id is at most 1024 characters.
const MAX_ENTITY_ID_CHARS: usize = 1024;
const MAX_URL_BYTES: usize = 2048;

/// Everything that is wrong with `config`, fields named below `prefix`.
#[must_use]
pub fn violations(config: &SamlConfig, prefix: &str) -> Vec<FieldViolation> {
    let checks = [
        ("idp_entity_id", entity_id_error(&config.idp_entity_id)),
        ("sso_url", sso_url_error(&config.sso_url)),
        ("idp_certificate", certificate_error(&config.idp_certificate)),
    ];
    checks
        .into_iter()
        .filter_map(|(field, error)| {
            error.map(|error| FieldViolation::new(format!("{prefix}.{field}"), error))
        })
        .collect()
}

fn entity_id_error(id: &str) -> Option<&'static str> {
    let good = (1..=MAX_ENTITY_ID_CHARS).contains(&id.chars().count())
        && !id.chars().any(|c| c.is_whitespace() || crate::text::is_deceptive(c));
    (!good).then_some("required: a URI of at most 1024 characters")
}

fn sso_url_error(text: &str) -> Option<&'static str> {
    const RULE: &str = "required: an https URL (http on loopback only) of at most 2048 bytes, without user or password";
    let Ok(url) = Url::parse(text) else { return Some(RULE) };
    let loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Some(RULE),
    };
    let good = text.len() <= MAX_URL_BYTES
        && !text.chars().any(|c| c.is_whitespace() || crate::text::is_deceptive(c))
        && (url.scheme() == "https" || url.scheme() == "http" && loopback)
        && url.username().is_empty()
        && url.password().is_none();
    (!good).then_some(RULE)
}

fn certificate_error(pem: &str) -> Option<&'static str> {
    let parses = || {
        let (pem, _) = Pem::read(std::io::Cursor::new(pem.as_bytes())).ok()?;
        (pem.label == "CERTIFICATE").then_some(())?;
        pem.parse_x509().ok().map(drop)
    };
    let is_text = !pem.chars().any(|c| c.is_control() && !c.is_ascii_whitespace());
    let good = pem.len() <= MAX_CERTIFICATE_BYTES && is_text && parses().is_some();
    (!good).then_some("required: one X.509 certificate in PEM, at most 16 KiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Self-signed, made for this test; its key was thrown away.
    const CERTIFICATE: &str = include_str!("saml/certificate.pem");

    fn config() -> SamlConfig {
        SamlConfig {
            idp_entity_id: "https://idp.example/metadata".to_owned(),
            sso_url: "https://idp.example/sso?x=1".to_owned(),
            idp_certificate: CERTIFICATE.to_owned(),
        }
    }

    fn fields(config: &SamlConfig) -> Vec<String> {
        violations(config, "portal.saml").into_iter().map(|v| v.field).collect()
    }

    #[test]
    fn a_whole_configuration_passes() {
        assert_eq!(fields(&config()), Vec::<String>::new());
    }

    #[test]
    fn an_empty_one_names_every_field() {
        let empty = SamlConfig {
            idp_entity_id: String::new(),
            sso_url: String::new(),
            idp_certificate: String::new(),
        };
        assert_eq!(
            fields(&empty),
            ["portal.saml.idp_entity_id", "portal.saml.sso_url", "portal.saml.idp_certificate"]
        );
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for (url, good) in [
            ("http://localhost:8080/sso", true),
            ("http://127.0.0.1/sso", true),
            ("http://[::1]/sso", true),
            ("http://idp.example/sso", false),
            ("https://user:pw@idp.example/sso", false),
            ("javascript:alert(1)", false),
            ("https:///sso", true), // the URL standard reads `sso` as the host
            ("idp.example", false),
        ] {
            let config = SamlConfig { sso_url: url.to_owned(), ..config() };
            assert_eq!(fields(&config).is_empty(), good, "{url}");
        }
    }

    #[test]
    fn a_url_is_at_most_2048_bytes_of_visible_characters() {
        let url = |bytes: usize| {
            let start = "https://idp.example/";
            format!("{start}{}", "a".repeat(bytes - start.len()))
        };
        for (url, good) in [
            (url(2_048), true),
            (url(2_049), false),
            ("https://idp.example/\u{e9}".to_owned(), true),
            // The URL standard drops or escapes these, so that what is shown is
            // not where the browser goes.
            (" https://idp.example/sso".to_owned(), false),
            ("https://idp.example/s\tso".to_owned(), false),
            ("https://idp.example/s so".to_owned(), false),
            ("https://idp.example/\u{202e}oss".to_owned(), false),
        ] {
            let config = SamlConfig { sso_url: url.clone(), ..config() };
            assert_eq!(fields(&config).is_empty(), good, "{url:.60}");
        }
    }

    #[test]
    fn a_url_holds_neither_user_nor_password() {
        for url in ["https://user@idp.example/sso", "https://:pw@idp.example/sso"] {
            let config = SamlConfig { sso_url: url.to_owned(), ..config() };
            assert_eq!(fields(&config), ["portal.saml.sso_url"], "{url}");
        }
    }

    #[test]
    fn an_entity_id_is_at_most_1024_visible_characters() {
        for (id, good) in [
            ("a".to_owned(), true),
            ("\u{e9}".repeat(1_024), true),
            ("a".repeat(1_025), false),
            ("urn: idp".to_owned(), false),
            ("urn:idp\n".to_owned(), false),
            ("urn:\u{202e}idp".to_owned(), false),
        ] {
            let config = SamlConfig { idp_entity_id: id.clone(), ..config() };
            assert_eq!(fields(&config).is_empty(), good, "{id:.60}");
        }
    }

    #[test]
    fn a_certificate_is_at_most_16_kib() {
        let padded =
            |bytes: usize| format!("{CERTIFICATE}{}", "\n".repeat(bytes - CERTIFICATE.len()));
        for (pem, good) in [(padded(16 * 1_024), true), (padded(16 * 1_024 + 1), false)] {
            let config = SamlConfig { idp_certificate: pem, ..config() };
            assert_eq!(fields(&config).is_empty(), good);
        }
    }

    #[test]
    fn a_certificate_has_to_parse() {
        for pem in [
            "",
            "not a pem",
            &CERTIFICATE.replace("CERTIFICATE", "PRIVATE KEY"),
            &CERTIFICATE[..300],
            &format!("{CERTIFICATE}\0"),
        ] {
            let config = SamlConfig { idp_certificate: pem.to_owned(), ..config() };
            assert_eq!(fields(&config), ["portal.saml.idp_certificate"]);
        }
    }
}
