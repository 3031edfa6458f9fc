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

/// Whether a policy takes a duration.
type Check = fn(Duration) -> Result<(), OutOfRange>;

#[test]
fn ranges_include_their_ends_and_nothing_beyond() {
    for (value, good) in [(2, false), (3, true), (20, true), (21, false)] {
        assert_eq!(LockoutPolicy::new(Some(value), None).is_ok(), good, "{value}");
    }
    let durations: [(&str, Duration, Duration, Check); 4] = [
        ("lock_duration", MINUTE, DAY, |value| LockoutPolicy::new(None, Some(value)).map(drop)),
        ("idle_timeout", MINUTE, 30 * DAY, |value| {
            SessionPolicy::new(Some(value), None, None).map(drop)
        }),
        ("max_lifetime", 5 * MINUTE, 30 * DAY, |value| {
            SessionPolicy::new(None, Some(value), None).map(drop)
        }),
        ("reauthentication_window", MINUTE, HOUR, |value| {
            SessionPolicy::new(None, None, Some(value)).map(drop)
        }),
    ];
    let tick = Duration::from_micros(1);
    for (member, least, most, check) in durations {
        assert_eq!((check(least), check(most)), (Ok(()), Ok(())), "{member}");
        for beyond in [least.saturating_sub(tick), most + tick] {
            assert_eq!(check(beyond).unwrap_err().member, member);
        }
    }
}

#[test]
fn what_is_unset_has_its_default_and_is_not_printed() {
    let lockout = LockoutPolicy::default();
    assert_eq!((lockout.max_failures(), lockout.lock_duration()), (10, 15 * MINUTE));
    assert_eq!(lockout.configured(), (None, None));
    let session = SessionPolicy::default();
    assert_eq!((session.idle_timeout(), session.max_lifetime()), (30 * MINUTE, 12 * HOUR));
    assert_eq!(session.reauthentication_window(), 5 * MINUTE);
    assert_eq!(session.configured(), (None, None, None));
    assert_eq!(settings().totp_skew_steps(), 1);
}

#[test]
fn what_was_set_holds_and_is_printed_as_it_was() {
    let lockout = LockoutPolicy::new(Some(5), Some(HOUR)).unwrap();
    assert_eq!((lockout.max_failures(), lockout.lock_duration()), (5, HOUR));
    assert_eq!(lockout.configured(), (Some(5), Some(HOUR)));
    let session = SessionPolicy::new(Some(HOUR), Some(DAY), Some(MINUTE)).unwrap();
    assert_eq!((session.idle_timeout(), session.max_lifetime()), (HOUR, DAY));
    assert_eq!(session.reauthentication_window(), MINUTE);
    assert_eq!(session.configured(), (Some(HOUR), Some(DAY), Some(MINUTE)));
    let mut strict = settings();
    strict.mfa.totp_skew_steps = Some(0);
    assert_eq!(strict.totp_skew_steps(), 0);
}

#[test]
fn shown_names_hold_no_character_that_deceives() {
    for good in ["", "Acme Büro 東京", "A:B", "👩\u{200d}👧", &"東".repeat(100)] {
        assert_eq!(check_display_name(good), Ok(()), "{good:?}");
    }
    let unseen = ["\u{115f}", "\u{200b}\u{feff}"];
    let bad = [" Acme", "Acme ", "A\nB", "A\u{202e}B", "A\u{2066}B", &"a".repeat(101)];
    for bad in bad.into_iter().chain(unseen) {
        assert!(check_display_name(bad).is_err(), "{bad:?}");
    }
    assert!(check_issuer("A:B").is_err());
}

fn portal() -> Portal {
    Portal {
        id: "acme".parse().unwrap(),
        settings: settings(),
        created_at: NOW,
        updated_at: NOW,
        revision: 1,
    }
}

#[test]
fn an_etag_is_of_one_revision_of_one_portal() {
    let etag = portal().etag();
    assert_eq!(etag, portal().etag());
    assert_ne!(etag, Portal { revision: 2, ..portal() }.etag());
    assert_ne!(etag, Portal { created_at: NOW + MINUTE, ..portal() }.etag());
}

#[test]
fn the_issuer_is_never_empty_and_never_holds_a_colon() {
    let mut portal = portal();
    assert_eq!(portal.issuer(), "Acme");
    portal.settings.display_name = "Acme:Billing".to_owned();
    assert_eq!(portal.issuer(), "AcmeBilling");
    portal.settings.display_name = String::new();
    assert_eq!(portal.issuer(), "acme");
    portal.settings.mfa.issuer = Some("Acme Login".to_owned());
    assert_eq!(portal.issuer(), "Acme Login");
}
