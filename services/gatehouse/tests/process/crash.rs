//! Faults under load: servers and databases killed, frozen, restarted, full, read-only,
//! in an order that a printed seed decides, while customers go on.
//!
//! Each test has a short form. `CRASH_MINUTES` makes it last as long, and `CRASH_SEED`
//! repeats an order. What each counted is seen with `--nocapture`.

mod caller;
mod fault;
mod integrity;
mod life;
mod probe;

use std::collections::BTreeMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gatehouse_test_postgres::DedicatedPostgres;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use self::fault::{Fault, Under};
use crate::customer::Customer;
use crate::fleet::{Fleet, Ground};
use crate::history::check;
use crate::support::Site;

/// Callers at once.
const CALLERS: usize = 8;
/// From the end of a fault until every server serves again.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_under_faults() {
    let fleet = Fleet::start(Site::sqlite(), 1).await;
    Loop::new("sqlite", fleet, None).run(&[Fault::KillServer; 4], &[Fault::KillServer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_on_a_full_disk() {
    let fleet = Fleet::start_on(Ground::on_small_disk(), 1).await;
    let faults = [Fault::FullDisk, Fault::KillServer, Fault::FullDisk];
    Loop::new("sqlite_full_disk", fleet, None).run(&faults, &faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_under_faults() {
    let postgres = block_in_place(DedicatedPostgres::new).unwrap();
    let fleet = Fleet::start(Site::over(postgres.url()), 3).await;
    let short = [
        Fault::KillServer,
        Fault::KillPostgres,
        Fault::FreezePostgres(Duration::from_secs(10)),
        Fault::RestartPostgres,
        Fault::KillBackend,
        Fault::ReadOnlyPostgres,
    ];
    Loop::new("postgres", fleet, Some(postgres)).run(&short, &short).await;
}

/// A run.
struct Loop {
    name: &'static str,
    seed: u64,
    under: Under,
    ended: BTreeMap<&'static str, usize>,
    longest_recovery: Duration,
    slow: Vec<String>,
    is_long: bool,
}

impl Loop {
    fn new(name: &'static str, fleet: Fleet, postgres: Option<DedicatedPostgres>) -> Self {
        let seed = env::var("CRASH_SEED")
            .map_or_else(|_| RandomState::new().hash_one(()), |seed| seed.parse().unwrap());
        println!("{name}: CRASH_SEED={seed}");
        Self {
            name,
            seed,
            under: Under { fleet: Arc::new(fleet), postgres },
            ended: BTreeMap::new(),
            longest_recovery: Duration::ZERO,
            slow: Vec::new(),
            is_long: env::var_os("CRASH_MINUTES").is_some(),
        }
    }

    /// Each of `short` once; or any of `long`, for as long as was asked for.
    async fn run(mut self, short: &[Fault], long: &[Fault]) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (fleet, stop) = (Arc::clone(&self.under.fleet), Arc::clone(&stop));
            let rng = StdRng::seed_from_u64(rng.random());
            callers.spawn(async move { caller::call(&fleet, number, rng, &stop).await });
        }
        match env::var("CRASH_MINUTES") {
            Err(_) => {
                let mut faults = short.to_vec();
                faults.shuffle(&mut rng);
                for fault in faults {
                    self.suffer(fault, &mut rng).await;
                }
            }
            Ok(minutes) => {
                let lasts = Duration::from_mins(minutes.parse().unwrap());
                let begun = Instant::now();
                while begun.elapsed() < lasts {
                    self.suffer(*long.choose(&mut rng).unwrap(), &mut rng).await;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        let customers = callers.join_all().await.concat();
        self.judge(&customers).await;
    }

    async fn suffer(&mut self, fault: Fault, rng: &mut StdRng) {
        // Load before it, which it may meet at any point. What a busy machine needs for a
        // sign-in when nothing is wrong is no part of a recovery.
        let usual = probe::recovery(&self.under.fleet, Instant::now()).await.took;
        sleep(Duration::from_millis(rng.random_range(0..500))).await;
        let over = self.under.suffer(fault, rng).await;
        *self.ended.entry(fault.name()).or_default() += 1;
        let recovery = probe::recovery(&self.under.fleet, over).await;
        self.longest_recovery = self.longest_recovery.max(recovery.took);
        let told = format!("{fault:?}, all serve again after {recovery:?} (usual: {usual:.2?})");
        println!("{}: {told}", self.name);
        // The short form runs where a machine is built on: there only a hang is a failure.
        let limit = if self.is_long { RECOVERY } else { RECOVERY * 4 };
        if recovery.took > limit + usual {
            self.slow.push(told);
        }
    }

    /// Everything was told by now, and nothing is under way.
    async fn judge(self, customers: &[Customer]) {
        let fleet = &self.under.fleet;
        fleet.settle();
        let admin = fleet.admin(0);
        for customer in customers {
            customer.tally(&admin).await.unwrap();
        }
        integrity::check(&self.under);
        let history = fleet.recorder.history();
        let violations = check(&history);
        let Self { name, seed, ended, longest_recovery, slow, .. } = &self;
        println!("{name}: {}", history.counts());
        println!("{name}: the slowest answer: {:.2?}", history.slowest_answer());
        println!(
            "{name}: CRASH_SEED={seed} customers={} faults={ended:?} \
             longest_recovery={longest_recovery:.2?} violations={}",
            customers.len(),
            violations.len() + slow.len()
        );
        assert!(violations.is_empty(), "{violations:#?}");
        assert!(slow.is_empty(), "not within {RECOVERY:?}: {slow:#?}");
    }
}
