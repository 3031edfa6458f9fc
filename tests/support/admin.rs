//! An administrator's tool.

use gatehouse_api::v1;
use gatehouse_api::v1::admin_service_client::AdminServiceClient;
use gatehouse_api::v1::api_key::Grant;

use super::{Answer, Keyed};

/// AdminService with one key.
#[derive(Clone)]
pub struct Admin(AdminServiceClient<Keyed>);

impl Admin {
    pub(super) fn new(channel: Keyed) -> Self {
        Self(AdminServiceClient::new(channel))
    }

    /// The generated client.
    pub fn client(&self) -> AdminServiceClient<Keyed> {
        self.0.clone()
    }

    pub async fn create_portal(&self, id: &str, portal: v1::Portal) -> Answer<v1::Portal> {
        let request = v1::CreatePortalRequest { portal_id: id.to_owned(), portal: Some(portal) };
        let answer = self.client().create_portal(request).await?.into_inner();
        Ok(answer.portal.unwrap())
    }

    pub async fn portal(&self, name: &str) -> Answer<v1::Portal> {
        let request = v1::GetPortalRequest { name: name.to_owned() };
        Ok(self.client().get_portal(request).await?.into_inner().portal.unwrap())
    }

    /// Changes what `mask` names.
    pub async fn update_portal(
        &self,
        portal: v1::Portal,
        mask: &[&str],
    ) -> Answer<v1::UpdatePortalResponse> {
        let request = v1::UpdatePortalRequest {
            portal: Some(portal),
            update_mask: Some(update_mask(mask)),
            ..Default::default()
        };
        Ok(self.client().update_portal(request).await?.into_inner())
    }

    /// Says what a change would mean, and changes nothing.
    pub async fn preview(&self, portal: v1::Portal, mask: &[&str]) -> Answer<v1::PolicyImpact> {
        let request = v1::UpdatePortalRequest {
            portal: Some(portal),
            update_mask: Some(update_mask(mask)),
            validate_only: true,
            ..Default::default()
        };
        Ok(self.client().update_portal(request).await?.into_inner().impact.unwrap())
    }

    /// Deletes a portal; an empty etag is none.
    pub async fn delete_portal(&self, name: &str, etag: &str, force: bool) -> Answer<()> {
        let (name, etag) = (name.to_owned(), etag.to_owned());
        self.client().delete_portal(v1::DeletePortalRequest { name, etag, force }).await?;
        Ok(())
    }

    /// A customer with a password; empty: without one.
    pub async fn create_customer(
        &self,
        portal: &str,
        email: &str,
        password: &str,
    ) -> Answer<v1::Customer> {
        let request = v1::CreateCustomerRequest {
            parent: portal.to_owned(),
            customer: Some(v1::Customer { email: email.to_owned(), ..Default::default() }),
            password: password.to_owned(),
            ..Default::default()
        };
        Ok(self.client().create_customer(request).await?.into_inner().customer.unwrap())
    }

    pub async fn customer(&self, name: &str) -> Answer<v1::Customer> {
        let request = v1::GetCustomerRequest { name: name.to_owned() };
        Ok(self.client().get_customer(request).await?.into_inner().customer.unwrap())
    }

    /// Changes what `mask` names.
    pub async fn update_customer(
        &self,
        customer: v1::Customer,
        mask: &[&str],
    ) -> Answer<v1::Customer> {
        let request = v1::UpdateCustomerRequest {
            customer: Some(customer),
            update_mask: Some(update_mask(mask)),
        };
        Ok(self.client().update_customer(request).await?.into_inner().customer.unwrap())
    }

    /// Gives a customer another address.
    pub async fn set_email(&self, name: &str, email: &str) -> Answer<v1::Customer> {
        let (name, email) = (name.to_owned(), email.to_owned());
        let customer = v1::Customer { name, email, ..Default::default() };
        self.update_customer(customer, &["email"]).await
    }

    /// Suspends a customer, or ends the suspension.
    pub async fn suspend(&self, name: &str, suspended: bool) -> Answer<v1::Customer> {
        let customer = v1::Customer { name: name.to_owned(), suspended, ..Default::default() };
        self.update_customer(customer, &["suspended"]).await
    }

    /// Deletes a customer; an empty etag is none.
    pub async fn delete_customer(&self, name: &str, etag: &str) -> Answer<()> {
        let (name, etag) = (name.to_owned(), etag.to_owned());
        self.client().delete_customer(v1::DeleteCustomerRequest { name, etag }).await?;
        Ok(())
    }

    pub async fn invite(&self, customer: &str) -> Answer<v1::Invitation> {
        let request = v1::CreateInvitationRequest { customer: customer.to_owned() };
        Ok(self.client().create_invitation(request).await?.into_inner().invitation.unwrap())
    }

    pub async fn unlock(&self, name: &str) -> Answer<v1::Customer> {
        let request = v1::UnlockCustomerRequest { name: name.to_owned() };
        Ok(self.client().unlock_customer(request).await?.into_inner().customer.unwrap())
    }

    /// The first page of live sessions.
    pub async fn sessions(&self, parent: &str) -> Answer<Vec<v1::Session>> {
        let request = v1::ListSessionsRequest { parent: parent.to_owned(), ..Default::default() };
        Ok(self.client().list_sessions(request).await?.into_inner().sessions)
    }

    /// Ends the sessions at or below `name`; gives how many were live.
    pub async fn revoke_sessions(&self, name: &str) -> Answer<i32> {
        let request = v1::RevokeSessionsRequest { name: name.to_owned() };
        Ok(self.client().revoke_sessions(request).await?.into_inner().sessions_ended)
    }

    /// How many customers the portal has that tests make.
    pub async fn customers(&self) -> usize {
        let parent = super::PORTAL.to_owned();
        let request = v1::ListCustomersRequest { parent, page_size: 1_000, ..Default::default() };
        let listed = self.client().list_customers(request).await.unwrap();
        listed.into_inner().customers.len()
    }

    /// The first page of events, the newest first.
    pub async fn audit_events(&self, filter: v1::AuditEventFilter) -> Answer<Vec<v1::AuditEvent>> {
        let request = v1::ListAuditEventsRequest { filter: Some(filter), ..Default::default() };
        Ok(self.client().list_audit_events(request).await?.into_inner().audit_events)
    }

    pub async fn reset_mfa(&self, name: &str) -> Answer<v1::ResetCustomerMfaResponse> {
        let request = v1::ResetCustomerMfaRequest {
            name: name.to_owned(),
            reason: "lost phone".to_owned(),
            end_password: false,
        };
        Ok(self.client().reset_customer_mfa(request).await?.into_inner())
    }

    /// Makes a key; gives its name and its secret.
    pub async fn create_key(&self, key: v1::ApiKey) -> Answer<(String, String)> {
        let request = v1::CreateApiKeyRequest { api_key: Some(key) };
        let answer = self.client().create_api_key(request).await?.into_inner();
        Ok((answer.api_key.unwrap().name, answer.secret))
    }

    /// Makes a portal's key; gives its secret.
    pub async fn portal_key(&self, portal: &str, access: v1::PortalAccess) -> Answer<String> {
        let grant = v1::PortalGrant { portal: portal.to_owned(), access: access.into() };
        let key = v1::ApiKey { grant: Some(Grant::Portal(grant)), ..Default::default() };
        Ok(self.create_key(key).await?.1)
    }

    /// Makes an administrator's key; gives its secret.
    pub async fn admin_key(&self, role: v1::AdminRole, portals: &[&str]) -> Answer<String> {
        let portals = portals.iter().map(|&portal| portal.to_owned()).collect();
        let grant = v1::AdminGrant { role: role.into(), portals };
        let key = v1::ApiKey { grant: Some(Grant::Admin(grant)), ..Default::default() };
        Ok(self.create_key(key).await?.1)
    }

    pub async fn revoke_key(&self, name: &str) -> Answer<v1::ApiKey> {
        let request = v1::RevokeApiKeyRequest { name: name.to_owned() };
        Ok(self.client().revoke_api_key(request).await?.into_inner().api_key.unwrap())
    }
}

/// A mask of these paths.
pub fn update_mask(paths: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }
}

/// A whole SAML configuration.
pub fn saml() -> v1::SamlConfig {
    v1::SamlConfig {
        idp_entity_id: "https://idp.example/metadata".to_owned(),
        sso_url: "https://idp.example/sso".to_owned(),
        // Self-signed, made for tests; its key was thrown away.
        idp_certificate: include_str!("certificate.pem").to_owned(),
    }
}
