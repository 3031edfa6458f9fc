//! Callers: the generated client, with a key, on a few connections.

use std::net::SocketAddr;

use anyhow::Result;
use gatehouse_api::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_api::v1::portal_auth_service_client::PortalAuthServiceClient;
use gatehouse_domain::vault::Token;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Callers that share a connection, as those of one portal's backend do.
const CALLERS_PER_CONNECTION: usize = 16;

/// A connection that says who calls.
pub type Keyed = InterceptedService<Channel, Bearer>;
/// A portal's backend.
pub type Portal = PortalAuthServiceClient<Keyed>;
/// An Envoy before a portal's site.
pub type Envoy = AuthorizationClient<Keyed>;
/// An administrator's tool.
pub type Admin = AdminServiceClient<Keyed>;

/// Puts the key into every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    fn new(key: &Token) -> Result<Self> {
        Ok(Self(format!("Bearer {}", key.expose()).parse()?))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// Clients for so many callers, on as many connections as they need.
pub fn portals(address: SocketAddr, key: &Token, callers: usize) -> Result<Vec<Portal>> {
    shared(address, key, callers, Portal::new)
}

/// The same for those who ask as Envoy does.
pub fn envoys(address: SocketAddr, key: &Token, callers: usize) -> Result<Vec<Envoy>> {
    shared(address, key, callers, Envoy::new)
}

fn shared<C: Clone>(
    address: SocketAddr,
    key: &Token,
    callers: usize,
    client: impl Fn(Keyed) -> C,
) -> Result<Vec<C>> {
    let bearer = Bearer::new(key)?;
    let mut clients = Vec::with_capacity(callers);
    while clients.len() < callers {
        let channel = channel(address)?;
        let client = client(Keyed::new(channel, bearer.clone()));
        let count = CALLERS_PER_CONNECTION.min(callers - clients.len());
        clients.extend(std::iter::repeat_n(client, count));
    }
    Ok(clients)
}

/// A client for an administrator.
pub fn admin(address: SocketAddr, key: &Token) -> Result<Admin> {
    // A page of 1,000 customers is larger than what a client takes by itself.
    let client = Admin::new(Keyed::new(channel(address)?, Bearer::new(key)?));
    Ok(client.max_decoding_message_size(64 * 1024 * 1024))
}

fn channel(address: SocketAddr) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect_lazy())
}
