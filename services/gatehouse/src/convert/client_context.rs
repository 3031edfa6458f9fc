//! client_context.proto

use gatehouse_api::v1;
use gatehouse_domain::client::ClientContext;

use super::fields::Fields;

/// The customer's device, which may be left out.
pub fn parse(fields: &mut Fields, client: Option<v1::ClientContext>) -> Option<ClientContext> {
    let Some(client) = client else { return Some(ClientContext::default()) };
    let ip = match client.ip_address.as_str() {
        "" => Some(None),
        text => {
            let ip = text.parse().map_err(|_| "must be an IPv4 or IPv6 address");
            fields.take("client.ip_address", ip).map(Some)
        }
    };
    let context = ClientContext::of_header(ip.flatten(), client.user_agent);
    let context = fields.take("client.user_agent", context);
    ip.and(context)
}

/// The customer's device, which must be there: what it says is kept.
pub fn require(fields: &mut Fields, client: Option<v1::ClientContext>) -> Option<ClientContext> {
    let client = fields.require("client", client)?;
    parse(fields, Some(client))
}

/// The message.
#[must_use]
pub fn message(client: &ClientContext) -> v1::ClientContext {
    v1::ClientContext {
        ip_address: client.ip_address().map(|ip| ip.to_string()).unwrap_or_default(),
        user_agent: client.user_agent().to_owned(),
    }
}
