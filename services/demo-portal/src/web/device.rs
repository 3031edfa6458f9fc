//! The customer's device, as gatehouse wants to hear of it.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use gatehouse_api::v1::ClientContext;

/// The device behind a request.
pub struct Device(pub ClientContext);

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = <ConnectInfo<SocketAddr> as FromRequestParts<S>>::Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let ConnectInfo(address) = ConnectInfo::from_request_parts(parts, state).await?;
        Ok(Self(device(address, &parts.headers)))
    }
}

/// From the connection and the browser's own word. Behind a proxy the address has to be the one that
/// the proxy saw: a portal that tells its proxy's makes all of its customers share one budget of tries.
fn device(address: SocketAddr, headers: &HeaderMap) -> ClientContext {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    ClientContext {
        ip_address: address.ip().to_canonical().to_string(),
        // gatehouse refuses control characters, which no browser sends.
        user_agent: String::from_utf8_lossy(agent).replace(char::is_control, ""),
    }
}
