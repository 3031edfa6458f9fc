//! An administrator's reset, against the sign-in of whoever has the password and the code.

use std::time::Duration;

use tokio::join;
use tokio::task::JoinSet;

use super::{Race, after};
use crate::customer::current_step;

/// Customers that are reset at once.
const CUSTOMERS: usize = 5;
/// Times that each is, in a round.
const RESETS: usize = 5;

/// No session of theirs survives, whichever is first.
pub async fn a_reset_and_a_sign_in(race: &Race) {
    let fleet = &race.fleet;
    let mut customers = JoinSet::new();
    for number in 0..CUSTOMERS {
        let ana = fleet.customer().await;
        let backends: Vec<_> = (0..fleet.servers()).map(|n| fleet.backend(n)).collect();
        let admin = fleet.admin(number);
        let resets = RESETS * race.rounds;
        customers.spawn(async move {
            for round in 0..resets {
                let backend = |n: usize| backends[(number + round + n) % backends.len()].clone();
                let sign_in = ana.sign_in(backend(0)).await.unwrap().enroll();
                let enrolled = ana.enroll(backend(0), &sign_in).await.unwrap();
                let sign_in = ana.sign_in(backend(0)).await.unwrap().second_factor();
                let wait = Duration::from_millis(rand::random_range(0..30));
                let (signed_in, reset) = join!(
                    ana.totp(backend(1), &sign_in, &enrolled.authenticator, current_step()),
                    after(wait, ana.reset_mfa(admin.clone())),
                );
                reset.unwrap();
                for session in [Ok(enrolled.session), signed_in].into_iter().flatten() {
                    for backend in &backends {
                        ana.validate(backend.clone(), &session).await.unwrap_err();
                    }
                }
            }
            ana.tally(&admin).await.unwrap();
        });
    }
    customers.join_all().await;
}
