//! Identifiers and resource names.
//!
//! Ids that callers may choose (portals, customers) are RFC 1123 labels; all
//! others are version 7 UUIDs (RFC 9562), which sort by the time they were made.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use rand::CryptoRng;
use uuid::{Builder, Uuid};

use crate::field::Malformed;
use crate::time::Timestamp;

/// Makes a version 7 UUID (RFC 9562, section 5.7) from the given time and randomness.
fn uuid_v7(now: Timestamp, rng: &mut impl CryptoRng) -> Uuid {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    Builder::from_unix_timestamp_millis(unix_millis(now), &random).into_uuid()
}

/// The lowest one of the millisecond of `at`.
fn lowest_uuid_v7(at: Timestamp) -> Uuid {
    Builder::from_unix_timestamp_millis(unix_millis(at), &[0; 10]).into_uuid()
}

/// What a version 7 UUID begins with. Times before 1970 have none of their own.
fn unix_millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros() / 1_000).unwrap_or(0)
}

macro_rules! label_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The id alone, without the collection it belongs to.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                parse_label(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id that sorts after every one made earlier than `now`.
            #[must_use]
            pub fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
                Self(uuid_v7(now, rng))
            }

            /// From the form it is stored in.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The form it is stored in.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.hyphenated())
            }
        }
    };
}

label_id! {
    /// A portal, `acme` in `portals/acme`. 1 to 63 of `a-z 0-9 -`.
    PortalId
}
label_id! {
    /// A customer within one portal. 1 to 63 of `a-z 0-9 -`.
    CustomerId
}
uuid_id! {
    /// A session.
    SessionId
}
uuid_id! {
    /// A sign-in, from StartSignIn on.
    SignInId
}
uuid_id! {
    /// A factor being set up.
    EnrollmentId
}
uuid_id! {
    /// A factor in force.
    FactorId
}
uuid_id! {
    /// A set of five backup codes.
    BackupCodeSetId
}
uuid_id! {
    /// An invitation.
    InvitationId
}
uuid_id! {
    /// An API key.
    ApiKeyId
}
uuid_id! {
    /// An audit event.
    AuditEventId
}
uuid_id! {
    /// One running server, among those of one database.
    ServerId
}

impl AuditEventId {
    /// The lowest id that an event at `at` can have, the first of its millisecond.
    #[must_use]
    pub fn lowest_at(at: Timestamp) -> Self {
        Self(lowest_uuid_v7(at))
    }
}

impl SessionId {
    /// The lowest id that a session made at `at` can have, the first of its millisecond.
    #[must_use]
    pub fn lowest_at(at: Timestamp) -> Self {
        Self(lowest_uuid_v7(at))
    }
}

impl CustomerId {
    /// An id for a customer whose creator chose none.
    #[must_use]
    pub fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        Self(uuid_v7(now, rng).hyphenated().to_string())
    }
}

/// RFC 1123, section 2.1: a label, here in lower case only.
fn parse_label(text: &str) -> Result<String, Malformed> {
    const RULE: Malformed = Malformed(
        "1 to 63 characters of a-z, 0-9 and -, beginning and ending with a letter or digit",
    );
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let bytes = text.as_bytes();
    let well_formed = (1..=63).contains(&bytes.len())
        && bytes.iter().copied().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if well_formed { Ok(text.to_owned()) } else { Err(RULE) }
}

/// Accepts only the hyphenated lower-case form, so that a name has one spelling.
fn parse_uuid(text: &str) -> Result<Uuid, Malformed> {
    const RULE: Malformed = Malformed("a lower-case UUID with hyphens");
    let uuid = Uuid::try_parse(text).map_err(|_| RULE)?;
    if uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text {
        Ok(uuid)
    } else {
        Err(RULE)
    }
}

/// A customer's place: its portal and its id there. No query names one without the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerKey {
    /// The portal.
    pub portal: PortalId,
    /// The customer within it.
    pub customer: CustomerId,
}

impl CustomerKey {
    /// The customer `customer` of `portal`.
    #[must_use]
    pub const fn new(portal: PortalId, customer: CustomerId) -> Self {
        Self { portal, customer }
    }
}

/// Resource names, as the API writes them. Each is parsed and printed here only.
pub mod name {
    use super::{ApiKeyId, AuditEventId, CustomerId, CustomerKey, Malformed, PortalId, SessionId};

    /// All portals there are and will be, where a name of one could stand.
    pub const ALL_PORTALS: &str = "portals/-";

    const PORTAL: Malformed = Malformed("must be portals/{portal}");
    const PORTAL_OR_ALL: Malformed = Malformed("must be portals/{portal}, or portals/- for all");
    const CUSTOMER: Malformed = Malformed("must be portals/{portal}/customers/{customer}");
    const SESSION: Malformed =
        Malformed("must be portals/{portal}/customers/{customer}/sessions/{session}");
    const CUSTOMERS: Malformed = Malformed(
        "must be portals/{portal}/customers/{customer}, or portals/{portal}/customers/- for all",
    );
    const SESSIONS_OF: Malformed = Malformed("must be the name of a session, customer or portal");
    const API_KEY: Malformed = Malformed("must be apiKeys/{api_key}");
    const AUDIT_EVENT: Malformed = Malformed("must be auditEvents/{audit_event}");

    /// Which portals a list or a grant is about.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Portals {
        /// `portals/-`
        All,
        /// `portals/{portal}`
        One(PortalId),
    }

    /// Whose sessions a list is about.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Customers {
        /// `portals/{portal}/customers/-`
        All(PortalId),
        /// `portals/{portal}/customers/{customer}`
        One(CustomerKey),
    }

    impl Customers {
        /// The portal that they are of.
        #[must_use]
        pub const fn portal(&self) -> &PortalId {
            match self {
                Self::All(portal) => portal,
                Self::One(key) => &key.portal,
            }
        }
    }

    /// Which sessions a call is about: those at or below a resource.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum SessionsOf {
        /// All of a portal.
        Portal(PortalId),
        /// All of a customer.
        Customer(CustomerKey),
        /// This one.
        Session(CustomerKey, SessionId),
    }

    impl SessionsOf {
        /// The portal that they are in.
        #[must_use]
        pub const fn portal(&self) -> &PortalId {
            match self {
                Self::Portal(portal) => portal,
                Self::Customer(key) | Self::Session(key, _) => &key.portal,
            }
        }
    }

    /// `portals/{portal}`.
    ///
    /// # Errors
    /// Anything else, the wildcard included.
    pub fn parse_portal(text: &str) -> Result<PortalId, Malformed> {
        text.strip_prefix("portals/").ok_or(PORTAL)?.parse().map_err(|_| PORTAL)
    }

    /// `portals/{portal}` or `portals/-`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_portals(text: &str) -> Result<Portals, Malformed> {
        if text == ALL_PORTALS {
            return Ok(Portals::All);
        }
        parse_portal(text).map(Portals::One).map_err(|_| PORTAL_OR_ALL)
    }

    /// `portals/{portal}/customers/{customer}`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_customer(text: &str) -> Result<CustomerKey, Malformed> {
        let rest = text.strip_prefix("portals/").ok_or(CUSTOMER)?;
        let (portal, customer) = rest.split_once("/customers/").ok_or(CUSTOMER)?;
        Ok(CustomerKey {
            portal: portal.parse().map_err(|_| CUSTOMER)?,
            customer: customer.parse::<CustomerId>().map_err(|_| CUSTOMER)?,
        })
    }

    /// `portals/{portal}/customers/{customer}`, or `portals/{portal}/customers/-`
    /// for all of the portal.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_customers(text: &str) -> Result<Customers, Malformed> {
        match text.strip_suffix("/customers/-") {
            Some(portal) => parse_portal(portal).map(Customers::All),
            None => parse_customer(text).map(Customers::One),
        }
        .map_err(|_| CUSTOMERS)
    }

    /// The name of a session, a customer or a portal.
    ///
    /// # Errors
    /// Anything else, wildcards included.
    pub fn parse_sessions_of(text: &str) -> Result<SessionsOf, Malformed> {
        let session = parse_session(text).map(|(key, id)| SessionsOf::Session(key, id));
        session
            .or_else(|_| parse_customer(text).map(SessionsOf::Customer))
            .or_else(|_| parse_portal(text).map(SessionsOf::Portal))
            .map_err(|_| SESSIONS_OF)
    }

    /// `portals/{portal}/customers/{customer}/sessions/{session}`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_session(text: &str) -> Result<(CustomerKey, SessionId), Malformed> {
        let (customer, session) = text.rsplit_once("/sessions/").ok_or(SESSION)?;
        let customer = parse_customer(customer).map_err(|_| SESSION)?;
        Ok((customer, session.parse().map_err(|_| SESSION)?))
    }

    /// `apiKeys/{api_key}`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_api_key(text: &str) -> Result<ApiKeyId, Malformed> {
        text.strip_prefix("apiKeys/").ok_or(API_KEY)?.parse().map_err(|_| API_KEY)
    }

    /// `auditEvents/{audit_event}`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_audit_event(text: &str) -> Result<AuditEventId, Malformed> {
        text.strip_prefix("auditEvents/").ok_or(AUDIT_EVENT)?.parse().map_err(|_| AUDIT_EVENT)
    }

    /// `portals/{portal}`
    #[must_use]
    pub fn portal(portal: &PortalId) -> String {
        format!("portals/{portal}")
    }

    /// `portals/{portal}/customers/{customer}`
    #[must_use]
    pub fn customer(key: &CustomerKey) -> String {
        format!("portals/{}/customers/{}", key.portal, key.customer)
    }

    /// `portals/{portal}/customers/{customer}/sessions/{session}`
    #[must_use]
    pub fn session(key: &CustomerKey, session: SessionId) -> String {
        format!("{}/sessions/{session}", customer(key))
    }

    /// `apiKeys/{api_key}`
    #[must_use]
    pub fn api_key(api_key: ApiKeyId) -> String {
        format!("apiKeys/{api_key}")
    }

    /// `auditEvents/{audit_event}`
    #[must_use]
    pub fn audit_event(audit_event: AuditEventId) -> String {
        format!("auditEvents/{audit_event}")
    }
}
