//! A portal, its backend, its administrator and a customer.

use std::collections::BTreeMap;

use gatehouse_api::v1;

use super::authenticator::PERIOD;
use super::{Admin, Authenticator, MyAccount, SignInExt, TestServer, Web};

/// The portal's name.
pub const PORTAL: &str = "portals/acme";
/// The customer's address.
pub const EMAIL: &str = "ana@example.com";
/// The customer's password.
pub const PASSWORD: &str = "correct horse battery";

/// The portal `acme` with one customer, who has a password and no factor.
pub struct Acme {
    pub server: TestServer,
    pub admin: Admin,
    pub web: Web,
    /// The backend's key.
    pub key: String,
    /// The portal's resource name.
    pub portal: String,
    /// The customer's resource name.
    pub customer: String,
    /// The customer's address.
    pub email: String,
}

/// A customer's authenticator and backup codes, and the session they came with.
pub struct Enrolled {
    pub phone: Authenticator,
    pub backup_codes: Vec<String>,
    pub session: v1::IssuedSession,
}

impl Acme {
    /// A portal that does not enforce MFA.
    pub async fn new(server: TestServer) -> Self {
        Self::called(server, "acme").await
    }

    /// The same under another name: many of them stand on one server.
    pub async fn called(server: TestServer, id: &str) -> Self {
        let admin = server.admin();
        let portal = v1::Portal { display_name: "Acme Billing".to_owned(), ..Default::default() };
        let portal = admin.create_portal(id, portal).await.unwrap().name;
        let customer = admin.create_customer(&portal, EMAIL, PASSWORD).await.unwrap().name;
        let key = admin.portal_key(&portal, v1::PortalAccess::Full).await.unwrap();
        let (web, email) = (server.web_with(&key), EMAIL.to_owned());
        Self { server, admin, web, key, portal, customer, email }
    }

    /// The same portal with one more customer.
    pub async fn with_customer(&self, email: &str) -> Self {
        let customer = self.admin.create_customer(&self.portal, email, PASSWORD).await.unwrap();
        Self {
            server: self.server.clone(),
            admin: self.admin.clone(),
            web: self.web.clone(),
            key: self.key.clone(),
            portal: self.portal.clone(),
            customer: customer.name,
            email: email.to_owned(),
        }
    }

    /// A portal that enforces MFA.
    pub async fn enforcing(server: TestServer) -> Self {
        let acme = Self::new(server).await;
        acme.enforce(true).await;
        acme
    }

    /// Switches enforcement on or off.
    pub async fn enforce(&self, enforced: bool) {
        let mfa = Some(v1::MfaPolicy { enforced, ..Default::default() });
        self.update(v1::Portal { mfa, ..Default::default() }, &["mfa.enforced"]).await;
    }

    /// Configures SAML.
    pub async fn use_saml(&self) {
        let saml = Some(super::saml());
        self.update(v1::Portal { saml, ..Default::default() }, &["saml"]).await;
    }

    /// Changes what `mask` names.
    pub async fn update(&self, portal: v1::Portal, mask: &[&str]) -> v1::UpdatePortalResponse {
        let portal = v1::Portal { name: self.portal.clone(), ..portal };
        self.admin.update_portal(portal, mask).await.unwrap()
    }

    /// Holds the newest event of this type to have these attributes and no others.
    pub async fn assert_recorded(&self, kind: &str, attributes: &[(&str, &str)]) {
        let filter = v1::AuditEventFilter { types: vec![kind.to_owned()], ..Default::default() };
        let events = self.admin.audit_events(filter).await.unwrap();
        let event = events.first().unwrap_or_else(|| panic!("{kind}: nothing was recorded"));
        let recorded = event.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        assert_eq!(recorded.collect::<BTreeMap<_, _>>(), attributes.iter().copied().collect());
    }

    /// A sign-in of the customer, past the password.
    pub async fn sign_in(&self) -> v1::SignIn {
        self.web.sign_in(&self.email, PASSWORD).await.unwrap()
    }

    /// Signs in where no second factor is asked for.
    pub async fn password_session(&self) -> v1::IssuedSession {
        self.sign_in().await.issued()
    }

    /// Signs in with the code that the phone shows now.
    pub async fn totp_session(&self, phone: &Authenticator) -> v1::IssuedSession {
        let sign_in = self.sign_in().await;
        self.web.totp(&sign_in.token, &phone.code(self.server.now())).await.unwrap().issued()
    }

    /// Starts an enrollment in `sign_in`, and gives the phone the secret.
    pub async fn start_enrollment(&self, sign_in: &v1::SignIn) -> Authenticator {
        let sign_in = self.web.start_enrollment(&sign_in.token).await.unwrap();
        Authenticator::with_secret(&sign_in.pending().unwrap().1.secret)
    }

    /// Sets up MFA in `sign_in`, up to `backup_codes`.
    pub async fn enable(&self, sign_in: &v1::SignIn) -> Authenticator {
        let phone = self.start_enrollment(sign_in).await;
        let code = phone.code(self.server.now());
        self.web.verify_enrollment(&sign_in.token, &code).await.unwrap();
        self.web.enable_mfa(&sign_in.token).await.unwrap();
        phone
    }

    /// Sets up MFA in My Account, or changes it.
    pub async fn enable_in(&self, account: &MyAccount) -> Authenticator {
        let phone = account.scan().await.unwrap();
        account.verify_enrollment(&phone.code(self.server.now())).await.unwrap();
        account.enable_mfa().await.unwrap();
        phone
    }

    /// Signs in and sets up MFA on the way. Afterwards the phone shows a new code.
    pub async fn enroll(&self) -> Enrolled {
        let sign_in = self.sign_in().await;
        let phone = self.enable(&sign_in).await;
        let (backup_codes, _) = self.web.backup_codes(&sign_in.token).await.unwrap();
        let session = self.web.finish(&sign_in.token).await.unwrap().issued();
        self.next_code();
        Enrolled { phone, backup_codes, session }
    }

    /// Waits until the phone shows the next code.
    pub fn next_code(&self) {
        self.server.pass(PERIOD);
    }
}
