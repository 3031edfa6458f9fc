//! Resources as people name them: `acme`, `acme/ada@example.com`.

use std::convert::Infallible;
use std::error::Error;
use std::str::FromStr;

use gatehouse_api::v1::{Customer, ListCustomersRequest};

use super::connection::{Connection, answer};

/// A portal: its id, or `portals/{portal}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortalRef(String);

impl PortalRef {
    /// `portals/{portal}`
    pub(super) fn name(&self) -> String {
        format!("portals/{}", self.0)
    }

    /// The id alone.
    pub(super) fn id(&self) -> &str {
        &self.0
    }
}

impl FromStr for PortalRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.strip_prefix("portals/").unwrap_or(text).to_owned()))
    }
}

/// A customer: a portal and an email or id, or the resource name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CustomerRef {
    portal: PortalRef,
    customer: String,
}

impl FromStr for CustomerRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "must be portal/email, portal/id or portals/{portal}/customers/{customer}";
        let rest = text.strip_prefix("portals/").unwrap_or(text);
        let (portal, customer) = rest.split_once('/').ok_or(FORM)?;
        let customer = customer.strip_prefix("customers/").unwrap_or(customer);
        if portal.is_empty() || customer.is_empty() {
            return Err(FORM);
        }
        Ok(Self { portal: PortalRef(portal.to_owned()), customer: customer.to_owned() })
    }
}

impl CustomerRef {
    /// `portals/{portal}/customers/{customer}`. An email is looked up.
    ///
    /// # Errors
    /// That nobody has the email, or a refusal.
    pub(super) async fn name(&self, connection: &mut Connection) -> Result<String, Box<dyn Error>> {
        if !self.customer.contains('@') {
            return Ok(format!("{}/customers/{}", self.portal.name(), self.customer));
        }
        let request = ListCustomersRequest {
            parent: self.portal.name(),
            email: self.customer.clone(),
            ..ListCustomersRequest::default()
        };
        let found = answer(connection.list_customers(request).await)?;
        match found.customers.into_iter().next() {
            Some(Customer { name, .. }) => Ok(name),
            None => {
                Err(format!("nobody at {} has the address {}", self.portal.name(), self.customer)
                    .into())
            }
        }
    }
}

/// What sessions and events can be below of: a portal, a customer, or a session by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResourceRef {
    /// `acme`
    Portal(PortalRef),
    /// `acme/ada@example.com`
    Customer(CustomerRef),
    /// `portals/{portal}/customers/{customer}/sessions/{session}`
    Session(String),
}

impl FromStr for ResourceRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("/sessions/") {
            return Ok(Self::Session(text.to_owned()));
        }
        if text.strip_prefix("portals/").unwrap_or(text).contains('/') {
            return text.parse().map(Self::Customer);
        }
        let Ok(portal) = text.parse();
        Ok(Self::Portal(portal))
    }
}

impl ResourceRef {
    /// The resource name. An email is looked up.
    ///
    /// # Errors
    /// Those of [`CustomerRef::name`].
    pub(super) async fn name(&self, connection: &mut Connection) -> Result<String, Box<dyn Error>> {
        match self {
            Self::Portal(portal) => Ok(portal.name()),
            Self::Customer(customer) => customer.name(connection).await,
            Self::Session(name) => Ok(name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal(id: &str) -> PortalRef {
        PortalRef(id.to_owned())
    }

    #[test]
    fn a_customer_is_named_with_the_portal() {
        for text in ["acme/ada", "portals/acme/customers/ada"] {
            let expected = CustomerRef { portal: portal("acme"), customer: "ada".to_owned() };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["ada@example.com", "acme/", "/ada", "portals/acme", ""] {
            assert!(text.parse::<CustomerRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_meant_shows_in_its_form() {
        assert_eq!("acme".parse(), Ok(ResourceRef::Portal(portal("acme"))));
        assert_eq!("portals/acme".parse(), Ok(ResourceRef::Portal(portal("acme"))));
        let ada = ResourceRef::Customer("acme/ada@example.com".parse().unwrap());
        assert_eq!("acme/ada@example.com".parse(), Ok(ada));
        let session = "portals/acme/customers/ada/sessions/1";
        assert_eq!(session.parse(), Ok(ResourceRef::Session(session.to_owned())));
    }
}
