//! What administrators read: lists, their filters and pages, the trail, the preview of a
//! policy.

use gatehouse_api::v1;

use super::{Must as _, check};
use crate::client::Admin;
use crate::drive::Scenario;
use crate::measure::Failure;
use crate::population::{Group, Population};

/// Customers or events of a page that an administrator looks at.
const PAGE: i32 = 50;
/// As many as a page can have, to get to a deep one.
const LARGEST_PAGE: i32 = 1_000;

/// One read, over and over.
pub struct Administer {
    admin: Admin,
    read: Read,
}

/// What is read, with how much there has to be in the answer.
pub enum Read {
    /// A page of customers.
    Customers(Box<v1::ListCustomersRequest>, usize),
    /// A page of the trail.
    Events(Box<v1::ListAuditEventsRequest>, usize),
    /// What enforcing MFA would mean: customers.
    Preview(u64),
}

impl Read {
    /// Of the members, the first page of those that `filter` lets through.
    pub fn customers(filter: v1::ListCustomersRequest, expected: usize) -> Self {
        let parent = format!("portals/{}", Group::Members.id());
        let request = v1::ListCustomersRequest { parent, page_size: PAGE, ..filter };
        Self::Customers(Box::new(request), expected)
    }

    /// The first page of what the trail tells of `resource`.
    pub fn events(resource: String, expected: usize) -> Self {
        let filter = v1::AuditEventFilter { resource, ..Default::default() };
        let request = v1::ListAuditEventsRequest {
            filter: Some(filter),
            page_size: PAGE,
            ..Default::default()
        };
        Self::Events(Box::new(request), expected)
    }

    /// As many of a full page as there can be of `count`.
    pub fn page_of(count: u64) -> usize {
        usize::try_from(count).unwrap_or(usize::MAX).min(PAGE.unsigned_abs() as usize)
    }

    /// The page of the same list that comes after half of `count`: also where all of them are
    /// less than a largest page.
    pub async fn deep(self, admin: &mut Admin, count: u64) -> Result<Self, Failure> {
        let half = count / 2;
        let page_size = i32::try_from(half).unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE);
        let size = u64::from(page_size.unsigned_abs());
        let pages = half / size;
        let left = Self::page_of(count - pages * size);
        match self {
            Self::Customers(mut request, expected) => {
                for _ in 0..pages {
                    let page = v1::ListCustomersRequest { page_size, ..(*request).clone() };
                    request.page_token =
                        admin.list_customers(page).await?.into_inner().next_page_token;
                    check(!request.page_token.is_empty(), "a next page of customers")?;
                }
                Ok(Self::Customers(request, expected.min(left)))
            }
            Self::Events(mut request, expected) => {
                for _ in 0..pages {
                    let page = v1::ListAuditEventsRequest { page_size, ..(*request).clone() };
                    request.page_token =
                        admin.list_audit_events(page).await?.into_inner().next_page_token;
                    check(!request.page_token.is_empty(), "a next page of events")?;
                }
                Ok(Self::Events(request, expected.min(left)))
            }
            Self::Preview(customers) => Ok(Self::Preview(customers)),
        }
    }
}

impl Administer {
    /// By `admin`.
    pub const fn new(admin: Admin, read: Read) -> Self {
        Self { admin, read }
    }
}

impl Scenario for Administer {
    async fn call(&self, _caller: usize, _turn: u64) -> Result<&'static str, Failure> {
        let mut admin = self.admin.clone();
        match &self.read {
            Read::Customers(request, expected) => {
                let page = admin.list_customers((**request).clone()).await?.into_inner();
                check(page.customers.len() == *expected, "as many customers as there are")?;
                Ok("customers")
            }
            Read::Events(request, expected) => {
                let page = admin.list_audit_events((**request).clone()).await?.into_inner();
                // Whatever was done since has added more.
                check(page.audit_events.len() >= *expected, "as many events as there are")?;
                Ok("events")
            }
            Read::Preview(customers) => {
                let request = preview();
                let impact = admin.update_portal(request).await?.into_inner().impact;
                let impact = impact.must("an impact")?;
                let is_right = u64::try_from(impact.customers) == Ok(*customers);
                check(is_right, "an impact on all customers")?;
                Ok("preview")
            }
        }
    }
}

fn preview() -> v1::UpdatePortalRequest {
    let portal = v1::Portal {
        name: format!("portals/{}", Group::Members.id()),
        mfa: Some(v1::MfaPolicy { enforced: true, ..Default::default() }),
        ..Default::default()
    };
    let paths = vec!["mfa.enforced".to_owned()];
    v1::UpdatePortalRequest {
        portal: Some(portal),
        update_mask: Some(prost_types::FieldMask { paths }),
        validate_only: true,
        ..Default::default()
    }
}

/// The filter that lets one member through.
pub fn by_email(number: u64) -> v1::ListCustomersRequest {
    v1::ListCustomersRequest { email: Population::email(number), ..Default::default() }
}
