//! The one source of randomness.

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{CryptoRng, Rng};

/// Hands out generators for secrets, ids and salts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entropy;

impl Entropy {
    /// The operating system's generator itself: it has no state here that could
    /// leak or be copied by a fork, and may be held across an await.
    ///
    /// It panics where the operating system has no randomness to give, which
    /// Linux rules out once it has started.
    #[must_use]
    pub fn rng(self) -> impl CryptoRng + Send + Sync + 'static {
        UnwrapErr(SysRng)
    }

    /// A new salt for one password hash.
    #[must_use]
    pub fn salt(self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.rng().fill_bytes(&mut salt);
        salt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generators_never_agree() {
        let draw = || {
            let mut bytes = [0; 32];
            Entropy.rng().fill_bytes(&mut bytes);
            bytes
        };
        assert_ne!(draw(), draw());
    }
}
