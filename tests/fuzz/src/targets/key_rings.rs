//! A key ring is read whole or not at all, and written as it was read.

use gatehouse_domain::vault::{Context, KeyId, KeyRing, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::input;

pub fn check(bytes: &[u8]) {
    let Some(text) = input::text(bytes) else { return };
    if let Ok(id) = text.parse::<KeyId>() {
        assert_eq!(id.to_string(), text);
    }
    match text.parse::<KeyRing>() {
        Ok(ring) => a_ring_is_its_own_text(&ring),
        Err(error) => {
            let message = format!("{error} {error:?}");
            // Words of people are shorter than any key.
            let mut words = text.split_whitespace().filter(|word| word.len() > 16);
            assert!(!words.any(|word| message.contains(word)), "{message}");
        }
    }
}

fn a_ring_is_its_own_text(ring: &KeyRing) {
    let text = ring.to_text();
    // It never grew, which would leave copies behind: `other` is shorter than its room.
    assert_eq!(text.capacity() - text.len(), 2 * (ring.key_ids().count() - 1));
    let again = text.parse::<KeyRing>().expect("its own text");
    assert_eq!(*again.to_text(), *text);

    let ids = |ring: &KeyRing| ring.key_ids().collect::<Vec<_>>();
    let all = ids(ring);
    assert_eq!(ids(&again), all);
    assert_eq!(ring.primary(), all[0]);
    let mut distinct = all.iter().copied().map(u32::from).collect::<Vec<_>>();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len());

    // What one of them seals the other opens, and every key has a canary of its own.
    let (vault, other) = (Vault::new(ring), Vault::new(&again));
    let random = &mut StdRng::seed_from_u64(1);
    let context =
        Context { table: "t", column: "c", portal: "", customer: "", row: "", generation: 0 };
    let sealed = vault.seal(random, &context, b"secret");
    assert_eq!(other.open(&context, &sealed).expect("sealed").as_slice(), b"secret");
    for id in &all {
        let canary = vault.canary(random, *id).expect("a key of the ring");
        for known in &all {
            assert_eq!(other.check_canary(*known, &canary).is_ok(), known == id);
        }
    }
}
