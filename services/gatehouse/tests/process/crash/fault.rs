//! What goes wrong, and ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gatehouse_test_postgres::DedicatedPostgres;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::integrity;
use crate::fleet::Fleet;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    KillServer,
    /// Of SQLite.
    FullDisk,
    KillPostgres,
    FreezePostgres(Duration),
    RestartPostgres,
    KillBackend,
    ReadOnlyPostgres,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::KillServer => "kill_server",
            Self::FullDisk => "full_disk",
            Self::KillPostgres => "kill_postgres",
            Self::FreezePostgres(_) => "freeze_postgres",
            Self::RestartPostgres => "restart_postgres",
            Self::KillBackend => "kill_backend",
            Self::ReadOnlyPostgres => "read_only_postgres",
        }
    }
}

/// What faults happen to.
pub struct Under {
    pub fleet: Arc<Fleet>,
    pub postgres: Option<DedicatedPostgres>,
}

impl Under {
    /// Lets a fault happen, and gives when it was over.
    pub async fn suffer(&mut self, fault: Fault, rng: &mut StdRng) -> Instant {
        let while_it_lasts = sleep(Duration::from_millis(rng.random_range(200..2_000)));
        let fleet = &self.fleet;
        match fault {
            Fault::KillServer => {
                let n = rng.random_range(0..fleet.servers());
                fleet.kill(n);
                if self.postgres.is_none() {
                    block_in_place(|| integrity::check_sqlite(&fleet.ground.data_dir()));
                }
                let over = Instant::now();
                fleet.restart(n);
                over
            }
            Fault::FullDisk => {
                let disk = fleet.ground.disk.as_ref().unwrap();
                block_in_place(|| disk.fill());
                // Until what is left over in files that there are is used up, too.
                let unavailable = super::probe::unavailable(fleet).await;
                while_it_lasts.await;
                disk.free();
                assert!(unavailable, "a full disk holds everything");
                Instant::now()
            }
            fault => {
                let postgres = self.postgres.as_mut().unwrap();
                suffer(postgres, fault, while_it_lasts).await;
                Instant::now()
            }
        }
    }
}

async fn suffer(
    postgres: &mut DedicatedPostgres,
    fault: Fault,
    while_it_lasts: impl Future<Output = ()>,
) {
    match fault {
        Fault::KillPostgres => {
            block_in_place(|| postgres.kill()).unwrap();
            while_it_lasts.await;
            block_in_place(|| postgres.start()).unwrap();
        }
        Fault::FreezePostgres(time) => {
            block_in_place(|| postgres.freeze()).unwrap();
            sleep(time).await;
            block_in_place(|| postgres.thaw()).unwrap();
        }
        Fault::RestartPostgres => block_in_place(|| postgres.restart()).unwrap(),
        Fault::KillBackend => {
            block_in_place(|| postgres.kill_backend()).unwrap();
            block_in_place(|| postgres.wait_until_ready()).unwrap();
        }
        Fault::ReadOnlyPostgres => {
            block_in_place(|| postgres.set_read_only(true)).unwrap();
            while_it_lasts.await;
            block_in_place(|| postgres.set_read_only(false)).unwrap();
        }
        Fault::KillServer | Fault::FullDisk => unreachable!(),
    }
}
