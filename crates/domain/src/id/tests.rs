use proptest::prelude::*;

use super::name::SessionsOf;
use super::*;

#[test]
fn refuses_what_is_not_a_label() {
    for text in ["", "-a", "a-", "Acme", "a_b", "a.b", "ä", "a/b", " a", &"a".repeat(64)] {
        assert!(text.parse::<PortalId>().is_err(), "{text:?}");
    }
}

#[test]
fn a_uuid_has_one_spelling() {
    let id = SessionId::from_uuid(Uuid::from_u128(0xabc));
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in [
        id.to_string().to_uppercase(),
        id.as_uuid().simple().to_string(),
        id.as_uuid().braced().to_string(),
    ] {
        assert!(text.parse::<SessionId>().is_err(), "{text:?}");
    }
}

#[test]
fn names_take_their_own_form_alone() {
    for text in ["portals/", "portals/-", "portal/a", "portals/a/", "portals/A", "a"] {
        assert!(name::parse_portal(text).is_err(), "{text:?}");
    }
    for text in ["portals/a", "portals/a/customers/", "portals/a/customers/b/c", "customers/b"] {
        assert!(name::parse_customer(text).is_err(), "{text:?}");
    }
    assert_eq!(name::parse_portals("portals/-"), Ok(name::Portals::All));
    let all = name::Customers::All("a".parse().unwrap());
    assert_eq!(name::parse_customers("portals/a/customers/-"), Ok(all));
    let one = CustomerKey::new("a".parse().unwrap(), "b".parse().unwrap());
    let parsed = name::parse_customers("portals/a/customers/b");
    assert_eq!(parsed, Ok(name::Customers::One(one)));
    for text in ["portals/-/customers/-", "portals/a", "portals/a/customers/", "/customers/-"] {
        assert!(name::parse_customers(text).is_err(), "{text:?}");
    }
    for text in ["portals/-", "portals/a/customers/-", "portals/a/customers/b/sessions/-", ""] {
        assert!(name::parse_sessions_of(text).is_err(), "{text:?}");
    }
}

#[test]
fn an_id_begins_with_the_time_it_was_made() {
    use rand::SeedableRng;
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    for (micros, millis) in [
        (1_800_000_000_123_456_i64, 1_800_000_000_123_u128),
        (999, 0),
        (1_000, 1),
        (0, 0),
        (-1, 0),
        (i64::MIN, 0),
    ] {
        let id = SessionId::generate(Timestamp::from_micros(micros), &mut rng);
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert_eq!(id.as_uuid().as_u128() >> 80, millis, "{micros}");
    }
}

#[test]
fn the_lowest_id_of_a_time_parts_the_events_of_its_millisecond_from_earlier_ones() {
    use rand::SeedableRng;
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let at = Timestamp::from_micros(1_800_000_000_123_456);
    let millisecond = std::time::Duration::from_millis(1);
    for _ in 0..100 {
        assert!(AuditEventId::lowest_at(at) <= AuditEventId::generate(at, &mut rng));
        let before = AuditEventId::generate(at - millisecond, &mut rng);
        assert!(before < AuditEventId::lowest_at(at));
    }
}

proptest! {
    #[test]
    fn parse_and_print_are_inverse(
        portal in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        customer in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        uuid in any::<u128>(),
    ) {
        let key = CustomerKey::new(portal.parse()?, customer.parse()?);
        let session = SessionId::from_uuid(Uuid::from_u128(uuid));
        prop_assert_eq!(name::parse_portal(&name::portal(&key.portal))?, key.portal.clone());
        prop_assert_eq!(name::parse_customer(&name::customer(&key))?, key.clone());
        prop_assert_eq!(
            name::parse_session(&name::session(&key, session))?,
            (key.clone(), session)
        );
        let event = AuditEventId::from_uuid(Uuid::from_u128(uuid));
        prop_assert_eq!(name::parse_audit_event(&name::audit_event(event))?, event);
        let api_key = ApiKeyId::from_uuid(Uuid::from_u128(uuid));
        prop_assert_eq!(name::parse_api_key(&name::api_key(api_key))?, api_key);
        for (name, of) in [
            (name::portal(&key.portal), SessionsOf::Portal(key.portal.clone())),
            (name::customer(&key), SessionsOf::Customer(key.clone())),
            (name::session(&key, session), SessionsOf::Session(key.clone(), session)),
        ] {
            prop_assert_eq!(of.portal(), &key.portal);
            prop_assert_eq!(name::parse_sessions_of(&name)?, of);
        }
    }
}
