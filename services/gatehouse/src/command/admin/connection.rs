//! To the server, with the key on every call, and what its refusals say to people.

use std::error::Error;
use std::fmt::{self, Display};
use std::fs;
use std::io::{self, Read};
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

use crate::command::server_url::ServerUrl;

/// For a server that is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as a server takes for a call at most.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// More than any key has.
const MAX_KEY_BYTES: u64 = 256;

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
    key_file: &Path,
    actor: Option<&str>,
) -> Result<Connection, Box<dyn Error>> {
    let key = read_key(key_file)
        .map_err(|error| format!("--key-file {}: {error}", key_file.display()))?;
    let mut authorization: MetadataValue<Ascii> = format!("Bearer {key}")
        .parse()
        .map_err(|_| format!("--key-file {}: this is no API key", key_file.display()))?;
    authorization.set_sensitive(true);
    // A name that no header takes is a name of this machine alone.
    let actor = actor.and_then(|actor| actor.parse().ok());
    let channel = server.connect(CONNECT_TIMEOUT).await?;
    Ok(AdminServiceClient::with_interceptor(channel, Caller { authorization, actor }))
}

fn read_key(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().take(MAX_KEY_BYTES).read_to_string(&mut text)?;
    } else {
        fs::File::open(file)?.take(MAX_KEY_BYTES).read_to_string(&mut text)?;
    }
    Ok(text.trim().to_owned())
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

    /// Whether the same may succeed a little later: the server, or the way to it, is not there or
    /// has too much to do.
    pub(super) fn may_pass(&self) -> bool {
        let reason = self.0.get_details_error_info().map(|info| info.reason);
        match (self.0.code(), reason.as_deref()) {
            (Code::Unavailable, _) => true,
            (_, Some(reason)) => reason == ErrorReason::Overloaded.as_str_name(),
            // Of the client itself, which lost the connection.
            (code, None) => matches!(code, Code::Unknown | Code::Internal | Code::Cancelled),
        }
    }
}

impl Error for Refused {}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
