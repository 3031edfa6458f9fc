//! A portal, its administrator and a customer.

use gatehouse_api::v1;
use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_api::v1::api_key::Grant;

use tonic::transport::Channel;

use super::{Keyed, Server, Web, keyed};

/// The portal's name.
pub const PORTAL: &str = "portals/acme";
/// The customer's address.
pub const EMAIL: &str = "ana@example.com";
/// The customer's password.
pub const PASSWORD: &str = "correct horse battery";

/// The portal `acme`, which enforces MFA, with one customer who has a password
/// and no factor. It is stored: any server over the same data serves it.
pub struct Acme {
    pub owner_key: String,
    pub portal_key: String,
    /// The resource name of the portal's key.
    pub portal_key_name: String,
}

impl Acme {
    /// Made through `server`.
    pub async fn set_up(server: &Server, owner_key: String) -> Self {
        Self::set_up_on(server.channel(), owner_key).await
    }

    /// Made on this connection.
    pub async fn set_up_on(channel: Channel, owner_key: String) -> Self {
        let mut admin = admin(channel, &owner_key);
        let mfa = v1::MfaPolicy { enforced: true, ..Default::default() };
        let portal = v1::Portal {
            display_name: "Acme Billing".to_owned(),
            mfa: Some(mfa),
            ..Default::default()
        };
        let create = v1::CreatePortalRequest { portal_id: "acme".to_owned(), portal: Some(portal) };
        admin.create_portal(create).await.unwrap();

        let customer = v1::Customer { email: EMAIL.to_owned(), ..Default::default() };
        let create = v1::CreateCustomerRequest {
            parent: PORTAL.to_owned(),
            customer: Some(customer),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        admin.create_customer(create).await.unwrap();

        let access = v1::PortalAccess::Full.into();
        let grant = Grant::Portal(v1::PortalGrant { portal: PORTAL.to_owned(), access });
        let key = v1::ApiKey { grant: Some(grant), ..Default::default() };
        let create = v1::CreateApiKeyRequest { api_key: Some(key) };
        let made = admin.create_api_key(create).await.unwrap().into_inner();
        Self { owner_key, portal_key: made.secret, portal_key_name: made.api_key.unwrap().name }
    }

    /// The portal's backend, as it calls `server`.
    pub fn web(&self, server: &Server) -> Web {
        self.web_on(server.channel())
    }

    /// The portal's backend on this connection.
    pub fn web_on(&self, channel: Channel) -> Web {
        Web::new(keyed(channel, &self.portal_key))
    }

    /// The portal's backend with an administrator's key, which is not for it.
    pub fn web_astray(&self, server: &Server) -> Web {
        Web::new(keyed(server.channel(), &self.owner_key))
    }

    /// The administrator's tool, as it calls `server`.
    pub fn admin(&self, server: &Server) -> AdminServiceClient<Keyed> {
        self.admin_on(server.channel())
    }

    /// The administrator's tool on this connection.
    pub fn admin_on(&self, channel: Channel) -> AdminServiceClient<Keyed> {
        admin(channel, &self.owner_key)
    }
}

fn admin(channel: Channel, owner_key: &str) -> AdminServiceClient<Keyed> {
    AdminServiceClient::new(keyed(channel, owner_key))
}
