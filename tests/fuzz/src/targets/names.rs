//! A resource name has one spelling, and names one kind of thing.

use std::fmt::Display;
use std::str::FromStr;

use gatehouse_domain::id::name::{self, Customers, Portals, SessionsOf};
use gatehouse_domain::id::{
    ApiKeyId, AuditEventId, CustomerId, PortalId, ServerId, SessionId, SignInId,
};

use crate::input;

pub fn check(bytes: &[u8]) {
    let Some(text) = input::text(bytes) else { return };
    ids_print_to_themselves(text);
    names_print_to_themselves(text);
    wildcards_stand_for_all(text);
}

fn ids_print_to_themselves(text: &str) {
    prints_to_itself::<PortalId>(text);
    prints_to_itself::<CustomerId>(text);
    let is_uuid = prints_to_itself::<SessionId>(text);
    assert_eq!(is_uuid, prints_to_itself::<SignInId>(text));
    assert_eq!(is_uuid, prints_to_itself::<ApiKeyId>(text));
    assert_eq!(is_uuid, prints_to_itself::<AuditEventId>(text));
    assert_eq!(is_uuid, prints_to_itself::<ServerId>(text));
}

/// Whether `text` is such an id.
fn prints_to_itself<T: FromStr + Display>(text: &str) -> bool {
    let id = text.parse::<T>().ok();
    assert!(id.as_ref().is_none_or(|id| id.to_string() == text), "{text:?}");
    id.is_some()
}

fn names_print_to_themselves(text: &str) {
    let printed = [
        name::parse_portal(text).ok().map(|portal| name::portal(&portal)),
        name::parse_customer(text).ok().map(|customer| name::customer(&customer)),
        name::parse_session(text).ok().map(|(customer, id)| name::session(&customer, id)),
        name::parse_api_key(text).ok().map(name::api_key),
        name::parse_audit_event(text).ok().map(name::audit_event),
    ];
    assert!(printed.iter().flatten().count() <= 1, "{text:?}");
    for printed in printed.iter().flatten() {
        assert_eq!(printed, text);
        assert!(text.is_ascii() && text.len() <= 200);
    }
    let [portal, customer, session, ..] = printed;
    let parsed = name::parse_sessions_of(text).ok();
    match &parsed {
        Some(SessionsOf::Portal(_)) => assert!(portal.is_some()),
        Some(SessionsOf::Customer(_)) => assert!(customer.is_some()),
        Some(SessionsOf::Session(..)) => assert!(session.is_some()),
        None => assert!(portal.or(customer).or(session).is_none()),
    }
    if let Some(parsed) = parsed {
        assert!(text.starts_with(&name::portal(parsed.portal())));
    }
}

fn wildcards_stand_for_all(text: &str) {
    match name::parse_portals(text) {
        Ok(Portals::All) => assert_eq!(text, name::ALL_PORTALS),
        Ok(Portals::One(portal)) => assert_eq!(name::portal(&portal), text),
        Err(_) => assert!(name::parse_portal(text).is_err()),
    }
    match name::parse_customers(text) {
        Ok(Customers::All(portal)) => {
            assert_eq!(format!("{}/customers/-", name::portal(&portal)), text);
        }
        Ok(Customers::One(customer)) => assert_eq!(name::customer(&customer), text),
        Err(_) => assert!(name::parse_customer(text).is_err()),
    }
}
