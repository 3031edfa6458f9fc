//! What the tests stand on: the program, a site for it, and those who call it.

mod acme;
mod guide;
mod phone;
mod process;
mod site;
mod web;

use std::time::{Duration, Instant};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::{ErrorInfo, StatusExt};

pub use acme::{Acme, EMAIL, PASSWORD, PORTAL};
pub use guide::{blocks, commands, section, shell, shell_alone};
pub use phone::Phone;
pub use process::{Ended, Process, Server, gatehouse, run};
pub use site::Site;
pub use web::{Web, session};

/// What a call comes to.
pub type Answer<T> = Result<T, Status>;

/// Makes two tests of every rule named: one on SQLite, one on PostgreSQL. A rule
/// is an async function that takes a site without data.
macro_rules! on_each_database {
    ($($(#[$attribute:meta])* $rule:ident),* $(,)?) => {
        mod sqlite {
            use crate::support::Site;
            $($(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(Site::sqlite()).await;
            })*
        }
        mod postgres {
            use crate::support::Site;
            $($(#[$attribute])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                super::$rule(Site::postgres().await).await;
            })*
        }
    };
}

/// Sends an API key with every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

/// A connection on which every call carries a key.
pub type Keyed = InterceptedService<Channel, Bearer>;

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

fn keyed(channel: Channel, key: &str) -> Keyed {
    Keyed::new(channel, Bearer(format!("Bearer {key}").parse().unwrap()))
}

/// For what a server does in its own time. Only one that hangs takes as long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Looks again and again until `is_so`. What it looks at is a process or a database,
/// which takes its time.
pub fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to that");
    }
}

/// Why `answer` is a refusal.
pub fn refused<T>(answer: Answer<T>) -> ErrorInfo {
    let Err(status) = answer else { panic!("the call succeeded") };
    status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"))
}
