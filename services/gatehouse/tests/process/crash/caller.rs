//! One of those who call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::life::Life;
use crate::customer::Customer;
use crate::fleet::Fleet;
use crate::support::Answer;

/// What one customer does before the next one comes.
const ACTIONS: usize = 40;
/// Before another try, when nobody answers.
const PAUSE: Duration = Duration::from_millis(50);

/// Lives the lives of one customer after the other until `stop`, and gives who they were.
pub async fn call(
    fleet: &Fleet,
    number: usize,
    mut rng: StdRng,
    stop: &AtomicBool,
) -> Vec<Customer> {
    let mut customers = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(customer) = fleet.try_customer(number).await else {
            sleep(PAUSE).await;
            continue;
        };
        customers.push(customer.clone());
        let mut life = Life::new(fleet, customer);
        for _ in 0..ACTIONS {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if act(&mut life, &mut rng).await.is_err() {
                sleep(PAUSE).await;
            }
        }
        life.look_back(&mut rng).await;
    }
    customers
}

async fn act(life: &mut Life<'_>, rng: &mut StdRng) -> Answer<()> {
    match rng.random_range(0..100) {
        0..25 => life.sign_in(rng).await,
        25..35 => life.sign_in_twice_with_one_code(rng).await,
        35..45 => life.replay(rng).await,
        45..55 => life.guess(rng).await,
        55..70 => life.validate(rng).await,
        70..76 => life.list_sessions(rng).await,
        76..82 => life.sign_out(rng).await,
        82..84 => life.sign_out_others(rng).await,
        84..89 => life.change_password(rng).await,
        89..92 => life.reset(rng).await,
        92..95 => life.sign_in_and_reset(rng).await,
        95..98 => life.unlock(rng).await,
        _ => life.revoke(rng).await,
    }
}
