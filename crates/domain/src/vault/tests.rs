use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn ring(seed: u64) -> KeyRing {
    KeyRing::generate(&mut StdRng::seed_from_u64(seed))
}

const HERE: Context<'static> = Context {
    table: "factor",
    column: "secret",
    portal: "acme",
    customer: "c1",
    row: "f1",
    generation: 1,
};

#[test]
fn what_is_sealed_opens_in_its_own_place_alone() {
    let vault = Vault::new(&ring(1));
    let sealed = vault.seal(&mut rng(), &HERE, b"secret");
    assert_eq!(vault.open(&HERE, &sealed).unwrap().as_slice(), b"secret");
    for elsewhere in [
        Context { table: "enrollment", ..HERE },
        Context { column: "other", ..HERE },
        Context { portal: "beta", ..HERE },
        Context { customer: "c2", ..HERE },
        Context { row: "f2", ..HERE },
        Context { generation: 2, ..HERE },
        // The same characters, split differently.
        Context { portal: "acm", customer: "ec1", ..HERE },
    ] {
        assert_eq!(vault.open(&elsewhere, &sealed), Err(OpenError::Rejected), "{elsewhere:?}");
    }
}

#[test]
fn sealing_twice_never_gives_the_same() {
    let vault = Vault::new(&ring(1));
    let mut rng = rng();
    assert_ne!(vault.seal(&mut rng, &HERE, b"x"), vault.seal(&mut rng, &HERE, b"x"));
}

#[test]
fn every_changed_byte_is_noticed() {
    let vault = Vault::new(&ring(1));
    let sealed = vault.seal(&mut rng(), &HERE, b"secret");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(vault.open(&HERE, &changed).is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(vault.open(&HERE, &sealed[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_ring_opens_what_its_other_keys_have_sealed() {
    let old = ring(1);
    let sealed = Vault::new(&old).seal(&mut rng(), &HERE, b"secret");
    let rotated =
        format!("{}{}", ring(2).to_text().as_str(), old.to_text().replace("primary", "other"));
    let vault = Vault::new(&rotated.parse().unwrap());
    assert_eq!(vault.open(&HERE, &sealed).unwrap().as_slice(), b"secret");
    assert!(matches!(Vault::new(&ring(2)).open(&HERE, &sealed), Err(OpenError::UnknownKey(_))));
}

#[test]
fn digests_depend_on_kind_and_key_and_are_looked_up_under_every_key() {
    let (old, new) = (ring(1), ring(2));
    let digest = |ring: &KeyRing, kind| Vault::new(ring).digest(kind, b"token");
    assert_ne!(digest(&old, DigestKind::Session), digest(&old, DigestKind::SignIn));
    assert_ne!(digest(&old, DigestKind::Session), digest(&new, DigestKind::Session));
    let both = format!("{}{}", new.to_text().as_str(), old.to_text().replace("primary", "other"));
    let both = Vault::new(&both.parse().unwrap()).digests(DigestKind::Session, b"token");
    assert_eq!(both, [digest(&new, DigestKind::Session), digest(&old, DigestKind::Session)]);
}

#[test]
fn a_canary_tells_a_wrong_ring_from_the_right_one() {
    let right = Vault::new(&ring(1));
    let id = right.key_ids().next().unwrap();
    let canary = right.canary(id, &mut rng()).unwrap();
    assert_eq!(right.check_canary(id, &canary), Ok(()));
    assert_eq!(Vault::new(&ring(2)).check_canary(id, &canary), Err(OpenError::UnknownKey(id)));
    let other_key = ring(2).to_text();
    let other_id = Vault::new(&ring(2)).key_ids().next().unwrap();
    let same_id = other_key.replace(&other_id.to_string(), &id.to_string());
    let impostor = Vault::new(&same_id.parse().unwrap());
    assert_eq!(impostor.check_canary(id, &canary), Err(OpenError::Rejected));
}

#[test]
fn key_rings_survive_being_written() {
    let ring = ring(1);
    let again: KeyRing = ring.to_text().parse().unwrap();
    assert!(ring.keys().eq(again.keys()));
    assert!(ring.to_text().starts_with('#'));
}

#[test]
fn refuses_broken_key_rings_and_repeats_nothing_of_them() {
    let key = "A".repeat(43);
    let table = [
        (String::new(), KeyRingError::NoPrimary),
        (format!("other 00000001 {key}"), KeyRingError::NoPrimary),
        (format!("primary 1 {key}"), KeyRingError::Line(1)),
        (format!("primary 0000000g {key}"), KeyRingError::Line(1)),
        (format!("primary +0000001 {key}"), KeyRingError::Line(1)),
        (format!("# a\n\nmain 00000001 {key}"), KeyRingError::Line(3)),
        (format!("primary 00000001 {key}A"), KeyRingError::Line(1)),
        (format!("primary 00000001 {}", &key[1..]), KeyRingError::Line(1)),
        (format!("primary 00000001 {key} more"), KeyRingError::Line(1)),
        (format!("primary 00000001 {key}\nprimary 00000002 {key}"), KeyRingError::SecondPrimary(2)),
        (format!("primary 00000001 {key}\nother 00000001 {key}"), KeyRingError::Twice(2)),
    ];
    for (text, expected) in table {
        let error = text.parse::<KeyRing>().unwrap_err();
        assert_eq!(error, expected, "{text}");
        assert!(!error.to_string().contains("AAAA"));
    }
}

#[test]
fn debug_shows_no_key() {
    let ring = ring(1);
    let text = ring.to_text();
    let key = text.trim_end().rsplit(' ').next().unwrap();
    assert!(!format!("{ring:?}").contains(key));
    let token = Token::generate(TokenKind::Session, &mut rng());
    assert!(!format!("{token:?}").contains(&token.expose()[8..]));
}

#[test]
fn tokens_take_their_exact_form_alone() {
    let token = Token::generate(TokenKind::Session, &mut rng());
    let text = token.expose();
    assert_eq!(text.len(), 47);
    assert!(text.starts_with("ghs_"));
    assert_eq!(Token::parse(TokenKind::Session, text), Ok(token.clone()));

    let mut not_canonical = text.to_owned();
    not_canonical.pop();
    // The last of 43 characters carries two bits that stand for nothing.
    not_canonical.push('B');
    for bad in [
        text[..46].to_owned(),
        format!("{text}A"),
        text.replace("ghs_", "ghi_"),
        text.replace("ghs_", "GHS_"),
        text[4..].to_owned(),
        not_canonical,
        format!("ghs_{}", "=".repeat(43)),
        String::new(),
        "x".repeat(1_000_000),
    ] {
        assert!(Token::parse(TokenKind::Session, &bad).is_err());
    }
    assert!(Token::parse(TokenKind::SignIn, text).is_err());
}

proptest! {
    #[test]
    fn sealing_and_opening_are_inverse(plaintext: Vec<u8>, row: String, generation: i64) {
        let vault = Vault::new(&ring(1));
        let context = Context { row: &row, generation, ..HERE };
        let sealed = vault.seal(&mut rng(), &context, &plaintext);
        let opened = vault.open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        prop_assert_eq!(sealed.len(), plaintext.len() + OVERHEAD_BYTES);
    }

    #[test]
    fn no_text_panics_a_parser(text: String) {
        let _ = text.parse::<KeyRing>();
        let _ = Token::parse(TokenKind::Session, &text);
        let _ = Vault::new(&ring(1)).open(&HERE, text.as_bytes());
    }
}
