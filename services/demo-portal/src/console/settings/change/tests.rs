use gatehouse_api::v1::{LockoutPolicy, MfaPolicy};

use super::*;

const DATE: prost_types::Timestamp = prost_types::Timestamp { seconds: 1_796_133_909, nanos: 5 };

fn plain() -> Portal {
    Portal {
        name: "portals/acme".into(),
        etag: "e1".into(),
        mfa: Some(MfaPolicy { issuer: "Acme".into(), ..MfaPolicy::default() }),
        lockout: Some(LockoutPolicy { max_failures: Some(5), lock_duration: None }),
        ..Portal::default()
    }
}

fn announced() -> Portal {
    let mfa = MfaPolicy { enforced: true, enforced_from_time: Some(DATE), ..MfaPolicy::default() };
    Portal { mfa: Some(mfa), ..plain() }
}

fn with_saml() -> Portal {
    let saml = SamlConfig {
        idp_entity_id: "https://idp.example".into(),
        sso_url: "https://idp.example/sso".into(),
        idp_certificate: "-----BEGIN\nabc\n-----END\n".into(),
    };
    Portal { saml: Some(saml), ..plain() }
}

fn change(present: &Portal, edit: impl FnOnce(&mut Typed)) -> Result<Change, Errors> {
    let mut typed = Typed::of(present);
    edit(&mut typed);
    Change::new(present, &typed)
}

fn refused(present: &Portal, edit: impl FnOnce(&mut Typed)) -> Errors {
    change(present, edit).err().unwrap()
}

fn paths(present: &Portal, edit: impl FnOnce(&mut Typed)) -> Vec<&'static str> {
    change(present, edit).unwrap().paths
}

#[test]
fn what_stays_is_not_named() {
    for portal in [plain(), announced(), with_saml()] {
        assert!(change(&portal, |_| {}).unwrap().is_empty());
    }
}

#[test]
fn what_changes_is_named_and_nothing_else() {
    let change = change(&plain(), |typed| {
        typed.enforced = Some("on".into());
        typed.min_length = "12".into();
    });
    let change = change.unwrap();
    assert!(change.needs_preview());
    let request = change.update(true);
    assert_eq!(request.update_mask.unwrap().paths, ["mfa.enforced", "password.min_length"]);
    assert!(request.end_weaker_sessions && !request.validate_only);
    assert!(change.preview().validate_only);
    let portal = request.portal.unwrap();
    assert_eq!((portal.name.as_str(), portal.etag.as_str()), ("portals/acme", "e1"));
    assert!(portal.mfa.unwrap().enforced);
    assert_eq!(portal.password.unwrap().min_length, Some(12));
    assert!(portal.lockout.is_none());
}

#[test]
fn what_customers_do_not_notice_needs_no_preview() {
    let edit = |typed: &mut Typed| {
        typed.issuer.clear();
        typed.max_failures.clear();
    };
    let change = change(&plain(), edit).unwrap();
    assert_eq!(change.paths, ["mfa.issuer", "lockout.max_failures"]);
    assert!(!change.needs_preview());
    assert_eq!(change.to.lockout.unwrap().max_failures, None);
}

#[test]
fn disabled_fields_are_not_sent_and_stay() {
    let of_saml_portal = paths(&with_saml(), |typed| {
        typed.enforced = None;
        typed.enforced_from_time.clear();
    });
    assert!(of_saml_portal.is_empty());
    let of_enforcing_portal = paths(&announced(), |typed| {
        typed.idp_entity_id.clear();
        typed.sso_url.clear();
        typed.idp_certificate.clear();
    });
    assert!(of_enforcing_portal.is_empty());
}

#[test]
fn a_date_goes_with_enforcement() {
    let switched_off = paths(&announced(), |typed| typed.enforced = None);
    assert_eq!(switched_off, ["mfa.enforced"]);
    let at_once = change(&announced(), |typed| typed.enforced_from_time.clear()).unwrap();
    assert_eq!(at_once.paths, ["mfa.enforced_from_time"]);
    assert_eq!(at_once.to.mfa.unwrap().enforced_from_time, None);
    let alone = refused(&plain(), |typed| typed.enforced_from_time = "2026-12-01T14:05".into());
    assert!(!alone.of("enforced_from_time").is_empty());
    let unreadable = refused(&announced(), |typed| typed.enforced_from_time = "soon".into());
    assert!(!unreadable.of("enforced_from_time").is_empty());
}

#[test]
fn saml_goes_when_all_of_it_is_empty() {
    let change = change(&with_saml(), |typed| {
        typed.idp_entity_id.clear();
        typed.sso_url = " ".into();
        typed.idp_certificate = "\r\n".into();
    });
    let change = change.unwrap();
    assert!(change.paths == ["saml"] && change.to.saml.is_none());
}

#[test]
fn a_certificate_is_the_same_however_its_lines_end() {
    let same = paths(&with_saml(), |typed| {
        typed.idp_certificate = "-----BEGIN\r\nabc\r\n-----END".into();
    });
    assert!(same.is_empty());
}

#[test]
fn what_is_no_number_is_told_beside_its_field() {
    let errors = refused(&plain(), |typed| typed.max_failures = "many".into());
    assert_eq!(errors.of("max_failures"), "A whole number.");
}
