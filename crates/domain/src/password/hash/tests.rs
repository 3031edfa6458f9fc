use super::*;

const SALT: [u8; 16] = *b"sixteen salty by";

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn tiny() -> HashParameters {
    HashParameters::new(8, 1, 1).unwrap()
}

fn memory(kib: u32) -> Vec<Block> {
    vec![Block::new(); usize::try_from(kib).unwrap()]
}

#[test]
fn verifies_what_the_reference_implementation_made() {
    // argon2(1) of the reference implementation, its own test: password, somesalt.
    let phc =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let hash: PasswordHash = phc.parse().unwrap();
    let mut memory = memory(hash.memory_kib());
    assert!(hash.verify(&password("password"), &mut memory).unwrap());
    assert!(!hash.verify(&password("Password"), &mut memory).unwrap());
    assert_eq!(*hash.to_phc(), phc);
}

#[test]
fn parsing_and_printing_are_inverse() {
    let mut memory = memory(64);
    for parameters in [tiny(), HashParameters::new(64, 3, 4).unwrap()] {
        let hash =
            PasswordHash::generate(&password("secret"), SALT, parameters, &mut memory).unwrap();
        let read: PasswordHash = hash.to_phc().parse().unwrap();
        assert_eq!(read, hash);
        assert!(read.verify(&password("secret"), &mut memory).unwrap());
    }
}

#[test]
fn another_salt_makes_another_hash() {
    let mut memory = memory(8);
    let [one, other] = [SALT, [7; 16]]
        .map(|salt| PasswordHash::generate(&password("x"), salt, tiny(), &mut memory).unwrap());
    assert_ne!(one.output, other.output);
}

#[test]
fn refuses_hashes_out_of_bounds() {
    let phc = |parameters: &str| {
        format!(
            "$argon2id$v=19${parameters}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        )
        .parse::<PasswordHash>()
        .is_ok()
    };
    for (parameters, good) in [
        ("m=131072,t=10,p=4", true),
        ("t=1,p=1,m=8", true),
        ("m=131073,t=2,p=1", false),
        ("m=4194304,t=2,p=1", false), // 4 GiB
        ("m=4294967296,t=2,p=1", false),
        ("m=19456,t=11,p=1", false),
        ("m=19456,t=0,p=1", false),
        ("m=19456,t=2,p=5", false),
        ("m=19456,t=2,p=0", false),
        ("m=7,t=2,p=1", false),
        ("m=31,t=2,p=4", false),
        ("m=19456,t=2", false),
        ("m=19456,t=2,p=1,keyid=AAAA", false),
        ("m=19456,t=2,p=1,data=AAAA", false),
        ("m=19456,t=2,p=1,m=4194304", false),
    ] {
        assert_eq!(phc(parameters), good, "{parameters}");
    }
}

#[test]
fn refuses_other_algorithms_versions_and_shapes() {
    let output = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    for phc in [
        String::new(),
        "secret".to_owned(),
        format!("$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHQ${output}"),
        format!("$argon2id$v=16$m=64,t=2,p=1$c29tZXNhbHQ${output}"),
        format!("$argon2id$m=64,t=2,p=1$c29tZXNhbHQ${output}"),
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ".to_owned(),
        format!("$argon2id$v=19$m=64,t=2,p=1$c2Fs${output}"), // a salt of 3 bytes
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAA".to_owned(), // 15 bytes
        format!("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ${output}$x"),
        format!("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ${output}{}", "A".repeat(300)),
        "$2b$12$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m".to_owned(),
    ] {
        assert!(phc.parse::<PasswordHash>().is_err(), "{phc}");
    }
}

/// Memory is set aside by what parameters and hashes say that they need.
#[test]
fn parameters_and_their_hashes_need_the_same_memory() {
    let usual = HashParameters::default();
    assert_eq!((usual.memory_kib(), usual.cost()), (19_456, 38_912));
    for memory_kib in [8, 64, MAX_MEMORY_KIB] {
        let parameters = HashParameters::new(memory_kib, 1, 1).unwrap();
        assert_eq!(parameters.memory_kib(), memory_kib);
        assert_eq!(PasswordHash::decoy(parameters).memory_kib(), memory_kib);
    }
}

#[test]
fn a_cheaper_hash_is_to_be_made_again() {
    let configured = HashParameters::default();
    for (memory_kib, passes, cheaper) in [
        (19_456, 2, false),
        (47_104, 1, false),
        (19_456, 1, true),
        (9_728, 3, true),
        (65_536, 3, false),
    ] {
        let hash = PasswordHash::decoy(HashParameters::new(memory_kib, passes, 1).unwrap());
        assert_eq!(hash.needs_rehash(&configured), cheaper, "m={memory_kib} t={passes}");
    }
}

#[test]
fn a_cheaper_hash_and_its_missing_work_are_the_configured_work() {
    for (configured, stored) in [
        ((19_456, 2), (19_456, 1)),
        ((19_456, 2), (12_000, 2)),
        ((19_456, 2), (9_728, 3)),
        ((19_456, 2), (8, 1)),
        ((47_104, 1), (19_456, 2)),
        ((12_288, 3), (32_768, 1)),
        ((12_289, 3), (4_096, 1)),
        ((131_072, 10), (8, 1)),
    ] {
        let [configured, stored] = [configured, stored]
            .map(|(memory_kib, passes)| HashParameters::new(memory_kib, passes, 1).unwrap());
        let missing = PasswordHash::decoy(stored).missing_work(&configured).unwrap();
        assert!(missing.memory_kib() <= configured.memory_kib());
        // Each pass fills whole KiB.
        let unfilled = configured.cost() - stored.cost() - missing.cost();
        assert!(unfilled < missing.passes, "{configured:?} {stored:?} {missing:?}");
    }
}

#[test]
fn no_work_is_missing_from_a_hash_that_is_no_cheaper() {
    let configured = HashParameters::new(64, 2, 1).unwrap();
    for (memory_kib, passes) in [(64, 2), (128, 1), (64, 3), (125, 1)] {
        let stored = HashParameters::new(memory_kib, passes, 1).unwrap();
        assert_eq!(PasswordHash::decoy(stored).missing_work(&configured), None);
    }
}

#[test]
fn a_decoy_is_the_work_of_a_real_hash_and_never_matches() {
    let parameters = HashParameters::new(64, 2, 1).unwrap();
    let decoy: PasswordHash = PasswordHash::decoy(parameters).to_phc().parse().unwrap();
    let real = PasswordHash::generate(&password("x"), SALT, parameters, &mut memory(64)).unwrap();
    assert_eq!(decoy.parameters, real.parameters);
    assert_eq!((decoy.salt.len(), decoy.output.len()), (real.salt.len(), real.output.len()));

    let mut memory = memory(64);
    assert!(!decoy.verify(&password("x"), &mut memory).unwrap());
    assert!(memory.iter().all(|block| block.as_ref().iter().any(|word| *word != 0)));
}

#[test]
fn memory_that_is_too_small_is_an_error_and_no_verdict() {
    let hash = PasswordHash::decoy(tiny());
    assert!(hash.verify(&password("x"), &mut memory(7)).is_err());
}

#[test]
fn memory_may_hold_anything_and_be_larger() {
    let mut memory = memory(32);
    let first = PasswordHash::generate(&password("x"), SALT, tiny(), &mut memory).unwrap();
    let again = PasswordHash::generate(&password("x"), SALT, tiny(), &mut memory).unwrap();
    assert_eq!(first, again);
}

#[test]
fn debug_shows_parameters_alone() {
    let shown = format!("{:?}", PasswordHash::decoy(tiny()));
    assert_eq!(
        shown,
        "PasswordHash { parameters: HashParameters { memory_kib: 8, passes: 1, lanes: 1 }, .. }"
    );
}
