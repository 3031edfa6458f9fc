//! How many watch, and with which keys.

use std::collections::HashMap;

use gatehouse_domain::id::ApiKeyId;

/// Places, and how many of them each key has.
pub(super) struct Places {
    free: usize,
    taken: HashMap<ApiKeyId, usize>,
}

impl Places {
    /// So many, all of them free.
    pub(super) fn new(free: usize) -> Self {
        Self { free, taken: HashMap::new() }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.values().sum()
    }

    /// Takes one for `key`, if it has fewer than are free.
    pub(super) fn take(&mut self, key: ApiKeyId) -> bool {
        let own = self.taken.get(&key).copied().unwrap_or_default();
        if own >= self.free {
            return false;
        }
        self.free -= 1;
        self.taken.insert(key, own + 1);
        true
    }

    pub(super) fn give_back(&mut self, key: ApiKeyId) {
        self.free += 1;
        match self.taken.get_mut(&key) {
            Some(more @ 2..) => *more -= 1,
            // Its last one: nothing is remembered of it.
            _ => drop(self.taken.remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_key_leaves_others_as_many_as_it_has() {
        let [one, other] = [1, 2].map(|n| ApiKeyId::from_uuid(Uuid::from_u128(n)));
        let mut places = Places::new(8);
        let mut take = |key| (0..9).filter(|_| places.take(key)).count();
        assert_eq!((take(one), take(other)), (4, 2));
        assert_eq!(places.taken(), 6);
        for _ in 0..4 {
            places.give_back(one);
        }
        assert_eq!((places.taken(), places.taken.len()), (2, 1));
        assert!(!Places::new(0).take(one));
    }
}
