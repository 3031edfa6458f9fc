//! Takes an input apart.

/// Bytes that decide. Where they end, every further decision is the first there is:
/// so a short input is a small one, and cutting an input off makes it simpler.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// At most `count` bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Exactly so many bytes, zeros where none are left.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// Yes for odd bytes.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of `0..count`, of which there is at least one.
    pub fn below(&mut self, count: usize) -> usize {
        let [low, high] = if count <= 256 { [self.byte(), 0] } else { self.array() };
        usize::from(u16::from_le_bytes([low, high])) % count
    }

    /// One of `all`.
    pub fn pick<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.below(all.len())]
    }

    /// A text of at most 255 bytes; what is no UTF-8 is replaced.
    pub fn text(&mut self) -> String {
        let length = self.byte().into();
        String::from_utf8_lossy(self.bytes(length)).into_owned()
    }
}

/// The whole of an input as text. None where it is no UTF-8: no field of a message could
/// hold it.
pub fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// `bytes` with up to three changes, which may be none.
pub fn changed(bytes: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=input.below(3) {
        let at = input.below(changed.len() + 1);
        match input.below(5) {
            0 => changed.truncate(at),
            1 => changed.insert(at, input.byte()),
            2 if at < changed.len() => drop(changed.remove(at)),
            3 => changed.extend_from_within(at..),
            _ => {
                let by = input.byte();
                changed.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= by);
            }
        }
    }
    changed
}
