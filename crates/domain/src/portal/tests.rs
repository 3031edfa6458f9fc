use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn settings() -> PortalSettings {
    PortalSettings::new("Acme".to_owned())
}

fn saml() -> SamlConfig {
    SamlConfig {
        idp_entity_id: "urn:idp".to_owned(),
        sso_url: "https://idp.example/sso".to_owned(),
        idp_certificate: String::new(),
    }
}

#[test]
fn enforcement_and_saml_exclude_each_other_whatever_the_date() {
    for enforced_from in [None, Some(NOW + DAY)] {
        let mut both = settings();
        both.mfa = MfaPolicy { enforced: true, enforced_from, ..MfaPolicy::default() };
        assert_eq!(both.check(), Ok(()));
        both.saml = Some(saml());
        assert_eq!(both.check(), Err(EnforcementSamlConflict));
        both.mfa.enforced = false;
        assert_eq!(both.check(), Ok(()));
    }
}

#[test]
fn announced_enforcement_counts_from_its_time_on() {
    let mut announced = settings();
    announced.mfa.enforced = true;
    announced.mfa.enforced_from = Some(NOW);
    let before = NOW - Duration::from_micros(1);
    assert!(!announced.enforces_mfa(before));
    assert_eq!(announced.announced_enforcement(before), Some(NOW));
    assert!(announced.enforces_mfa(NOW));
    assert_eq!(announced.announced_enforcement(NOW), None);
}

#[test]
fn a_date_alone_enforces_nothing() {
    let mut dated = settings();
    dated.mfa.enforced_from = Some(Timestamp::EPOCH);
    assert!(!dated.enforces_mfa(NOW));
    assert_eq!(dated.announced_enforcement(Timestamp::EPOCH - DAY), None);
}

#[test]
fn passwords_may_be_shorter_where_a_second_factor_goes_with_them() {
    let mut portal = settings();
    assert_eq!(portal.password_min_length(NOW), 15);
    portal.mfa.enforced = true;
    assert_eq!(portal.password_min_length(NOW), 8);
    portal.password_min_length = Some(20);
    assert_eq!(portal.password_min_length(NOW), 20);
}

#[test]
fn ranges_include_their_ends_and_nothing_beyond() {
    for (value, good) in [(2, false), (3, true), (20, true), (21, false)] {
        assert_eq!(LockoutPolicy::new(Some(value), None).is_ok(), good, "{value}");
    }
    let lifetime = |value| SessionPolicy::new(None, Some(value), None);
    assert!(lifetime(5 * MINUTE).is_ok() && lifetime(30 * DAY).is_ok());
    assert_eq!(lifetime(Duration::from_secs(299)).unwrap_err().member, "max_lifetime");
    assert_eq!(lifetime(30 * DAY + Duration::from_micros(1)).unwrap_err().member, "max_lifetime");
}

#[test]
fn shown_names_hold_no_character_that_deceives() {
    for good in ["", "Acme Büro 東京", "A:B"] {
        assert_eq!(check_display_name(good), Ok(()), "{good:?}");
    }
    for bad in [" Acme", "Acme ", "A\nB", "A\u{202e}B", "A\u{2066}B", &"a".repeat(101)] {
        assert!(check_display_name(bad).is_err(), "{bad:?}");
    }
    assert!(check_issuer("A:B").is_err());
}

#[test]
fn the_issuer_is_never_empty_and_never_holds_a_colon() {
    let mut portal = Portal {
        id: "acme".parse().unwrap(),
        settings: settings(),
        created_at: NOW,
        updated_at: NOW,
        revision: 1,
    };
    assert_eq!(portal.issuer(), "Acme");
    portal.settings.display_name = "Acme:Billing".to_owned();
    assert_eq!(portal.issuer(), "AcmeBilling");
    portal.settings.display_name = String::new();
    assert_eq!(portal.issuer(), "acme");
    portal.settings.mfa.issuer = Some("Acme Login".to_owned());
    assert_eq!(portal.issuer(), "Acme Login");
}
