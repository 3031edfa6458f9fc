//! Refusals that are told when nobody can learn from the moment what was compared.

use gatehouse_domain::id::PortalId;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::error::AppError;
use crate::hasher::next_moment;

/// A refusal that has been recorded, and is to be answered with.
#[derive(Debug)]
#[must_use = "it is the answer"]
pub struct Held {
    error: AppError,
    /// Not before this.
    until: Option<Instant>,
}

impl Held {
    /// `error`, a wrong password that came at `begun` to be judged. While a customer of the
    /// portal has a hash of another system, whose time is like no other's, every wrong
    /// password is answered at a moment that depends on the portal alone.
    pub(super) async fn wrong(
        app: &App,
        portal: &PortalId,
        begun: Instant,
        error: AppError,
    ) -> Result<Self, AppError> {
        let until = match app.store.read().dearest_foreign_hash(portal).await? {
            Some(dearest) => Some(next_moment(begun, app.hasher.refusal_interval(dearest).await?)),
            None => None,
        };
        Ok(Self { error, until })
    }

    /// Waits until it may be told. Whoever does holds nothing that another could need.
    pub async fn release(self) -> AppError {
        if let Some(until) = self.until {
            sleep_until(until).await;
        }
        self.error
    }
}
