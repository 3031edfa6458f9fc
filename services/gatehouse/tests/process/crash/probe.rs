//! Whether the servers serve.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::{Code, Status};

use crate::fleet::Fleet;
use crate::support::Answer;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// No server needs as long that will serve again.
const GIVE_UP: Duration = Duration::from_mins(1);

/// How a server came back.
#[derive(Default)]
pub struct Recovery {
    /// From the end of the fault until it has served a whole sign-in and a validation.
    pub took: Duration,
    /// The same until the sign-in began that it has served.
    began: Duration,
    /// What the tries before came to, and when.
    failures: Vec<(Duration, Status)>,
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2?}, of a sign-in begun at {:.2?}", self.took, self.began)?;
        if let Some((at, last)) = self.failures.last() {
            let (tries, code, message) = (self.failures.len(), last.code(), last.message());
            write!(f, ", after {tries} failures, the last at {at:.2?}: {code:?} {message:?}")?;
        }
        Ok(())
    }
}

/// Waits until every server has recovered from a fault that was over at `over`, and gives
/// the one that took longest.
pub async fn recovery(fleet: &Arc<Fleet>, over: Instant) -> Recovery {
    let mut probes = JoinSet::new();
    for n in 0..fleet.servers() {
        let fleet = Arc::clone(fleet);
        probes.spawn(async move {
            let mut recovery = Recovery { began: over.elapsed(), ..Recovery::default() };
            while let Err(status) = sign_in(&fleet, n).await {
                recovery.failures.push((over.elapsed(), status));
                assert!(over.elapsed() < GIVE_UP, "server {n} does not recover: {recovery:?}");
                sleep(PAUSE).await;
                recovery.began = over.elapsed();
            }
            Recovery { took: over.elapsed(), ..recovery }
        });
    }
    let recoveries = probes.join_all().await;
    recoveries.into_iter().max_by_key(|recovery| recovery.took).unwrap()
}

/// Of somebody new, all on one server.
async fn sign_in(fleet: &Fleet, n: usize) -> Answer<()> {
    let (backend, customer) = (fleet.backend(n), fleet.try_customer(n).await?);
    let sign_in = customer.sign_in(backend.clone()).await?.enroll();
    let enrolled = customer.enroll(backend.clone(), &sign_in).await?;
    customer.validate(backend, &enrolled.session).await
}

/// Waits until a call that writes is told that the store is away; false if none is.
pub async fn unavailable(fleet: &Fleet) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < GIVE_UP {
        match fleet.try_customer(0).await {
            Err(status) if status.code() == Code::Unavailable => return true,
            _ => sleep(PAUSE).await,
        }
    }
    false
}
