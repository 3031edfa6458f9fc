//! Servers over one database that share nothing else but the key ring, any of which may
//! be killed and started again.

mod disk;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_api::v1::portal_auth_service_client::PortalAuthServiceClient;
use tokio::sync::{Barrier, Mutex as Alone, MutexGuard as AloneGuard};
use tokio::task::{JoinSet, block_in_place};
use tonic::transport::Channel;

use crate::customer::Customer;
use crate::history::Recorder;
use crate::support::{Acme, Answer, Keyed, Process, Server, Site, run};

pub use disk::SmallDisk;

/// PortalAuthService, as the portal's backend calls one of the servers.
pub type Backend = PortalAuthServiceClient<Keyed>;
/// AdminService on one of the servers.
pub type Admin = AdminServiceClient<Keyed>;

/// The portal `acme`, served by one or more servers, and what its callers are told.
pub struct Fleet {
    pub acme: Acme,
    pub recorder: Recorder,
    pub ground: Ground,
    servers: Vec<Replica>,
    customers: AtomicUsize,
    _alone: AloneGuard<'static, ()>,
}

/// One fleet at a time: who waits for a busy machine longer than a call may take is
/// refused, and then nothing has been raced, and nothing recovers in time.
static ALONE: Alone<()> = Alone::const_new(());

struct Replica {
    /// None while it is killed.
    server: Mutex<Option<Server>>,
    /// To the server that there is or was last.
    channel: RwLock<Channel>,
}

impl Fleet {
    /// So many servers over the database of `site`.
    pub async fn start(site: Site, servers: usize) -> Self {
        Self::start_on(Ground { site, disk: None }, servers).await
    }

    /// So many servers.
    pub async fn start_on(ground: Ground, servers: usize) -> Self {
        let alone = ALONE.lock().await;
        let first = Server::of(Process::spawn(ground.serve(0)));
        let made = run(ground.command(0, &["create-owner-key"]));
        let acme = Acme::set_up(&first, made.stdout.trim_end().to_owned()).await;
        let others = (1..servers).map(|n| Process::spawn(ground.serve(n))).collect::<Vec<_>>();
        let servers = [first].into_iter().chain(others.into_iter().map(Server::of));
        let replica = |server: Server| Replica {
            channel: RwLock::new(server.channel()),
            server: Mutex::new(Some(server)),
        };
        Self {
            acme,
            recorder: Recorder::new(),
            servers: servers.map(replica).collect(),
            ground,
            customers: AtomicUsize::new(0),
            _alone: alone,
        }
    }

    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// The portal's backend, over a server; they are taken in turn.
    pub fn backend(&self, n: usize) -> Backend {
        self.acme.web_on(self.channel(n)).client()
    }

    pub fn admin(&self, n: usize) -> Admin {
        self.acme.admin_on(self.channel(n))
    }

    fn channel(&self, n: usize) -> Channel {
        self.servers[n % self.servers.len()].channel.read().unwrap().clone()
    }

    /// kill -9.
    pub fn kill(&self, n: usize) {
        let server = self.servers[n].server.lock().unwrap().take().unwrap();
        block_in_place(|| server.process.kill());
    }

    /// Starts it again over the same data, and waits until it listens.
    pub fn restart(&self, n: usize) {
        let server = block_in_place(|| Server::of(Process::spawn(self.ground.serve(n))));
        *self.servers[n].channel.write().unwrap() = server.channel();
        *self.servers[n].server.lock().unwrap() = Some(server);
    }

    /// Ends all servers and starts them again, when they have done what is under way.
    pub fn settle(&self) {
        for replica in &self.servers {
            let server = replica.server.lock().unwrap().take().unwrap();
            server.process.terminate();
            let ended = block_in_place(|| server.process.ended());
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
        (0..self.servers.len()).for_each(|n| self.restart(n));
    }

    /// Checks what the audit trail says of itself.
    pub fn assert_trail_is_whole(&self) {
        let ended = block_in_place(|| run(self.ground.command(0, &["audit", "verify"])));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// A customer of the portal with a password and no factor.
    pub async fn customer(&self) -> Customer {
        self.try_customer(0).await.unwrap()
    }

    /// The same, made through one of the servers if that is to be had.
    pub async fn try_customer(&self, n: usize) -> Answer<Customer> {
        let number = self.customers.fetch_add(1, Ordering::Relaxed);
        Customer::create(&self.recorder, &mut self.admin(n), number).await
    }

    /// Calls `count` times at once, over all servers in turn.
    pub async fn at_once<T, F>(
        &self,
        count: usize,
        call: impl Fn(usize, Backend) -> F,
    ) -> Vec<Answer<T>>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let ready = Arc::new(Barrier::new(count));
        let calls = (0..count).map(|n| {
            let (ready, call) = (Arc::clone(&ready), call(n, self.backend(n)));
            async move {
                ready.wait().await;
                call.await
            }
        });
        calls.collect::<JoinSet<_>>().join_all().await
    }
}

/// What the servers stand on.
pub struct Ground {
    pub site: Site,
    /// For the data folder of the first server.
    pub disk: Option<SmallDisk>,
}

impl Ground {
    /// A database in a folder that can be filled.
    pub fn on_small_disk() -> Self {
        let site = Site::sqlite();
        let folder = site.folder().join("data0");
        fs::create_dir(&folder).unwrap();
        Self { disk: Some(SmallDisk::mount(&folder)), site }
    }

    /// The first server's data folder, as it is seen from here.
    pub fn data_dir(&self) -> PathBuf {
        match &self.disk {
            Some(disk) => disk.folder(),
            None => self.site.folder().join("data0"),
        }
    }

    /// Each has a data folder of its own, in which nothing is where the database is
    /// elsewhere.
    fn command(&self, n: usize, arguments: &[&str]) -> Command {
        let folder = self.site.folder();
        let mut command = self.site.command(arguments);
        command.env("GATEHOUSE_DATA_DIR", folder.join(format!("data{n}")));
        command.env("GATEHOUSE_KEY_RING", folder.join("keyring"));
        match &self.disk {
            Some(disk) => disk.inside(&command),
            None => command,
        }
    }

    fn serve(&self, n: usize) -> Command {
        let mut command = self.command(n, &["serve"]);
        command.env("GATEHOUSE_DATABASE_CONNECTIONS", "20");
        command
    }
}
