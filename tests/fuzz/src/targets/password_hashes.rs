//! A hash never costs more than the bounds, ours or imported, and is stored as it was read.

use std::num::NonZero;
use std::sync::LazyLock;
use std::time::Duration;

use data_encoding::BASE64_NOPAD;
use gatehouse::hasher::{Hasher, HasherConfig};
use gatehouse_domain::id::PortalId;
use gatehouse_domain::password::{ForeignHash, HashParameters, Password, PasswordHash, StoredHash};
use tokio::runtime::{Builder, Runtime};

use crate::input::{self, Input};

/// Of this much it is tried whether the hash can be computed.
const CHEAP_KIB: u32 = 64;
const CHEAP_TIME: Duration = Duration::from_millis(2);

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

static PORTAL: LazyLock<PortalId> = LazyLock::new(|| "acme".parse().expect("an id"));
static HASHER: LazyLock<Hasher> = LazyLock::new(|| {
    Hasher::new(&HasherConfig {
        parameters: HashParameters::new(8, 1, 1).unwrap(),
        threads: NonZero::<u32>::MIN,
        ..HasherConfig::default()
    })
    .unwrap()
});

pub fn check(bytes: &[u8]) {
    if let Some(text) = input::text(bytes) {
        a_hash_is_within_the_bounds_and_its_own_text(text);
        a_foreign_hash_is_within_the_bounds_and_stored_as_itself(text);
    }
    a_hash_near_the_bounds(&mut Input::new(bytes));
}

fn a_hash_is_within_the_bounds_and_its_own_text(text: &str) {
    let Ok(hash) = text.parse::<PasswordHash>() else { return };
    let phc = hash.to_phc();
    let [memory_kib, passes, lanes] = costs(&phc);
    assert!(
        memory_kib <= 128 * 1024 && passes <= 10 && lanes <= 4,
        "{memory_kib} {passes} {lanes}"
    );
    assert!(memory_kib >= 8 * lanes && passes >= 1 && lanes >= 1);
    assert_eq!(hash.memory_kib(), memory_kib);

    let again = phc.parse::<PasswordHash>().expect("its own text");
    assert!(again == hash);
    assert_eq!(*again.to_phc(), *phc);
    let debug = format!("{hash:?}");
    assert!(phc.split('$').skip(4).all(|secret| !debug.contains(secret)), "{debug}");

    if memory_kib <= CHEAP_KIB {
        can_be_computed(hash.into(), text);
    }
}

fn can_be_computed(hash: StoredHash, text: &str) {
    let password = Password::parse("no known password has it").unwrap();
    let verdict = RUNTIME.block_on(async {
        let slot = HASHER.reserve(&PORTAL).await.expect("nobody else is here");
        slot.verify(password, Some(hash), [0; 16]).await
    });
    assert!(verdict.is_ok(), "a hash that is accepted can be computed: {text}");
}

fn a_foreign_hash_is_within_the_bounds_and_stored_as_itself(text: &str) {
    let stored = text.parse::<StoredHash>();
    if let Ok(stored) = &stored {
        assert!(stored.to_text().parse::<StoredHash>().expect("its own text") == *stored);
    }
    let Ok(hash) = ForeignHash::import(text) else { return };
    assert!(hash.expected_time() <= Duration::from_secs(1), "{text}");
    assert!(hash.memory_kib() <= 192 * 1024, "{text}");
    let again = hash.to_text().parse::<ForeignHash>().expect("its own text");
    assert!(again == hash);
    // It is never taken for one of ours, whatever it came as.
    assert!(matches!(hash.to_text().parse(), Ok(StoredHash::Foreign(_))));
    assert!(hash.to_text().parse::<PasswordHash>().is_err());
    let debug = format!("{hash:?}");
    assert!(hash.to_text().split(':').skip(4).all(|secret| !debug.contains(secret)), "{debug}");
    if hash.expected_time() <= CHEAP_TIME && hash.memory_kib() <= CHEAP_KIB {
        can_be_computed(hash.into(), text);
    }
}

/// Memory, passes and lanes, read without the code that is tested.
fn costs(phc: &str) -> [u32; 3] {
    let parameters = phc.split('$').nth(3).expect("parameters");
    let mut values = parameters.split(',').zip(["m=", "t=", "p="]);
    [(); 3].map(|()| {
        let (parameter, name) = values.next().expect("three of them");
        parameter.strip_prefix(name).expect(name).parse().expect("a number")
    })
}

/// Random texts are no hashes: this makes some that nearly are.
fn a_hash_near_the_bounds(input: &mut Input<'_>) {
    let memory_kib: u64 =
        *input.pick(&[8, 7, 16, 31, 32, 64, 131_072, 131_073, 0, 1 << 32, 1 << 40]);
    let passes: u64 = *input.pick(&[1, 2, 10, 11, 0, 1 << 32]);
    let lanes: u64 = *input.pick(&[1, 2, 4, 5, 0, 1 << 24, (1 << 32) + 1]);
    let version = *input.pick(&["v=19$", "v=16$", "", "v=019$", "v=0$"]);
    let algorithm = *input.pick(&["argon2id", "argon2i", "argon2d", "ARGON2ID", ""]);
    let [salt, output] = [(); 2].map(|()| {
        let length = usize::from(input.byte()) % 80;
        vec![input.byte(); length]
    });
    let extra = *input.pick(&["", ",keyid=AAAA", ",data=AAAA", ",m=8", ",x=1"]);
    let text = format!(
        "${algorithm}${version}m={memory_kib},t={passes},p={lanes}{extra}${}${}",
        BASE64_NOPAD.encode(&salt),
        BASE64_NOPAD.encode(&output)
    );
    a_hash_is_within_the_bounds_and_its_own_text(&text);

    let in_bounds = (1..=4).contains(&lanes)
        && (1..=10).contains(&passes)
        && (8 * lanes..=131_072).contains(&memory_kib);
    let is_ours = algorithm == "argon2id" && version == "v=19$" && extra.is_empty();
    let accepted = text.parse::<PasswordHash>().is_ok();
    if accepted {
        assert!(in_bounds && is_ours && salt.len() >= 8 && output.len() >= 16, "{text}");
    } else {
        let is_usual = (8..=48).contains(&salt.len()) && (16..=64).contains(&output.len());
        assert!(!(in_bounds && is_ours && is_usual), "{text}");
    }
}
