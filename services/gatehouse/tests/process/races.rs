//! Many calls at once, over one server on SQLite and over three on PostgreSQL. What they
//! are told is judged by the checker, as a whole.
//!
//! `RACE_ROUNDS` says how often each race is run; the numbers that each prints are seen
//! with `--nocapture`.

mod guesses;
mod policy;
mod reset;
mod single_use;

use std::env;
use std::time::Duration;

use tokio::time::sleep;

use crate::customer::{Customer, Enrolled};
use crate::fleet::Fleet;
use crate::history::{self, check};
use crate::support::{Answer, Site};

macro_rules! on_one_server_and_three {
    ($($topic:ident::$race:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $race() {
                let race = super::Race::start(super::Site::sqlite(), 1).await;
                super::$topic::$race(&race).await;
                race.judge(concat!("sqlite::", stringify!($race)));
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $race() {
                let race = super::Race::start(super::Site::postgres().await, 3).await;
                super::$topic::$race(&race).await;
                race.judge(concat!("postgres::", stringify!($race)));
            })*
        }
    };
}

on_one_server_and_three! {
    single_use::one_totp_code,
    single_use::one_backup_code,
    single_use::two_backup_codes,
    single_use::one_enrollment,
    single_use::five_enrollments,
    single_use::one_invitation,
    single_use::one_start,
    guesses::wrong_codes_over_one_sign_in,
    guesses::wrong_codes_over_many_sign_ins,
    guesses::guesses_that_are_reset,
    guesses::guesses_whose_deadline_passes,
    reset::a_reset_and_a_sign_in,
    policy::enforcement_and_a_sign_in,
    policy::the_end_of_enforcement_and_a_sign_in,
}

/// Callers at once, of what may be used once.
const CALLERS: usize = 64;

/// Where a race is run.
struct Race {
    fleet: Fleet,
    rounds: usize,
}

impl Race {
    async fn start(site: Site, servers: usize) -> Self {
        let rounds = env::var("RACE_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
        Self { fleet: Fleet::start(site, servers).await, rounds }
    }

    /// A customer with a factor in force, whose steps of now and next are unused.
    async fn enrolled(&self) -> (Customer, Enrolled) {
        let customer = self.fleet.customer().await;
        let backend = self.fleet.backend(customer.number);
        let sign_in = customer.sign_in(backend.clone()).await.unwrap().enroll();
        let enrolled = customer.enroll(backend, &sign_in).await.unwrap();
        (customer, enrolled)
    }

    fn judge(&self, name: &str) {
        let history = self.fleet.recorder.history();
        println!("{name}: rounds={} {}", self.rounds, history.counts());
        let violations = check(&history);
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

/// How many succeeded. Exactly one has to if every outcome is known.
fn assert_one<T>(answers: &[Answer<T>]) {
    let succeeded = answers.iter().filter(|answer| answer.is_ok()).count();
    let unknown = answers.iter().filter(|answer| is_unknown(answer)).count();
    let least = usize::from(unknown == 0);
    assert!((least..=1).contains(&succeeded), "{succeeded} succeeded, {unknown} unknown");
}

/// Lets the two sides of a race meet at ever other points: one is always quicker.
async fn after<T>(wait: Duration, call: impl Future<Output = T>) -> T {
    sleep(wait).await;
    call.await
}

fn is_unknown<T>(answer: &Answer<T>) -> bool {
    answer.as_ref().is_err_and(history::is_unknown)
}
