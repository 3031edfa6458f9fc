use uuid::Uuid;

use super::*;
use crate::vault::KeyRing;

/// The bytes 0 to 31.
const RING: &str = "primary 00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// What is left of that key where another one is in its place.
const RETIRED: &str = "primary 00000002 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8
chain 00000001 jzgogpsNXTJnETuoT6JB5OXbK7wgp7e1Gqn1XYAXEWs";

/// The vault of a ring.
pub fn vault(ring: &str) -> Vault {
    Vault::new(&ring.parse::<KeyRing>().unwrap())
}

/// The `n`-th of many events.
pub fn event(n: u32) -> StoredEvent {
    StoredEvent {
        id: Uuid::from_u128(n.into()),
        event_at: 1_800_000_000_000_000 + i64::from(n),
        kind: "mfa.reset".to_owned(),
        portal_id: Some("acme".to_owned()),
        customer_id: None,
        session_id: None,
        api_key_id: None,
        api_key_display_name: String::new(),
        claimed_actor: "otto".to_owned(),
        caller_address: String::new(),
        request_id: "r-1".to_owned(),
        client_ip: String::new(),
        client_user_agent: String::new(),
        reason: None,
        attributes: "{}".to_owned(),
    }
}

/// Computed with Python's hashlib and hmac, from RFC 2104 and RFC 5869: whoever has the rows
/// and the ring can check the chain, and a change would break what is stored.
#[test]
fn digests_are_of_the_documented_bytes() {
    let vault = vault(RING);
    let key = vault.chain();
    let unkeyed = ChainEnd::START.next(None, &event(1));
    assert_eq!(
        unkeyed.to_string(),
        "1:f830eb789762181a3b26595a5cfe12cc8ee225d22534fad953426ea44a3b82ad"
    );
    let keyed = ChainEnd::START.next(Some(key), &event(1));
    assert_eq!(
        keyed.to_string(),
        "1:7b43e022aba03d9e934345805555c40a4134d56d7f30c7181c180d7090880012"
    );
    let second = unkeyed.next(Some(key), &event(2));
    assert_eq!(
        second.to_string(),
        "2:1ea2a858aafa6f698b4eb1b7003b583c36d1d13a9b9007dec88d72e3d5750489"
    );
    let start = TrailStart::after(second, key);
    assert_eq!(
        HEXLOWER.encode(&start.proof),
        "490c3c71e236ea2200608ea84f330d294b6b783da41ad1e923694b8b36085175"
    );
}

#[test]
fn what_is_left_of_a_retired_key_verifies_what_was_chained_under_it() {
    let (old, retired) = (vault(RING), vault(RETIRED));
    let end = ChainEnd::START.next(Some(old.chain()), &event(1));
    let chained = ChainedEvent {
        number: 1,
        digest: Some(end.digest),
        key: Some(old.primary()),
        event: Some(event(1)),
    };
    for vault in [&old, &retired] {
        assert_eq!(chained.follows(&ChainEnd::START, vault), Some(end));
        assert!(TrailStart::after(end, old.chain()).is_vouched_for(vault));
    }
    assert_ne!(ChainEnd::START.next(Some(retired.chain()), &event(1)), end);
    let without = vault(RETIRED.lines().next().unwrap());
    assert_eq!(chained.follows(&ChainEnd::START, &without), None);
    assert!(!TrailStart::after(end, old.chain()).is_vouched_for(&without));
}

#[test]
fn a_start_is_vouched_for_as_it_is() {
    let vault = vault(RING);
    let removed = ChainEnd::START.next(Some(vault.chain()), &event(1));
    let start = TrailStart::after(removed, vault.chain());
    let later = ChainEnd { number: 2, ..removed };
    let other = ChainEnd { digest: ChainEnd::START.digest, ..removed };
    for forged in [
        TrailStart { removed: later, ..start },
        TrailStart { removed: other, ..start },
        TrailStart { key: 2.into(), ..start },
        TrailStart { proof: *removed.digest.as_bytes(), ..start },
    ] {
        assert!(start.is_vouched_for(&vault) && !forged.is_vouched_for(&vault), "{forged:?}");
    }
}

#[test]
fn no_two_events_are_encoded_alike() {
    let some = |text: &str| Some(text.to_owned());
    let id = Some(Uuid::nil());
    let events = [
        event(1),
        StoredEvent { portal_id: None, customer_id: some("acme"), ..event(1) },
        StoredEvent { portal_id: some("ac"), customer_id: some("me"), ..event(1) },
        StoredEvent { portal_id: some(""), customer_id: some("acme"), ..event(1) },
        StoredEvent { customer_id: some(""), ..event(1) },
        StoredEvent { session_id: id, ..event(1) },
        StoredEvent { api_key_id: id, ..event(1) },
        StoredEvent { claimed_actor: String::new(), caller_address: "otto".into(), ..event(1) },
        StoredEvent { reason: some("{}"), attributes: String::new(), ..event(1) },
    ];
    let digests = events.each_ref().map(|event| ChainEnd::START.next(None, event).digest);
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest), "{:?}", events[at]);
    }
}

#[test]
fn a_digest_has_32_bytes() {
    let digest = ChainEnd::START.digest;
    assert_eq!(ChainDigest::from_bytes(digest.as_bytes()), Some(digest));
    for length in [0, 31, 33] {
        assert_eq!(ChainDigest::from_bytes(&vec![0; length]), None);
    }
}

#[test]
fn an_end_is_written_in_one_way() {
    let end = ChainEnd { number: 7, ..ChainEnd::START };
    let text = end.to_string();
    assert_eq!(text.parse::<ChainEnd>(), Ok(end));
    for other in [
        "",
        "7",
        "7:",
        &text[2..],
        &text[..65],
        &format!("{text}0"),
        &text.replace("7:", "-7:"),
        &text.replace("7:", "7:x"),
        &format!("7:{}", "A".repeat(64)),
    ] {
        assert!(other.parse::<ChainEnd>().is_err(), "{other}");
    }
}
