//! What the tests stand on: servers, callers, authenticators, refusals.

#![expect(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

mod acme;
mod admin;
pub mod authenticator;
mod collector;
mod envoy;
pub mod frames;
mod import;
mod inside;
mod my_account;
mod program;
mod raw;
mod refusal;
mod server;
mod sign_in;
mod taint;
mod trouble;
mod watcher;
mod web;
mod wire;

use gatehouse_domain::time::Timestamp;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

pub use acme::{Acme, EMAIL, Enrolled, PASSWORD, PORTAL};
pub use admin::{Admin, saml, update_mask};
pub use authenticator::Authenticator;
pub use collector::{Collector, Received};
pub use envoy::{Envoy, Told, question};
pub use import::{PasswordVector, imported, imports, password_vectors};
pub use my_account::{MyAccount, setup};
pub use program::{Program, Usage};
pub use raw::{EMPTY, Raw, frame};
pub use refusal::{Refusal, refused};
pub use server::{Database, TestServer};
pub use sign_in::SignInExt;
pub use watcher::Watcher;
pub use web::{Web, client};
pub use wire::Wire;

/// The method whose answer has no end of its own.
pub const ENDLESS: &str = "/gatehouse.v1.AdminService/WatchAuditEvents";

/// What a call comes to.
pub type Answer<T> = Result<T, Status>;

/// Makes two tests of every rule named: one on SQLite, one on PostgreSQL. A rule
/// is an async function that takes a server over an empty database.
#[macro_export]
macro_rules! on_each_database {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            use $crate::{Database, TestServer};
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(TestServer::start(Database::Sqlite).await).await;
            })*
        }
        mod postgres {
            use $crate::{Database, TestServer};
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(TestServer::start(Database::Postgres).await).await;
            })*
        }
    };
}

/// Sends an API key with every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

/// A connection on which every call carries a key.
pub type Keyed = InterceptedService<Wire, Bearer>;

impl Bearer {
    fn new(key: &str) -> Self {
        Self(format!("Bearer {key}").parse().unwrap())
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A time of an answer.
pub fn time(at: Option<prost_types::Timestamp>) -> Timestamp {
    let at = at.expect("a time");
    Timestamp::from_micros(at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
}

/// A time for a request.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_seconds(), nanos: at.subsecond_nanos() }
}
