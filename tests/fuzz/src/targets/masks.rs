//! An update changes what its mask names, and nothing else.

use gatehouse::convert::{customer, portal_mask};
use gatehouse::error::AppError;
use gatehouse_api::v1;
use gatehouse_domain::id::CustomerKey;
use gatehouse_domain::text::is_deceptive;
use prost_types::{Duration, Timestamp};

use crate::input::Input;

/// Paths of a portal that can be written, and some of either message that cannot.
const PATHS: [&str; 28] = [
    "display_name",
    "mfa",
    "mfa.enforced",
    "mfa.enforced_from_time",
    "mfa.issuer",
    "mfa.totp_skew_steps",
    "saml",
    "saml.idp_entity_id",
    "saml.sso_url",
    "saml.idp_certificate",
    "password",
    "password.min_length",
    "lockout",
    "lockout.max_failures",
    "lockout.lock_duration",
    "session",
    "session.idle_timeout",
    "session.max_lifetime",
    "session.reauthentication_window",
    "name",
    "etag",
    "email",
    "suspended",
    "create_time",
    "password.effective_min_length",
    "*",
    "mfa.",
    "",
];

pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (into, from) = (portal(&mut input), portal(&mut input));
    let paths = paths(&mut input);
    a_portal_changes_where_it_is_named(&into, &from, &paths);
    a_customer_changes_where_it_is_named(&mut input, &paths);
}

fn paths(input: &mut Input<'_>) -> Vec<String> {
    let count = input.below(6);
    let path = |_| match input.below(4) {
        0 => input.text(),
        1 => format!("{}.{}", input.pick(&PATHS), input.pick(&PATHS)),
        _ => (*input.pick(&PATHS)).to_owned(),
    };
    (0..count).map(path).collect()
}

fn a_portal_changes_where_it_is_named(before: &v1::Portal, from: &v1::Portal, paths: &[String]) {
    let mut after = before.clone();
    if let Err(error) = portal_mask::merge(&mut after, from, paths) {
        return is_about_the_mask(error, paths);
    }
    let mut again = after.clone();
    portal_mask::merge(&mut again, from, paths).expect("as before");
    assert!(again == after, "{paths:?}");
    let is_named = |field: &str| paths.iter().any(|path| path == field);
    let is_touched = |field: &str| paths.iter().any(|path| path.split('.').next() == Some(field));
    macro_rules! holds {
        ($($field:ident $(.$or_default:ident())?)*) => {$({
            let name = stringify!($field);
            let all = [from, before, &after];
            let [from, before, after] =
                all.map(|portal| portal.$field.clone()$(.$or_default())?);
            assert!(!is_named(name) || after == from, "{name}: {paths:?}");
            assert!(is_touched(name) || after == before, "{name}: {paths:?}");
        })*};
    }
    // Of these, only with SAML is it something else to be there and empty than not to be there.
    holds! {
        display_name
        saml
        password.unwrap_or_default()
        lockout.unwrap_or_default()
        session.unwrap_or_default()
    }
    assert!(after.name == before.name && after.etag == before.etag);
    assert!(after.create_time == before.create_time && after.update_time == before.update_time);

    // Whatever is named, no date is left by itself where enforcement was cleared.
    let mfa = after.mfa.unwrap_or_default();
    let sets_date = is_named("mfa") || is_named("mfa.enforced_from_time");
    assert!(mfa.enforced || mfa.enforced_from_time.is_none() || sets_date);
    let enforced = [before, from].map(|portal| portal.mfa.as_ref().is_some_and(|mfa| mfa.enforced));
    let names_enforced = is_named("mfa") || is_named("mfa.enforced");
    assert_eq!(mfa.enforced, enforced[usize::from(names_enforced)]);
}

fn a_customer_changes_where_it_is_named(input: &mut Input<'_>, paths: &[String]) {
    let key = CustomerKey::new("acme".parse().unwrap(), "ana".parse().unwrap());
    let message = v1::Customer {
        email: format!("{}@example.com", input.text()),
        display_name: input.text(),
        suspended: input.flag(),
        ..Default::default()
    };
    match customer::change(message.clone(), key, paths) {
        Ok(change) => {
            let is_named = |field: &str| paths.iter().any(|path| path == field);
            assert_eq!(change.email.is_some(), is_named("email"));
            assert_eq!(change.suspended, is_named("suspended").then_some(message.suspended));
            let name = is_named("display_name").then_some(message.display_name);
            assert_eq!(change.display_name, name);
        }
        Err(AppError::RequestInvalid(violations)) => {
            assert!(!violations.is_empty());
            for violation in violations {
                assert!(!violation.description.contains(is_deceptive), "{violation}");
                let field = violation.field.as_str();
                assert!(
                    ["update_mask", "customer.email", "customer.display_name"].contains(&field)
                );
            }
        }
        Err(error) => panic!("{error}"),
    }
}

fn is_about_the_mask(error: AppError, paths: &[String]) {
    let AppError::RequestInvalid(violations) = error else { panic!("{error}") };
    assert!((1..=paths.len().max(1)).contains(&violations.len()));
    for violation in violations {
        assert_eq!(violation.field, "update_mask");
        // It quotes a path, of which a log or a terminal shows what stands there.
        assert!(!violation.description.contains(is_deceptive), "{violation}");
        assert!(violation.description.len() < 2_000);
    }
}

fn portal(input: &mut Input<'_>) -> v1::Portal {
    let time = |input: &mut Input<'_>| {
        input.flag().then(|| Timestamp { seconds: i64::from(input.byte()), nanos: 0 })
    };
    let span = |input: &mut Input<'_>| {
        input.flag().then(|| Duration { seconds: i64::from(input.byte()), nanos: 0 })
    };
    let number = |input: &mut Input<'_>| input.flag().then(|| i32::from(input.byte()));
    v1::Portal {
        name: "portals/acme".to_owned(),
        display_name: input.text(),
        mfa: input.flag().then(|| v1::MfaPolicy {
            enforced: input.flag(),
            enforced_from_time: time(input),
            issuer: input.text(),
            totp_skew_steps: number(input),
        }),
        saml: input.flag().then(|| v1::SamlConfig {
            idp_entity_id: input.text(),
            sso_url: input.text(),
            idp_certificate: input.text(),
        }),
        password: input
            .flag()
            .then(|| v1::PasswordPolicy { min_length: number(input), effective_min_length: 15 }),
        lockout: input
            .flag()
            .then(|| v1::LockoutPolicy { max_failures: number(input), lock_duration: span(input) }),
        session: input.flag().then(|| v1::SessionPolicy {
            idle_timeout: span(input),
            max_lifetime: span(input),
            reauthentication_window: span(input),
            effective_reauthentication_window: None,
        }),
        create_time: time(input),
        update_time: time(input),
        etag: input.text(),
    }
}
