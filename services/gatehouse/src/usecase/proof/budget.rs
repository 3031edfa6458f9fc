//! Budgets of guesses, found under every key of the ring: a key that becomes the
//! primary one gives nobody new guesses.

use gatehouse_domain::throttle::{Rule, Throttle};
use gatehouse_domain::vault::{Digest, DigestKind, Vault};
use gatehouse_persistence::{StoredThrottle, Tx};

use crate::error::AppError;

/// One budget, by its name under every key, the primary one first.
#[derive(Clone)]
pub(in crate::usecase) struct Budget {
    keys: Vec<Digest>,
    pub(super) rule: &'static Rule,
}

impl Budget {
    /// What `rule` counts under the name `text`.
    pub fn new(vault: &Vault, rule: &'static Rule, text: &str) -> Self {
        Self { keys: vault.digests(DigestKind::Throttle, text.as_bytes()), rule }
    }

    /// Locks these budgets, in the order asked for. What was counted under several
    /// keys is one budget from then on: servers may have one of these or another for
    /// their primary key.
    pub async fn lock(tx: &Tx, budgets: &[Self]) -> Result<Vec<StoredThrottle>, AppError> {
        let every = |budget: &Self| {
            let rule = budget.rule;
            budget.keys.clone().into_iter().map(move |key| (key, rule))
        };
        let keys: Vec<_> = budgets.iter().flat_map(every).collect();
        let mut stored = tx.lock_throttles(&keys).await?.into_iter();
        let (mut locked, mut emptied) = (Vec::new(), Vec::new());
        for budget in budgets {
            let mut parts = stored.by_ref().take(budget.keys.len());
            let Some(mut whole) = parts.next() else { continue };
            for part in parts.filter(|part| part.throttle != Throttle::default()) {
                whole.throttle = whole.throttle.merge(part.throttle);
                emptied.push(StoredThrottle { throttle: Throttle::default(), ..part });
            }
            locked.push(whole);
        }
        if !emptied.is_empty() {
            tx.save_throttles(&[emptied, locked.clone()].concat()).await?;
        }
        Ok(locked)
    }

    /// Forgets all that it has seen.
    pub async fn clear(&self, tx: &Tx) -> Result<(), AppError> {
        Ok(tx.delete_throttles(&self.keys).await?)
    }
}
