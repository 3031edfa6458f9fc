use std::future::Future;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use gatehouse_domain::password::ForeignHash;

use super::*;

const SALT: [u8; 16] = [7; 16];

fn tiny() -> HashParameters {
    HashParameters::new(8, 1, 1).unwrap()
}

fn hasher(threads: u32) -> Hasher {
    Hasher::new(&HasherConfig {
        parameters: tiny(),
        threads: NonZero::new(threads).unwrap(),
        ..HasherConfig::default()
    })
    .unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn portal() -> PortalId {
    "acme".parse().unwrap()
}

/// A hash of "secret" with the given parameters.
async fn stored(parameters: HashParameters) -> StoredHash {
    let hasher = Hasher::new(&HasherConfig { parameters, ..HasherConfig::default() }).unwrap();
    hasher.reserve(&portal()).await.unwrap().hash(password("secret"), SALT).await.unwrap().into()
}

/// Polls a future once.
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until nothing runs, and says how many permits the queue still counts.
async fn settled(hasher: &Hasher) -> u32 {
    let all = hasher.0.permits.acquire_many(hasher.0.total_permits).await.unwrap();
    let taken = hasher.0.queue().taken();
    drop(all);
    assert_eq!(hasher.0.queue().size(), (0, 0));
    taken
}

#[tokio::test]
async fn tells_right_from_wrong() {
    let hasher = hasher(2);
    for (typed, right) in [("secret", true), ("Secret", false)] {
        let slot = hasher.reserve(&portal()).await.unwrap();
        let verdict = slot.verify(password(typed), Some(stored(tiny()).await), SALT).await.unwrap();
        assert_eq!(verdict.matches, right);
        assert!(verdict.rehash.is_none());
    }
}

#[tokio::test]
async fn without_a_stored_hash_nothing_matches() {
    let verdict =
        hasher(1).reserve(&portal()).await.unwrap().verify(password("secret"), None, SALT).await;
    assert!(!verdict.unwrap().matches);
}

#[tokio::test]
async fn comparisons_are_counted_where_they_are_made() {
    let hasher = hasher(1);
    drop(hasher.reserve(&portal()).await.unwrap());
    hasher.reserve(&portal()).await.unwrap().hash(password("secret"), SALT).await.unwrap();
    assert_eq!(hasher.comparisons(), 0);
    for stored in [Some(stored(tiny()).await), None] {
        hasher
            .reserve(&portal())
            .await
            .unwrap()
            .verify(password("wrong"), stored, SALT)
            .await
            .unwrap();
    }
    assert_eq!(hasher.comparisons(), 2);
}

#[tokio::test]
async fn a_weaker_hash_is_made_again_only_for_the_right_password() {
    let parameters = HashParameters::new(16, 2, 1).unwrap();
    let hasher = Hasher::new(&HasherConfig { parameters, ..HasherConfig::default() }).unwrap();
    let verify = async |typed: &str, stored: StoredHash| {
        hasher
            .reserve(&portal())
            .await
            .unwrap()
            .verify(password(typed), Some(stored), SALT)
            .await
            .unwrap()
    };
    assert!(verify("wrong", stored(tiny()).await).await.rehash.is_none());
    let rehash = verify("secret", stored(tiny()).await).await.rehash.unwrap();
    assert!(!rehash.needs_rehash(&parameters));
    assert!(verify("secret", rehash.into()).await.matches);
}

/// bcrypt of "secret", by bcrypt 5.0.0 for Python.
const FOREIGN: &str = "$2b$04$c35x8lh0WOzzuzBw/Lu0sODKf7Wc5NfswKPGkU0nkFkCNaNA.6IW6";

#[tokio::test]
async fn a_foreign_hash_is_made_again_for_the_right_password_alone() {
    let hasher = hasher(1);
    let foreign = || Some(ForeignHash::import(FOREIGN).unwrap().into());
    for (typed, right) in [("Secret", false), ("secret", true)] {
        let slot = hasher.reserve(&portal()).await.unwrap();
        let verdict = slot.verify(password(typed), foreign(), SALT).await.unwrap();
        assert_eq!((verdict.matches, verdict.rehash.is_some()), (right, right));
        let Some(rehash) = verdict.rehash else { continue };
        let slot = hasher.reserve(&portal()).await.unwrap();
        assert!(slot.verify(password("secret"), Some(rehash.into()), SALT).await.unwrap().matches);
    }
    assert_eq!(settled(&hasher).await, 0);
}

/// Of what is lent as well as of what scrypt takes by itself.
#[tokio::test]
async fn a_foreign_hash_takes_the_permits_of_its_memory() {
    let hasher = hasher(4);
    let scrypt = "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"; // 17 KiB
    let foreign = StoredHash::from(ForeignHash::import(scrypt).unwrap());
    let busy = Arc::clone(&hasher.0.permits).acquire_many_owned(1).await.unwrap();
    let slot = hasher.reserve(&portal()).await.unwrap();
    let mut verdict = Box::pin(slot.verify(password("secret"), Some(foreign), SALT));
    // It needs 4 permits, 8 KiB each, for 8 + 17.
    assert!(poll_once(verdict.as_mut()).is_pending());
    assert_eq!(hasher.0.queue().taken(), 4);
    drop(busy);
    assert!(!verdict.await.unwrap().matches);
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test]
async fn refusals_are_further_apart_than_the_dearest_hash_takes() {
    let hasher = hasher(1);
    let foreign = ForeignHash::import(&FOREIGN.replace("$04$", "$08$")).unwrap();
    let interval = hasher.refusal_interval(foreign.expected_time()).await.unwrap();
    let begun = Instant::now();
    foreign.verify(&password("secret"), &mut []).unwrap();
    assert!(interval > begun.elapsed(), "{interval:?} {:?}", begun.elapsed());
    // Our own hash may be the dearest.
    let least = hasher.refusal_interval(Duration::ZERO).await.unwrap();
    assert!(least >= Duration::from_millis(25) && least < interval);
    assert_eq!(settled(&hasher).await, 0);
}

#[test]
fn a_wrong_password_is_the_same_work_for_a_cheaper_hash_as_for_a_decoy() {
    let configured = HashParameters::new(32, 3, 1).unwrap();
    for (memory_kib, passes, missing) in
        [(32, 3, None), (8, 3, Some((24, 3))), (32, 2, Some((32, 1))), (64, 1, Some((32, 1)))]
    {
        let stored = PasswordHash::decoy(HashParameters::new(memory_kib, passes, 1).unwrap());
        let stored = StoredHash::from(stored);
        let mut done = vec![Block::new(); 64];
        judge(&password("wrong"), &stored, configured, SALT, &mut done).unwrap();

        // Each hash leaves its mark on the memory: no work more, and none less.
        let mut expected = vec![Block::new(); 64];
        stored.verify(&password("wrong"), &mut expected).unwrap();
        let mut cost = memory_kib * passes;
        if let Some((memory_kib, passes)) = missing {
            let rest = HashParameters::new(memory_kib, passes, 1).unwrap();
            PasswordHash::generate(&password("wrong"), SALT, rest, &mut expected).unwrap();
            cost += rest.cost();
        }
        assert!(done.iter().zip(&expected).all(|(one, other)| one.as_ref() == other.as_ref()));
        assert_eq!(cost, configured.cost());
    }
}

#[tokio::test]
async fn a_heavy_hash_runs_alone_when_it_needs_more_than_there_is() {
    let hasher = hasher(2);
    let heavy = stored(HashParameters::new(80, 1, 1).unwrap()).await;
    let verdict = hasher
        .reserve(&portal())
        .await
        .unwrap()
        .verify(password("secret"), Some(heavy), SALT)
        .await;
    assert!(verdict.unwrap().matches);
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test]
async fn a_hash_takes_the_permits_of_its_memory() {
    let hasher = hasher(4);
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let job = tokio::spawn(hasher.reserve(&portal()).await.unwrap().run(17, 0, move |memory| {
        started.send(memory.len()).unwrap();
        released.recv().unwrap();
        Ok(())
    }));
    let blocks = tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    assert_eq!(blocks, 17);
    assert_eq!(hasher.0.permits.available_permits(), 1);
    assert_eq!(hasher.0.queue().taken(), 3);
    release.send(()).unwrap();
    job.await.unwrap().unwrap();
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test]
async fn a_dropped_future_frees_no_permit_while_the_hash_burns() {
    let hasher = hasher(1);
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let mut future = Box::pin(hasher.reserve(&portal()).await.unwrap().run(8, 0, move |_| {
        started.send(()).unwrap();
        released.recv().unwrap();
        Ok(())
    }));
    assert!(poll_once(future.as_mut()).is_pending());
    tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    drop(future);

    assert_eq!(hasher.0.permits.available_permits(), 0);
    assert_eq!(hasher.0.queue().taken(), 1);
    release.send(()).unwrap();
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test]
async fn a_panicking_job_gives_everything_back_and_is_no_verdict() {
    let hasher = hasher(1);
    let outcome = hasher
        .reserve(&portal())
        .await
        .unwrap()
        .run(8, 0, |_| -> Result<(), _> { panic!("a test") })
        .await;
    assert!(matches!(outcome, Err(HashError::Job(_))));
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test]
async fn disconnects_in_the_queue_leak_no_permit_in_10_000_cycles() {
    let hasher = hasher(2);
    let busy = Arc::clone(&hasher.0.permits).acquire_many_owned(2).await.unwrap();
    for _ in 0..10_000 {
        let slot = hasher.reserve(&portal()).await.unwrap();
        let mut future = Box::pin(slot.verify(password("secret"), None, SALT));
        assert!(poll_once(future.as_mut()).is_pending());
    }
    assert_eq!(hasher.0.queue().taken(), 0);
    drop(busy);
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test]
async fn disconnects_before_their_turn_leak_no_place_in_10_000_cycles() {
    let hasher = hasher(2);
    let mut past = Vec::new();
    while hasher.0.queue().free_passes() > 0 {
        past.push(hasher.reserve(&portal()).await.unwrap());
    }
    let (other, passed) = ("other".parse().unwrap(), u32::try_from(past.len()).unwrap());
    for _ in 0..10_000 {
        let mut reserved = Box::pin(hasher.reserve(&other));
        assert!(poll_once(reserved.as_mut()).is_pending());
        assert_eq!(hasher.0.queue().size(), (2, 1));
    }
    assert_eq!(hasher.0.queue().size(), (1, 0));
    assert_eq!(hasher.0.queue().taken(), passed);

    // One whose turn has come, and who has not heard of it yet.
    let mut reserved = Box::pin(hasher.reserve(&other));
    assert!(poll_once(reserved.as_mut()).is_pending());
    drop(past);
    drop(reserved);
    assert_eq!(settled(&hasher).await, 0);
    assert_eq!(hasher.0.queue().free_passes(), passed);
}

#[tokio::test]
async fn two_hashes_of_one_caller_wait_for_one_turn() {
    let hasher = hasher(1);
    let mut pairs = Vec::new();
    while hasher.0.queue().free_passes() > 0 {
        pairs.push(hasher.reserve_two(&portal()).await.unwrap());
    }
    for (first, second) in pairs {
        first.hash(password("secret"), SALT).await.unwrap();
        second.hash(password("secret"), SALT).await.unwrap();
    }
    assert_eq!(settled(&hasher).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_come_is_refused() {
    let hasher = hasher(1);
    let mut stuck = Vec::new();
    while hasher.0.queue().free_passes() > 0 {
        stuck.push(hasher.reserve(&portal()).await.unwrap());
    }
    let place = hasher.enter(&portal()).unwrap();
    assert!(place.turn().await.is_err());
    drop(stuck);
    assert_eq!(settled(&hasher).await, 0);
    drop(hasher.reserve(&portal()).await.unwrap());
}

#[tokio::test]
async fn disconnects_from_running_hashes_leak_no_permit_in_10_000_cycles() {
    let hasher = hasher(2);
    for _ in 0..10_000 {
        let slot = loop {
            match hasher.reserve(&portal()).await {
                Ok(slot) => break slot,
                Err(_) => drop(hasher.0.permits.acquire().await.unwrap()),
            }
        };
        let mut future = Box::pin(slot.verify(password("secret"), None, SALT));
        let _ = poll_once(future.as_mut());
    }
    assert_eq!(settled(&hasher).await, 0);
    assert_eq!(hasher.0.permits.available_permits(), 2);
}

#[tokio::test]
async fn overload_is_refused_with_a_time_and_a_dropped_slot_frees_its_place() {
    let hasher = Hasher::new(&HasherConfig {
        parameters: tiny(),
        threads: NonZero::new(2).unwrap(),
        max_wait: Duration::ZERO,
        ..HasherConfig::default()
    })
    .unwrap();
    let first = hasher.reserve(&portal()).await.unwrap();
    let _second = hasher.reserve(&portal()).await.unwrap();
    assert!(hasher.reserve(&portal()).await.unwrap_err().retry_after > Duration::ZERO);
    drop(first);
    assert!(hasher.reserve(&portal()).await.is_ok());
}

#[test]
fn memory_bounds_the_hashes_at_once() {
    let permits = |threads, memory_kib| {
        let config = HasherConfig {
            parameters: tiny(),
            threads: NonZero::new(threads).unwrap(),
            memory_kib,
            ..HasherConfig::default()
        };
        Hasher::new(&config).unwrap().0.total_permits
    };
    assert_eq!(permits(4, 1_000), 4);
    assert_eq!(permits(4, 23), 2);
    assert_eq!(permits(4, 0), 1);
}

#[tokio::test]
async fn a_future_of_the_hasher_can_be_sent() {
    fn assert_send(_: &impl Send) {}
    let hasher = hasher(1);
    assert_send(&hasher.reserve(&portal()));
    assert_send(&hasher.reserve(&portal()).await.unwrap().verify(password("x"), None, SALT));
    assert_send(&hasher.reserve(&portal()).await.unwrap().hash(password("x"), SALT));
}
