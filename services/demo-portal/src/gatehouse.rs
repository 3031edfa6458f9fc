//! gatehouse as this program calls it: the generated clients, the key that says who calls, and the
//! one place that reads an error.

use std::time::Duration;

use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_api::v1::portal_auth_service_client::PortalAuthServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

mod refusal;

pub use refusal::Refusal;

/// How long a page waits for gatehouse: less than people do.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a portal's backend calls.
pub type PortalAuth = PortalAuthServiceClient<InterceptedService<Channel, Caller>>;

/// What an administrator's tool calls.
pub type Admin = AdminServiceClient<InterceptedService<Channel, Caller>>;

/// A key that cannot stand in a header.
#[derive(Debug, thiserror::Error)]
#[error("a key or an actor holds a character that no header can")]
pub struct BadKey;

/// Says with every call who calls.
#[derive(Clone)]
pub struct Caller {
    authorization: MetadataValue<Ascii>,
    actor: Option<MetadataValue<Ascii>>,
}

impl Caller {
    /// With an API key.
    ///
    /// # Errors
    /// A character that no header can hold.
    pub fn with_key(key: &str) -> Result<Self, BadKey> {
        let mut authorization: MetadataValue<Ascii> =
            format!("Bearer {key}").parse().map_err(|_| BadKey)?;
        authorization.set_sensitive(true);
        Ok(Self { authorization, actor: None })
    }

    /// For a person, whom the audit trail names beside the key.
    ///
    /// # Errors
    /// A character that no header can hold.
    pub fn acting_for(self, person: &str) -> Result<Self, BadKey> {
        Ok(Self { actor: Some(person.parse().map_err(|_| BadKey)?), ..self })
    }
}

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.set_timeout(DEADLINE);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert("x-gatehouse-actor", actor.clone());
        }
        Ok(request)
    }
}

/// One connection for all callers. It is made with the first call, and again whenever it was lost:
/// a portal must start, and stay, also while gatehouse is away.
///
/// # Errors
/// An address that is none.
pub fn channel(address: String) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(address)?
        .connect_timeout(DEADLINE)
        // Behind a network that drops connections silently, the next call would wait for TCP.
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(DEADLINE);
    Ok(endpoint.connect_lazy())
}

/// The client of a portal's backend.
pub fn portal_auth(channel: Channel, caller: Caller) -> PortalAuth {
    PortalAuthServiceClient::with_interceptor(channel, caller)
}

/// The client of an administrator's tool.
pub fn admin(channel: Channel, caller: Caller) -> Admin {
    AdminServiceClient::with_interceptor(channel, caller)
}
