//! To the server, with the key on every call, and what its refusals say to people.

use std::error::Error;
use std::fmt::{self, Display};
use std::io;
use std::path::Path;
use std::time::Duration;

use gatehouse_api::v1::ErrorReason;
use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, GrpcMethod, Request, Response, Status};
use tonic_types::StatusExt;
use zeroize::Zeroizing;

use super::output::note;
use crate::command::server_url::{ServerUrl, TlsOptions, lost_connection, lost_on_the_way};
use crate::config::{read_secret, read_secret_file};
use crate::startup::file::is_open_to_all;

/// For a server that is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as a server takes for a call at most.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Puts the key and the actor on every call.
#[derive(Clone)]
pub(super) struct Caller {
    authorization: MetadataValue<Ascii>,
    actor: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        // A stream has no end that could be waited for.
        let method = request.extensions().get::<GrpcMethod<'_>>();
        if method.is_none_or(|method| method.method() != "WatchAuditEvents") {
            request.set_timeout(CALL_TIMEOUT);
        }
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.authorization.clone());
        if let Some(actor) = &self.actor {
            metadata.insert("x-gatehouse-actor", actor.clone());
        }
        Ok(request)
    }
}

/// A client with a key.
pub(super) type Connection = AdminServiceClient<InterceptedService<Channel, Caller>>;

/// Connects to `server` with the key in `key_file`.
///
/// # Errors
/// A line for whoever typed the command.
pub(super) async fn open(
    server: &ServerUrl,
    tls: &TlsOptions,
    key_file: &Path,
    actor: Option<&str>,
) -> Result<Connection, Box<dyn Error>> {
    let shown = key_file.display();
    let unreadable = |error: io::Error| format!("--key-file {shown}: {error}");
    let key = read_key(key_file).map_err(unreadable)?;
    if key_file != Path::new("-") && is_open_to_all(key_file).map_err(unreadable)? {
        note(&format!("--key-file {shown}: every user of this machine may read it: chmod 600"))?;
    }
    let mut authorization: MetadataValue<Ascii> = format!("Bearer {}", key.trim())
        .parse()
        .map_err(|_| format!("--key-file {}: this is no API key", key_file.display()))?;
    authorization.set_sensitive(true);
    // A name that no header takes is a name of this machine alone.
    let actor = actor.and_then(|actor| actor.parse().ok());
    let channel = server.connect(tls, CONNECT_TIMEOUT).await?;
    Ok(AdminServiceClient::with_interceptor(channel, Caller { authorization, actor }))
}

fn read_key(file: &Path) -> io::Result<Zeroizing<String>> {
    if file == Path::new("-") { read_secret(io::stdin()) } else { read_secret_file(file) }
}

/// A refusal as people read it: what, why, which fields, and when to try again.
#[derive(Debug)]
pub(super) struct Refused(Status);

/// What a call came to.
///
/// # Errors
/// [`Refused`].
pub(super) fn answer<T>(called: Result<Response<T>, Status>) -> Result<T, Refused> {
    called.map(Response::into_inner).map_err(Refused)
}

impl Refused {
    /// A stream that broke off with `status`.
    pub(super) const fn of(status: Status) -> Self {
        Self(status)
    }

    /// Why, in the contract's words; none where it was not gatehouse that answered.
    pub(super) fn reason(&self) -> Option<ErrorReason> {
        ErrorReason::from_str_name(&self.0.get_details_error_info()?.reason)
    }

    /// Whether the same call may succeed later: the server is away, or has too much to do.
    pub(super) fn passes(&self) -> bool {
        match self.reason() {
            Some(
                ErrorReason::StoreUnavailable | ErrorReason::Overloaded | ErrorReason::Throttled,
            ) => true,
            Some(_) => false,
            // The connection ended, or what is between has lost the server.
            None => matches!(
                self.0.code(),
                Code::Unavailable
                    | Code::Unknown
                    | Code::Cancelled
                    | Code::DeadlineExceeded
                    | Code::Internal
            ),
        }
    }

    /// In words for who has been connected until now.
    pub(super) fn on_the_way(&self) -> String {
        lost_on_the_way(&self.0).unwrap_or_else(|| self.to_string())
    }

    /// How long the server says to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.0.get_details_retry_info()?.retry_delay
    }
}

impl Error for Refused {}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(lost) = lost_connection(&self.0) {
            return f.write_str(&lost);
        }
        let details = self.0.get_error_details();
        f.write_str(self.0.message())?;
        if let Some(info) = details.error_info() {
            write!(f, " ({})", info.reason)?;
        } else {
            write!(f, " ({:?})", self.0.code())?;
        }
        if let Some(bad) = details.bad_request() {
            for violation in &bad.field_violations {
                write!(f, "; {}: {}", violation.field, violation.description)?;
            }
        }
        if let Some(wait) = details.retry_info().and_then(|retry| retry.retry_delay) {
            write!(f, "; try again in {} s", wait.as_secs() + u64::from(wait.subsec_nanos() > 0))?;
        }
        Ok(())
    }
}
