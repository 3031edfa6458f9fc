//! The portals that cases take place in, all on one server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gatehouse_api::v1;

use super::case::Place;
use gatehouse_tests::{Acme, TestServer};

/// Wrong codes in a row until a lock, so that few calls make one.
pub const WRONG_CODES: u32 = 3;

/// Longer than tries from one source are counted.
const BETWEEN_RUNS: Duration = Duration::from_mins(20);

pub struct Ground {
    shared: Acme,
    enforcing: Acme,
    runs: AtomicUsize,
}

impl Ground {
    pub async fn new(server: TestServer) -> Self {
        let shared = soon_locking(Acme::called(server.clone(), "shared").await).await;
        let enforcing = soon_locking(Acme::called(server, "enforcing").await).await;
        enforcing.enforce(true).await;
        Self { shared, enforcing, runs: AtomicUsize::new(0) }
    }

    /// A customer whom no other run knows.
    pub async fn fresh(&self, place: Place) -> Acme {
        let server = &self.shared.server;
        server.pass(BETWEEN_RUNS);
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let email = format!("c{run}@example.com");
        match place {
            Place::Shared => self.shared.with_customer(&email).await,
            Place::Enforcing => self.enforcing.with_customer(&email).await,
            Place::Alone => Acme::called(server.clone(), &format!("p{run}")).await,
        }
    }
}

async fn soon_locking(acme: Acme) -> Acme {
    let max_failures = Some(i32::try_from(WRONG_CODES).unwrap());
    let lockout = Some(v1::LockoutPolicy { max_failures, ..Default::default() });
    acme.update(v1::Portal { lockout, ..Default::default() }, &["lockout.max_failures"]).await;
    acme
}
