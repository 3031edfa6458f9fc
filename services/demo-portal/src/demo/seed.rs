//! The demo's portal: made by an owner's key, which is needed for nothing else.

use gatehouse_api::v1::{
    AdminGrant, AdminRole, ApiKey, CreateApiKeyRequest, CreateCustomerRequest,
    CreateInvitationRequest, CreatePortalRequest, Customer, GetCustomerRequest, Portal,
    PortalAccess, PortalGrant, api_key,
};
use tonic::{Code, Status};

use crate::gatehouse::Admin;
use crate::outbox::{Letterhead, Outbox};
use crate::portal;

/// The portal's resource name.
pub const PORTAL: &str = "portals/acme";

/// Who uses the console.
pub const ADMINISTRATOR: &str = "olga@acme.example";

/// Somebody to sign in as.
pub struct Person {
    id: &'static str,
    /// The email address.
    pub email: &'static str,
    name: &'static str,
    /// The password. None: invited.
    pub password: Option<&'static str>,
}

/// The portal's customers. Their passwords are known to everybody: the demo listens on loopback alone.
pub const CUSTOMERS: [Person; 3] = [
    Person {
        id: "ana",
        email: "ana@example.com",
        name: "Ana",
        password: Some("correct horse battery staple"),
    },
    Person {
        id: "ben",
        email: "ben@example.com",
        name: "Ben",
        password: Some("purple monkey dishwasher lamp"),
    },
    Person { id: "eve", email: "eve@example.com", name: "Eve", password: None },
];

/// What each site calls with: no more than it needs.
pub struct Keys {
    /// FULL, of the portal.
    pub portal: String,
    /// ADMIN, for the portal alone.
    pub admin: String,
}

/// Makes the portal and its customers, and keys for both sites. `again`: they may be there from the last
/// time.
///
/// # Errors
/// What gatehouse refuses.
pub async fn seed(
    mut owner: Admin,
    again: bool,
    outbox: &Outbox,
    letters: &Letterhead,
) -> Result<Keys, Status> {
    let made = Portal { display_name: portal::NAME.to_owned(), ..Portal::default() };
    let portal_id = PORTAL.trim_start_matches("portals/").to_owned();
    let made = owner.create_portal(CreatePortalRequest { portal_id, portal: Some(made) }).await;
    // Passwords that everybody knows do not go into a portal that is somebody's.
    if !is_new(made)? && !again {
        return Err(Status::already_exists(format!("there is a {PORTAL} already")));
    }
    for person in &CUSTOMERS {
        add(&mut owner, person, outbox, letters).await?;
    }
    let access = PortalAccess::Full.into();
    let portal = api_key::Grant::Portal(PortalGrant { portal: PORTAL.to_owned(), access });
    let role = AdminRole::Admin.into();
    let admin = api_key::Grant::Admin(AdminGrant { role, portals: vec![PORTAL.to_owned()] });
    Ok(Keys {
        portal: key(&mut owner, "demo portal", portal).await?,
        admin: key(&mut owner, "demo console", admin).await?,
    })
}

async fn add(
    owner: &mut Admin,
    person: &Person,
    outbox: &Outbox,
    letters: &Letterhead,
) -> Result<(), Status> {
    let customer = Customer {
        email: person.email.to_owned(),
        display_name: person.name.to_owned(),
        ..Customer::default()
    };
    let request = CreateCustomerRequest {
        parent: PORTAL.to_owned(),
        customer: Some(customer),
        customer_id: person.id.to_owned(),
        password: person.password.unwrap_or_default().to_owned(),
    };
    is_new(owner.create_customer(request).await)?;
    let name = format!("{PORTAL}/customers/{}", person.id);
    let request = GetCustomerRequest { name: name.clone() };
    let customer = owner.get_customer(request).await?.into_inner().customer.unwrap_or_default();
    if !customer.has_password {
        let request = CreateInvitationRequest { customer: name };
        let invitation = owner.create_invitation(request).await?.into_inner().invitation;
        let invitation = invitation.unwrap_or_default();
        outbox.send(letters.invitation(&invitation.email, &invitation.token));
    }
    Ok(())
}

async fn key(owner: &mut Admin, name: &str, grant: api_key::Grant) -> Result<String, Status> {
    let display_name = name.to_owned();
    let api_key = ApiKey { display_name, grant: Some(grant), ..ApiKey::default() };
    let request = CreateApiKeyRequest { api_key: Some(api_key) };
    Ok(owner.create_api_key(request).await?.into_inner().secret)
}

/// Whether it was made; what is there already is fine.
fn is_new<T>(made: Result<T, Status>) -> Result<bool, Status> {
    match made {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::AlreadyExists => Ok(false),
        Err(status) => Err(status),
    }
}
