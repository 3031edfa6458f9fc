//! Wrong codes, as many as a guesser can send, and from guessers who do not wait to be told.

use std::time::{Duration, Instant};

use gatehouse_api::v1::ErrorReason;
use tokio::time::timeout;

use super::Race;
use crate::customer::{Customer, SignIn, current_step};
use crate::fleet::Backend;
use crate::history::reason;
use crate::support::Answer;

const GUESSES: usize = 200;
/// Wrong codes that are compared before a lock.
const BUDGET: usize = 10;
/// Guessers who do not wait, at once.
const IMPATIENT: usize = 20;
/// Longer than a guess counts as one that is being judged whose judge did not come to its
/// end; then it counts as wrong.
const PATIENCE: Duration = Duration::from_secs(90);

pub async fn wrong_codes_over_one_sign_in(race: &Race) {
    for _ in 0..race.rounds {
        guess_over(race, 1).await;
    }
}

pub async fn wrong_codes_over_many_sign_ins(race: &Race) {
    for _ in 0..race.rounds {
        guess_over(race, 5).await;
    }
}

async fn guess_over(race: &Race, sign_ins: usize) {
    let fleet = &race.fleet;
    let (ana, enrolled) = race.enrolled().await;
    let tokens = ana.sign_ins(&fleet.backend(0)).await.unwrap();
    let tokens = &tokens[..sign_ins];
    let wrong: Vec<_> = enrolled.authenticator.wrong_codes().take(GUESSES).collect();
    let answers = fleet.at_once(GUESSES, |n, backend| {
        let (ana, sign_in, code) = (ana.clone(), tokens[n % sign_ins].clone(), wrong[n].clone());
        async move { ana.guess(backend, &sign_in, &code).await }
    });
    for answer in answers.await {
        answer.unwrap_err();
    }
    let judged = ana.guesses_judged(&fleet.admin(0)).await.unwrap();
    assert!((1..=BUDGET).contains(&judged), "{judged} were judged");
}

pub async fn guesses_that_are_reset(race: &Race) {
    for _ in 0..race.rounds {
        guess_impatiently(race, |ana, backend, sign_in, code| async move {
            let guess = ana.guess(backend, &sign_in, &code);
            let _ = timeout(Duration::from_millis(1), guess).await;
        })
        .await;
    }
}

pub async fn guesses_whose_deadline_passes(race: &Race) {
    for _ in 0..race.rounds {
        guess_impatiently(race, |ana, backend, sign_in, code| async move {
            let _ = ana.guess_within(backend, &sign_in, &code, Duration::from_millis(1)).await;
        })
        .await;
    }
}

/// Guesses until the customer is locked, and holds the guessers to the budget.
async fn guess_impatiently<F>(race: &Race, guess: impl Fn(Customer, Backend, SignIn, String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let fleet = &race.fleet;
    let (ana, enrolled) = race.enrolled().await;
    let sign_in = ana.sign_in(fleet.backend(0)).await.unwrap().second_factor();
    let mut wrong = enrolled.authenticator.wrong_codes();
    let mut tries = 0;
    let begun = Instant::now();
    while !ana.is_locked(fleet.admin(tries)).await.unwrap() {
        tries += 1;
        assert!(begun.elapsed() < PATIENCE, "guesses are free to those who do not wait");
        let codes: Vec<_> = wrong.by_ref().take(IMPATIENT).collect();
        let guesses = fleet.at_once(IMPATIENT, |n, backend| {
            let guess = guess(ana.clone(), backend, sign_in.clone(), codes[n].clone());
            async move {
                guess.await;
                Answer::Ok(())
            }
        });
        guesses.await;
    }
    // Those that nobody waits for any more are done before these, or are judged as little.
    for n in 0..fleet.servers() {
        let right = ana.totp(fleet.backend(n), &sign_in, &enrolled.authenticator, current_step());
        assert!(reason(&right.await.unwrap_err()) == Some(ErrorReason::SignInLocked));
    }
    let judged = ana.guesses_judged(&fleet.admin(0)).await.unwrap();
    println!("{tries} times {IMPATIENT} guesses without waiting: {judged} were judged");
    assert!(judged <= BUDGET, "{judged} were judged");
}
