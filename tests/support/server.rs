//! The real server, in this process, with a clock that the test holds.

use std::fs;
use std::future::pending;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatehouse::app::App;
use gatehouse::clock::{Clock, ManualClock};
use gatehouse::config::{LogFormat, LogSettings, Sampling, Settings, TracesSettings};
use gatehouse::hasher::HasherConfig;
use gatehouse::metrics;
use gatehouse::server::{Server, ServerSettings};
use gatehouse::startup;
use gatehouse::traces::Traces;
use gatehouse::trail::{Pace, Trail};
use gatehouse::usecase::{Call, api_keys};
use gatehouse_domain::password::HashParameters;
use gatehouse_domain::time::Timestamp;
use gatehouse_test_postgres::TestPostgres;
use tempfile::TempDir;
use tonic::transport::Channel;

use super::{Admin, Bearer, Collector, Keyed, Raw, Web, Wire, taint};

/// Where every clock starts: the beginning of a time step.
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The shortest time that a server knows.
const MICROSECOND: Duration = Duration::from_micros(1);

/// What a server stores in.
#[derive(Clone, Copy, Debug)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// What a server does.
#[derive(Clone, Copy)]
enum Work {
    All,
    Answers,
}

impl Work {
    /// How it follows the trail while it is watched.
    fn pace(self) -> Pace {
        match self {
            Self::All => Pace::default(),
            // When it is woken.
            Self::Answers => Pace { poll: Duration::from_hours(1), ..Pace::default() },
        }
    }
}

/// Where a server and its replicas keep what they have.
struct Folder {
    folder: TempDir,
    /// They, for what they have counted in the end.
    apps: Mutex<Vec<Arc<App>>>,
}

impl Folder {
    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn note(&self, app: &Arc<App>) {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(app));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(taint) = taint::watched() {
            taint.keep_database(&self.data_dir());
            for app in self.apps.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                taint.exported(&metrics::render(app).unwrap());
            }
        }
    }
}

/// A server that serves until the test ends.
#[derive(Clone)]
pub struct TestServer {
    pub(super) settings: Settings,
    /// Where the database is.
    pub(super) location: String,
    folder: Arc<Folder>,
    pub(super) app: Arc<App>,
    pub(super) hand: ManualClock,
    channel: Channel,
    owner: String,
}

impl TestServer {
    /// Over an empty database of its own.
    pub async fn start(database: Database) -> Self {
        // PostgreSQL bears 300, over all tests at once.
        Self::with_connections(database, 6).await
    }

    /// One that does nothing but answer: no statement runs that no call asks for.
    pub async fn without_background(database: Database) -> Self {
        Self::over(database, 6, Work::Answers).await
    }

    /// With so many connections to the database at most.
    pub async fn with_connections(database: Database, database_connections: u32) -> Self {
        Self::over(database, database_connections, Work::All).await
    }

    /// One whose clock starts elsewhere.
    pub async fn start_at(database: Database, start: Timestamp) -> Self {
        Self::over_at(database, 6, Work::All, start).await
    }

    async fn over(database: Database, database_connections: u32, work: Work) -> Self {
        Self::over_at(database, database_connections, work, START).await
    }

    async fn over_at(
        database: Database,
        database_connections: u32,
        work: Work,
        start: Timestamp,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folder = Arc::new(Folder { folder, apps: Mutex::default() });
        taint::watched();
        let data_dir = folder.data_dir();
        let location = match database {
            Database::Sqlite => format!("sqlite:{}", data_dir.join("gatehouse.db").display()),
            Database::Postgres => TestPostgres::create_database().await,
        };
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            allow_plaintext: false,
            database: location.parse().unwrap(),
            database_connections,
            key_ring: data_dir.join("keyring"),
            data_dir,
            metrics_listen: None,
            traces: None,
            log: LogSettings { filter: String::new(), format: LogFormat::Text },
            reflection: true,
            // What only answers is looked at for whatever it may be asked.
            envoy_authorization: matches!(work, Work::Answers),
            hasher: hasher(),
            max_in_flight: 1_024,
            audit_retention: None,
            audit_unkeyed_until: 0,
        };
        let (clock, hand) = Clock::manual(start);
        let app = open(&settings, clock, work.pace()).await;
        folder.note(&app);
        let channel = serve(&app, &settings, work).await;
        let call = Call::of_server(start);
        let (_, owner) = api_keys::create_owner(&app, &call, "owner".to_owned()).await.unwrap();
        let owner = owner.expose().to_owned();
        Self { settings, location, folder, app, hand, channel, owner }
    }

    /// Another server over the same database, with the same key ring and clock.
    pub async fn replica(&self) -> Self {
        self.replica_hashing(self.settings.hasher.parameters).await
    }

    /// A replica whose operator has changed the cost of a hash.
    pub async fn replica_hashing(&self, parameters: HashParameters) -> Self {
        let hasher = HasherConfig { parameters, ..self.settings.hasher };
        self.replica_with(Settings { hasher, ..self.settings.clone() }).await
    }

    /// A replica with a clock of its own, which shows `now`.
    pub async fn replica_at(&self, now: Timestamp) -> Self {
        let (clock, hand) = Clock::manual(now);
        self.replica_of(self.settings.clone(), clock, hand, Pace::default()).await
    }

    pub(super) async fn replica_with(&self, settings: Settings) -> Self {
        let (clock, hand) = (self.app.clock.clone(), self.hand.clone());
        self.replica_of(settings, clock, hand, Pace::default()).await
    }

    pub(super) async fn replica_of(
        &self,
        settings: Settings,
        clock: Clock,
        hand: ManualClock,
        pace: Pace,
    ) -> Self {
        let app = open(&settings, clock, pace).await;
        self.folder.note(&app);
        let channel = serve(&app, &settings, Work::All).await;
        Self {
            settings,
            location: self.location.clone(),
            folder: Arc::clone(&self.folder),
            app,
            hand,
            channel,
            owner: self.owner.clone(),
        }
    }

    /// A replica that sends traces of its calls.
    pub async fn traced_by(&self, collector: &Collector) -> Self {
        let endpoint = collector.endpoint.parse().unwrap();
        let sampling = Sampling { of_parent: true, share: 1.0 };
        let traces = Some(TracesSettings { endpoint, ca: None, sampling, service_name: None });
        self.replica_with(Settings { traces, ..self.settings.clone() }).await
    }

    /// What the server stands on, for what it does by itself.
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }

    /// The same of one more server, which does nothing by itself and tells the
    /// system's time.
    pub async fn idle_app(&self) -> App {
        startup::open(&self.settings).await.unwrap()
    }

    /// Calls so far that came without a live key.
    pub fn calls_without_key(&self) -> u64 {
        self.app.calls_without_key.load(Ordering::Relaxed)
    }

    /// What time it is for the server.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Sets the clock, also back.
    pub fn set_clock(&self, now: Timestamp) {
        self.hand.set(now);
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.hand.advance(time);
    }

    /// Lets all of `time` pass but the last microsecond.
    pub fn pass_almost(&self, time: Duration) {
        self.hand.set(self.now() + time - MICROSECOND);
    }

    /// Lets the microsecond pass that [`Self::pass_almost`] left.
    pub fn pass_the_rest(&self) {
        self.pass(MICROSECOND);
    }

    /// Passwords compared so far, counted where they are compared.
    pub fn password_comparisons(&self) -> u64 {
        self.app.hasher.comparisons()
    }

    /// AdminService, with the owner's key.
    pub fn admin(&self) -> Admin {
        self.admin_with(&self.owner)
    }

    /// AdminService, with this key.
    pub fn admin_with(&self, key: &str) -> Admin {
        Admin::new(self.keyed(key))
    }

    /// PortalAuthService, with this key.
    pub fn web_with(&self, key: &str) -> Web {
        Web::new(self.keyed(key))
    }

    /// Calls that no generated client would make.
    pub fn raw(&self) -> Raw {
        Raw::new(Wire::new(self.channel.clone()))
    }

    /// The connection, without a key.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The owner's key.
    pub fn owner_key(&self) -> &str {
        &self.owner
    }

    /// Whether the database is a PostgreSQL.
    pub fn is_on_postgres(&self) -> bool {
        self.location.starts_with("postgres:")
    }

    /// All that the database holds.
    pub fn dump(&self) -> Vec<u8> {
        if !self.is_on_postgres() {
            let in_folder = |name| self.settings.data_dir.join(name);
            // The write-ahead log has what is not in the file yet.
            let files = ["gatehouse.db", "gatehouse.db-wal"].map(in_folder);
            return files.into_iter().flat_map(|file| fs::read(file).unwrap()).collect();
        }
        let dump = Command::new("pg_dump").args(["--inserts", &self.location]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        dump.stdout
    }

    pub(super) fn keyed(&self, key: &str) -> Keyed {
        Keyed::new(Wire::new(self.channel.clone()), Bearer::new(key))
    }
}

async fn open(settings: &Settings, clock: Clock, pace: Pace) -> Arc<App> {
    let app = startup::open(settings).await.unwrap();
    let trail = Trail::new(pace, settings.max_in_flight);
    let traces = match taint::watched() {
        Some(taint) if settings.traces.is_none() => taint.traces(app.server),
        _ => Traces::start(settings.traces.as_ref(), app.server, &app.metrics.spans).unwrap(),
    };
    Arc::new(App { clock, trail, traces, ..app })
}

async fn serve(app: &Arc<App>, settings: &Settings, work: Work) -> Channel {
    let listen = ServerSettings::of(settings);
    let server = Server::bind(Arc::clone(app), &listen).await.unwrap();
    let address = format!("http://{}", server.local_addr());
    match work {
        Work::All => drop(tokio::spawn(server.serve(pending()))),
        Work::Answers => drop(tokio::spawn(server.answer(pending()))),
    }
    Channel::from_shared(address).unwrap().connect().await.unwrap()
}

/// The cheapest hash there is: what is tested is not its cost.
fn hasher() -> HasherConfig {
    HasherConfig {
        parameters: HashParameters::new(8, 1, 1).unwrap(),
        threads: NonZero::<u32>::MIN.saturating_add(1),
        max_wait: Duration::from_mins(1),
        ..HasherConfig::default()
    }
}
