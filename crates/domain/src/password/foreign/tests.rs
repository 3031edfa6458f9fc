use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::password::{HashParameters, StoredHash};

/// A hash that another system's library made (tests/vectors).
#[derive(Deserialize)]
struct Vector {
    name: String,
    password: String,
    wrong: String,
    hash: String,
}

fn vectors() -> Vec<Vector> {
    let json = include_str!("../../../../../tests/vectors/password_hashes.json");
    serde_json::from_str(json).unwrap()
}

fn verify(hash: &ForeignHash, password: &str) -> bool {
    let mut memory = vec![Block::new(); usize::try_from(hash.blocks()).unwrap()];
    hash.verify(&Password::parse(password).unwrap(), &mut memory).unwrap()
}

/// Also as it is read back from where it is stored.
#[test]
fn hashes_of_other_systems_are_verified() {
    for Vector { name, password, wrong, hash } in vectors() {
        let hash = ForeignHash::import(&hash).unwrap_or_else(|error| panic!("{name}: {error}"));
        let stored: ForeignHash = hash.to_text().parse().unwrap();
        assert!(stored == hash, "{name}");
        assert!(verify(&stored, &password), "{name}");
        assert!(!verify(&hash, &wrong), "{name}");
    }
}

#[test]
fn every_format_that_is_accepted_has_a_hash_of_its_library() {
    let texts: Vec<_> = vectors()
        .iter()
        .map(|vector| ForeignHash::import(&vector.hash).unwrap().to_text())
        .collect();
    for form in [
        "raw:argon2id:19",
        "raw:argon2i:19",
        "raw:argon2i:16",
        "raw:bcrypt",
        "sha256-hex:bcrypt",
        "raw:pbkdf2-sha1",
        "raw:pbkdf2-sha256",
        "raw:pbkdf2-sha512",
        "raw:scrypt",
        "nfkc:scrypt",
    ] {
        let prefix = format!("foreign:{form}");
        assert!(texts.iter().any(|text| text.starts_with(&prefix)), "{form}");
    }
}

#[test]
fn bcrypt_sees_72_bytes_and_nul_as_a_byte() {
    let of = |name: &str| {
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        ForeignHash::import(&vector.hash).unwrap()
    };
    let long = "0123456789".repeat(9);
    assert!(verify(&of("bcrypt 2b, past 72 bytes"), &long[..72]));
    assert!(!verify(&of("bcrypt 2b, past 72 bytes"), &long[..71]));
    assert!(!verify(&of("Django bcrypt_sha256, long"), &long[..72]));
    assert!(!verify(&of("bcrypt 2b, NUL"), "before"));
}

#[test]
fn what_was_hashed_is_what_the_system_hashed() {
    let of = |name: &str| {
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        ForeignHash::import(&vector.hash).unwrap()
    };
    let (composed, decomposed) =
        ("\u{e9}t\u{e9} \u{e0} la plage", "e\u{301}te\u{301} a\u{300} la plage");
    for (name, by_composed, by_decomposed) in [
        ("better-auth, accents", true, true),
        ("Django pbkdf2_sha256, accents", false, true),
        ("bcrypt 2b of bcryptjs", true, false),
        ("Keycloak pbkdf2-sha512", true, false),
    ] {
        let hash = of(name);
        let found = (verify(&hash, composed), verify(&hash, decomposed));
        assert_eq!(found, (by_composed, by_decomposed), "{name}");
    }
}

const SALT_AND_HASH: &str = "c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";

#[test]
fn what_costs_too_much_is_refused() {
    let good = |text: &str| ForeignHash::import(text).is_ok();
    let phc = |costs: &str| format!("${costs}${SALT_AND_HASH}");
    for (dearest, too_dear) in [
        ("argon2id$v=19$m=131072,t=4,p=1", "argon2id$v=19$m=131072,t=5,p=1"),
        ("argon2id$v=19$m=131072,t=4,p=16", "argon2id$v=19$m=131072,t=4,p=17"),
        ("argon2i$v=16$m=131072,t=1,p=1", "argon2i$v=16$m=131073,t=1,p=1"),
        ("argon2id$v=19$m=8,t=65536,p=1", "argon2id$v=19$m=8,t=65537,p=1"),
        ("argon2id$v=19$m=16,t=1,p=2", "argon2id$v=19$m=15,t=1,p=2"),
        ("argon2id$v=19$m=8,t=1,p=1", "argon2id$v=19$m=4294967295,t=4294967295,p=1"),
        ("pbkdf2-sha256$i=2000000", "pbkdf2-sha256$i=2000001"),
        ("pbkdf2-sha512$1000", "pbkdf2-sha512$999"),
        ("pbkdf2-sha256$i=1000,l=16", "pbkdf2-sha256$i=1000,l=17"),
        ("scrypt$ln=17,r=8,p=1", "scrypt$ln=17,r=9,p=1"),
        ("scrypt$ln=16,r=1,p=16", "scrypt$ln=16,r=1,p=17"),
        ("scrypt$ln=17,r=4,p=2", "scrypt$ln=17,r=8,p=2"),
        ("scrypt$ln=1,r=1,p=1", "scrypt$ln=0,r=1,p=1"),
        ("scrypt$ln=1,r=1,p=1", "scrypt$ln=64,r=1,p=1"),
        ("scrypt$ln=1,r=1,p=1", "scrypt$ln=1,r=4294967295,p=16"),
    ] {
        assert!(good(&phc(dearest)), "{dearest}");
        assert!(!good(&phc(too_dear)), "{too_dear}");
    }
    let bcrypt =
        |cost: &str| format!("$2b${cost}$ysJBi3rle9aNgLeWds9VeewTwtfLYCzAY1oEOTBAInJACnpHV14Wm");
    assert!(good(&bcrypt("04")) && good(&bcrypt("14")));
    for cost in ["03", "15", "31", "4", "014", "+4"] {
        assert!(!good(&bcrypt(cost)), "{cost}");
    }
}

#[test]
fn what_is_accepted_takes_a_second_and_128_mib_at_most() {
    for costs in
        ["$argon2id$v=19$m=131072,t=4,p=16", "$pbkdf2-sha512$i=2000000", "$scrypt$ln=17,r=8,p=1"]
    {
        let hash = ForeignHash::import(&format!("{costs}${SALT_AND_HASH}")).unwrap();
        assert!(hash.expected_time() <= Duration::from_secs(1), "{costs}");
        assert!(hash.memory_kib() <= 128 * 1024 + 1, "{costs}");
    }
    assert_eq!(Algorithm::bcrypt(14).unwrap().expected_time(), Duration::from_micros(983_040));
}

#[test]
fn what_is_no_hash_is_refused_in_the_words_of_its_format() {
    for (text, word) in [
        ("", "leave it out"),
        ("hunter2", "docs/importing.md"),
        ("$md5$x", "docs/importing.md"),
        ("$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "argon2d"),
        ("$argon2id$v=18$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "version"),
        ("$argon2id$v=19$m=8,t=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "argon2"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA", "salt"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "16"),
        ("$2x$10$ysJBi3rle9aNgLeWds9VeewTwtfLYCzAY1oEOTBAInJACnpHV14Wm", "$2b$"),
        ("$2b$10$ysJBi3rle9aNgLeWds9Vee", "bcrypt"),
        ("$2b$10$\u{e9}sJBi3rle9aNgLeWds9VeewTwtfLYCzAY1oEOTBAInJACnpHV14W", "bcrypt"),
        ("$scrypt$ln=14,r=8$c2FsdHNhbHQ$aGFzaA", "scrypt"),
        ("pbkdf2_sha256$1000$saltsalt", "pbkdf2_sha256"),
        ("bcrypt_sha256$2b$10$x", "bcrypt_sha256"),
        ("bcrypt$2b$10$x", "bcrypt"),
        ("argon2$bcrypt$x", "docs/importing.md"),
        ("scrypt$1000$saltsalt$8$1$aGFzaGhhc2hoYXNoaGFzaA", "power of two"),
        ("md5$salt$hash", "invite"),
        ("!unusable", "docs/importing.md"),
        ("abc:def", "better-auth"),
        ("{}", "Keycloak"),
        ("{\"secretData\":\"{}\",\"credentialData\":\"{}\"}", "Keycloak"),
    ] {
        let refusal = ForeignHash::import(text).unwrap_err();
        assert!(refusal.0.contains(word), "{text}: {refusal}");
        assert!(text.is_empty() || !refusal.0.contains(text), "{text}");
    }
    assert!(ForeignHash::import(&format!("${}", "x".repeat(4_096))).is_err());
}

#[test]
fn a_keycloak_credential_names_its_function() {
    let credential = |algorithm: &str, parameters: &str| {
        format!(
            "{{\"secretData\":{{\"value\":\"aGFzaGhhc2hoYXNoaGFzaA==\",\"salt\":\"c2FsdHNhbHQ=\"}},\
             \"credentialData\":{{\"hashIterations\":1000,\"algorithm\":\"{algorithm}\",\
             \"additionalParameters\":{{{parameters}}}}}}}"
        )
    };
    let argon2 =
        "\"type\":[\"id\"],\"version\":[\"1.3\"],\"memory\":[\"64\"],\"parallelism\":[\"1\"]";
    assert!(ForeignHash::import(&credential("argon2", argon2)).is_ok());
    assert!(ForeignHash::import(&credential("pbkdf2-sha256", "")).is_ok());
    for (algorithm, parameters, word) in [
        ("bcrypt", "", "pbkdf2-sha512 or argon2"),
        ("argon2", "", "type"),
        ("argon2", "\"type\":[\"d\"]", "type"),
        ("argon2", "\"type\":[\"id\"]", "version"),
        ("argon2", "\"type\":[\"id\"],\"version\":[\"1.3\"]", "credentialData"),
    ] {
        let refusal = ForeignHash::import(&credential(algorithm, parameters)).unwrap_err();
        assert!(refusal.0.contains(word), "{algorithm} {parameters}: {refusal}");
    }
}

/// A program of the version before reads stored hashes as PHC strings.
#[test]
fn a_program_that_knows_none_refuses_them() {
    for vector in vectors() {
        let text = ForeignHash::import(&vector.hash).unwrap().to_text();
        assert!(text.parse::<crate::password::PasswordHash>().is_err(), "{}", vector.name);
    }
}

#[test]
fn a_stored_hash_is_ours_or_foreign_and_a_foreign_one_is_always_replaced() {
    let parameters = HashParameters::new(8, 1, 1).unwrap();
    let own = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";
    let stored: StoredHash = own.parse().unwrap();
    assert!(matches!(stored, StoredHash::Own(_)) && !stored.needs_rehash(&parameters));
    assert_eq!((stored.to_text().as_str(), stored.blocks()), (own, 8));

    let foreign = StoredHash::from(ForeignHash::import(own).unwrap());
    assert!(foreign.needs_rehash(&parameters) && foreign.missing_work(&parameters).is_none());
    assert!(foreign.to_text().parse::<StoredHash>().unwrap() == foreign);
    for text in ["foreign:", "foreign:raw:argon2id:19,8,1,1:c2FsdHNhbHQ", "foreign:x:y:z:a:b"] {
        assert!(text.parse::<StoredHash>().is_err(), "{text}");
    }
}

#[test]
fn debug_shows_the_function_alone() {
    let text = format!("$argon2id$v=19$m=8,t=1,p=1${SALT_AND_HASH}");
    let debug = format!("{:?}", ForeignHash::import(&text).unwrap());
    assert!(debug.contains("Argon2") && !debug.contains("c2FsdHNhbHQ"), "{debug}");
    assert!(!debug.contains("97, 115") && !debug.contains("salt"), "{debug}");
}

#[test]
fn a_machine_is_measured_by_hashes_that_can_be_computed() {
    for specimen in ForeignHash::specimens() {
        assert!(!verify(&specimen, "no known password has it"));
        assert!(specimen.expected_time() <= Duration::from_millis(25));
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_refused_or_stored_as_itself(text in "[$:{}a-z0-9=,./+]{0,90}") {
        if let Ok(hash) = ForeignHash::import(&text) {
            prop_assert!(hash.to_text().parse::<ForeignHash>().unwrap() == hash);
        }
    }
}
