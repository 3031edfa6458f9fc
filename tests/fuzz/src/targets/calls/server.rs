//! A whole server but for its connections, over an empty SQLite database.

use std::env;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatehouse::app::App;
use gatehouse::clock::{Clock, ManualClock};
use gatehouse::config::{LogFormat, LogSettings, Settings};
use gatehouse::hasher::HasherConfig;
use gatehouse::layer::CallService;
use gatehouse::usecase::{Call, api_keys};
use gatehouse::{server, startup};
use gatehouse_api::v1;
use gatehouse_domain::password::HashParameters;
use gatehouse_domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt;
use prost::Message as _;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt;

use super::answer::Answer;
use super::wire;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The method whose answer goes on until somebody ends it.
const ENDLESS: &str = "/WatchAuditEvents";

/// Time passes only between calls. Nothing runs that no call asks for.
pub struct Server {
    /// How many inputs it was given.
    pub inputs: u32,
    service: CallService<Routes>,
    app: Arc<App>,
    hand: ManualClock,
    runtime: Runtime,
    _folder: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // In memory, unless somebody says where: what is looked at is not the disk.
        let memory = Path::new("/dev/shm");
        let folder = match env::var_os("TMPDIR") {
            None if memory.is_dir() => tempfile::tempdir_in(memory),
            _ => tempfile::tempdir(),
        };
        let folder = folder.unwrap();
        let data_dir = folder.path().join("data");
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            allow_plaintext: false,
            metrics_listen: None,
            traces: None,
            database: format!("sqlite:{}", data_dir.join("gatehouse.db").display())
                .parse()
                .unwrap(),
            database_connections: 2,
            key_ring: data_dir.join("keyring"),
            data_dir,
            log: LogSettings { filter: String::new(), format: LogFormat::Text },
            reflection: false,
            envoy_authorization: false,
            // What is looked at is not the cost of a hash.
            hasher: HasherConfig {
                parameters: HashParameters::new(8, 1, 1).unwrap(),
                threads: NonZero::<u32>::MIN,
                ..HasherConfig::default()
            },
            max_in_flight: 16,
            audit_retention: None,
            audit_unkeyed_until: 0,
        };
        let (clock, hand) = Clock::manual(START);
        let app = runtime.block_on(startup::open(&settings)).unwrap();
        let app = Arc::new(App { clock, ..app });
        let service = server::without_connection(&app).unwrap();
        Self { inputs: 0, service, app, hand, runtime, _folder: folder }
    }

    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        self.hand.advance(time);
    }

    /// A new key for everything.
    pub fn owner_key(&self) -> String {
        let call = Call::of_server(self.now());
        let made = self.runtime.block_on(api_keys::create_owner(&self.app, &call, String::new()));
        made.expect("a key").1.expose().to_owned()
    }

    /// Sends `body` to the method at `path`, and waits for all of the answer.
    pub fn call(&self, path: &str, key: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request =
            Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
        if let Some(key) = key {
            // Some keys are whatever was learned, of which no header holds all.
            let printable = key.replace(|c: char| !c.is_ascii_graphic(), "");
            request = request.header("authorization", format!("Bearer {printable}"));
        }
        let body = http_body_util::Full::from(body);
        let request = request.body(Body::new(body)).unwrap();
        self.runtime.block_on(async {
            let (head, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
            assert!(head.status.is_success(), "{}", head.status);
            if path.ends_with(ENDLESS) && !head.headers.contains_key("grpc-status") {
                return first_answer(&head.headers, body).await;
            }
            let body = body.collect().await.expect("all of the answer");
            let trailers = body.trailers().cloned();
            Answer::read(&head.headers, &trailers.unwrap_or_default(), &body.to_bytes())
        })
    }

    /// After whatever it was sent.
    pub fn still_answers(&self) {
        let request = v1::ListPortalsRequest { page_size: 1, ..Default::default() };
        let body = wire::frame(&request.encode_to_vec());
        let answer =
            self.call("/gatehouse.v1.AdminService/ListPortals", Some(&self.owner_key()), body);
        assert!(answer.message.is_some(), "{:?}", answer.code);
    }
}

/// The first message of a stream, as if it were all of it.
async fn first_answer(headers: &HeaderMap, mut body: Body) -> Answer {
    let frame = body.frame().await.expect("an answer").expect("a message");
    let message = frame.into_data().expect("a message comes before the end");
    let end = HeaderMap::from_iter([(
        HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    Answer::read(headers, &end, &message)
}
