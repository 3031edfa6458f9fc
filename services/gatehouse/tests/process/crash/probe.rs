//! Whether the servers serve.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::fleet::Fleet;
use crate::support::Answer;

/// For one whole sign-in. Whoever waits longer tries again.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// No server needs as long that will serve again.
const GIVE_UP: Duration = Duration::from_mins(1);

/// How long after `over` every server has served a whole sign-in and a validation.
pub async fn recovery(fleet: &std::sync::Arc<Fleet>, over: Instant) -> Duration {
    let mut probes = JoinSet::new();
    for n in 0..fleet.servers() {
        let fleet = std::sync::Arc::clone(fleet);
        probes.spawn(async move {
            while !matches!(timeout(ATTEMPT, sign_in(&fleet, n)).await, Ok(Ok(()))) {
                assert!(over.elapsed() < GIVE_UP, "server {n} does not recover");
                sleep(PAUSE).await;
            }
            over.elapsed()
        });
    }
    probes.join_all().await.into_iter().max().unwrap()
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
