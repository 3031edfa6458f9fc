use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const OLD: &str = "primary 00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NEW: &str = "primary 00000002 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const ROTATED: &str = "primary 00000002 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8
other 00000001 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Another key under the id of the old one.
const WRONG: &str = "primary 00000001 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";

const KINDS: [DigestKind; 6] = [
    DigestKind::ApiKey,
    DigestKind::SignIn,
    DigestKind::Session,
    DigestKind::Invitation,
    DigestKind::Throttle,
    DigestKind::KnownSource,
];

const PLACE: Context<'_> = Context {
    table: "factor",
    column: "secret",
    portal: "acme",
    customer: "c1",
    row: "f1",
    generation: 7,
};

fn vault(ring: &str) -> Vault {
    Vault::new(&ring.parse().expect("a key ring"))
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

proptest! {
    #[test]
    fn what_is_sealed_opens(plaintext: Vec<u8>, table: String, row: String, generation: i64) {
        let context = Context { table: &table, row: &row, generation, ..PLACE };
        let vault = vault(OLD);
        let sealed = vault.seal(&mut rng(), &context, &plaintext);
        prop_assert_eq!(sealed.len(), plaintext.len() + OVERHEAD_BYTES);
        prop_assert_eq!(&**vault.open(&context, &sealed)?, &*plaintext);
    }

    #[test]
    fn no_two_contexts_have_one_encoding(
        one in prop::array::uniform5("[a-b]{0,2}"),
        two in prop::array::uniform5("[a-b]{0,2}"),
    ) {
        fn encode([table, column, portal, customer, row]: &[String; 5]) -> Vec<u8> {
            Context { table, column, portal, customer, row, generation: 0 }.encode()
        }
        prop_assert_eq!(encode(&one) == encode(&two), one == two);
    }
}

#[test]
fn a_value_moved_to_another_place_does_not_open() {
    let vault = vault(OLD);
    let sealed = vault.seal(&mut rng(), &PLACE, b"secret");
    for moved in [
        Context { table: "enrollment", ..PLACE },
        Context { column: "uri", ..PLACE },
        Context { portal: "other", ..PLACE },
        Context { customer: "c2", ..PLACE },
        Context { row: "f2", ..PLACE },
        Context { generation: 8, ..PLACE },
        Context { table: "factors", column: "ecret", ..PLACE },
    ] {
        assert_eq!(vault.open(&moved, &sealed), Err(OpenError::Rejected), "{moved:?}");
    }
}

#[test]
fn every_bit_is_authenticated() {
    let vault = vault(OLD);
    let sealed = vault.seal(&mut rng(), &PLACE, b"secret");
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = vault.open(&PLACE, &changed).expect_err("changed");
        let in_key_id = matches!(error, OpenError::UnknownKey(_));
        match bit / 8 {
            0 | 1 => assert_eq!(error, OpenError::Malformed),
            2..=5 => assert!(in_key_id),
            _ => assert_eq!(error, OpenError::Rejected),
        }
    }
}

#[test]
fn a_key_id_cannot_be_swapped_for_another_live_one() {
    let vault = vault(ROTATED);
    let mut sealed = vault.seal(&mut rng(), &PLACE, b"secret");
    assert_eq!(sealed[..6], [1, 1, 0, 0, 0, 2]);
    sealed[5] = 1;
    assert_eq!(vault.open(&PLACE, &sealed), Err(OpenError::Rejected));
}

#[test]
fn a_truncated_value_does_not_open() {
    let vault = vault(OLD);
    let sealed = vault.seal(&mut rng(), &PLACE, b"secret");
    for length in 0..sealed.len() {
        let expected =
            if length < OVERHEAD_BYTES { OpenError::Malformed } else { OpenError::Rejected };
        assert_eq!(vault.open(&PLACE, &sealed[..length]), Err(expected), "{length}");
    }
}

#[test]
fn a_rotated_ring_opens_what_the_old_one_sealed() {
    let sealed = vault(OLD).seal(&mut rng(), &PLACE, b"secret");
    assert_eq!(**vault(ROTATED).open(&PLACE, &sealed).expect("authentic"), *b"secret");
    assert_eq!(vault(NEW).open(&PLACE, &sealed), Err(OpenError::UnknownKey(KeyId::from(1))));
    assert_eq!(vault(WRONG).open(&PLACE, &sealed), Err(OpenError::Rejected));
}

#[test]
fn what_another_key_sealed_is_to_be_sealed_again() {
    let [old, rotated] = [OLD, ROTATED].map(vault);
    let sealed = old.seal(&mut rng(), &PLACE, b"secret");
    assert!(old.seals(&sealed) && !rotated.seals(&sealed));
    let again = rotated.seal(&mut rng(), &PLACE, b"secret");
    assert!(rotated.seals(&again) && !old.seals(&again));
    assert!(!old.seals(b"") && !old.seals(&sealed[..OVERHEAD_BYTES - 1]));
}

#[test]
fn a_vault_has_the_keys_of_its_ring_the_primary_first() {
    let rotated = vault(ROTATED);
    assert_eq!(rotated.primary(), KeyId::from(2));
    assert_eq!(rotated.key_ids().collect::<Vec<_>>(), [2, 1].map(KeyId::from));
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", vault(ROTATED)), "Vault { primary: KeyId(2), .. }");
}

#[test]
fn a_digest_is_looked_for_under_every_live_key() {
    let rotated = vault(ROTATED);
    for kind in KINDS {
        let expected = [vault(NEW).digest(kind, b"token"), vault(OLD).digest(kind, b"token")];
        assert_eq!(rotated.digests(kind, b"token"), expected);
        assert_eq!(rotated.digest(kind, b"token"), expected[0]);
    }
}

#[test]
fn a_digest_of_one_kind_is_not_found_as_another() {
    let vault = vault(OLD);
    let digests: std::collections::HashSet<Digest> =
        KINDS.map(|kind| vault.digest(kind, b"token")).into();
    assert_eq!(digests.len(), KINDS.len());
}

#[test]
fn a_canary_tells_a_wrong_ring() {
    let id = KeyId::from(1);
    let canary = vault(OLD).canary(&mut rng(), id).expect("its own key");
    assert_eq!(vault(OLD).check_canary(id, &canary), Ok(()));
    assert_eq!(vault(ROTATED).check_canary(id, &canary), Ok(()));
    assert_eq!(vault(WRONG).check_canary(id, &canary), Err(OpenError::Rejected));
    assert_eq!(vault(NEW).check_canary(id, &canary), Err(OpenError::UnknownKey(id)));
    assert_eq!(vault(NEW).canary(&mut rng(), id), Err(OpenError::UnknownKey(id)));
}

#[test]
fn a_canary_is_of_one_key_and_nothing_else() {
    let vault = vault(ROTATED);
    let canary = vault.canary(&mut rng(), KeyId::from(2)).expect("a live key");
    assert_eq!(vault.check_canary(KeyId::from(1), &canary), Err(OpenError::Rejected));
    let row = vault.seal(&mut rng(), &PLACE, CANARY);
    assert_eq!(vault.check_canary(KeyId::from(2), &row), Err(OpenError::Rejected));
    assert_eq!(vault.check_canary(KeyId::from(2), b""), Err(OpenError::Malformed));
}

/// Both were computed by another implementation, from RFC 5869, RFC 2104 and
/// draft-irtf-cfrg-xchacha-03: a change would orphan what is stored.
#[test]
fn the_storage_format_is_pinned() {
    let vault = vault(OLD);
    assert_eq!(
        hex(vault.digest(DigestKind::Session, b"token").as_bytes()),
        "4cea6c89b4cc5010bc4e5470936c35765f92121ff41d6a630624f573dd8a8400",
    );
    let sealed = data_encoding::HEXLOWER
        .decode(
            b"010100000001000102030405060708090a0b0c0d0e0f1011121314151617\
              fe99bdc50e879f57c72bcda2fbbcdcd719963cd09bc7",
        )
        .expect("hexadecimal");
    assert_eq!(**vault.open(&PLACE, &sealed).expect("authentic"), *b"secret");
}
